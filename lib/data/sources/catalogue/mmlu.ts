/** The thirteen subjects of the paper's training rows. Source: paper, note to table A1. */
export const MMLU_TRAINING_SUBJECTS = [
  'anatomy',
  'clinical_knowledge',
  'college_medicine',
  'medical_genetics',
  'professional_medicine',
  'college_biology',
  'high_school_biology',
  'professional_psychology',
  'high_school_psychology',
  'human_sexuality',
  'human_aging',
  'nutrition',
  'virology',
];

/** The six that the paper scores, in table 1's order. Source: paper, Model evaluation. */
export const MMLU_SUBJECTS = [
  'clinical_knowledge',
  'college_biology',
  'college_medicine',
  'medical_genetics',
  'professional_medicine',
  'anatomy',
] as const;

/** As `cais/mmlu` calls its files. */
export const mmluFiles = (subjects: readonly string[], splits: readonly string[]): string[] =>
  subjects.flatMap((subject) => splits.map((split) => `${subject}/${split}-00000-of-00001.parquet`));
