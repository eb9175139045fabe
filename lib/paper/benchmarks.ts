/** The benchmarks of the paper's table 1, in its order, by the harness's names; the two USMLE exams were never harness tasks. */
export const PAPER_BENCHMARKS = [
  'mmlu_clinical_knowledge',
  'mmlu_college_biology',
  'mmlu_college_medicine',
  'mmlu_medical_genetics',
  'mmlu_professional_medicine',
  'mmlu_anatomy',
  'headqa_en',
  'medmcqa',
  'medqa_4options',
  'pubmedqa',
  'usmle_self_assessment',
  'usmle_sample_exam',
] as const;

export type PaperBenchmark = (typeof PAPER_BENCHMARKS)[number];
