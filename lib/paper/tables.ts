import type { PaperBenchmark } from './benchmarks';

/*
 * The paper's tables as printed, to set our results beside. Accuracies are in percent with one decimal:
 * 86 here is '86.0' there. A dash is null. Nothing is corrected: where the printed numbers do not add up, they stand
 * here as they stand there, and the audit says so.
 */

/** A row's key: a benchmark, or the group whose average it is. */
export type PaperRowKey = PaperBenchmark | 'mmlu' | 'usmle';

export const TABLE_1_COLUMNS = [
  { key: 'peFt', label: 'PE-FT', note: null },
  { key: 'fpFt', label: 'FP-FT (Med42)', note: null },
  { key: 'clinicalCamel', label: 'ClinCamel', note: 'Toma et al. 2023' },
  { key: 'mediTron', label: 'MediTron', note: 'Chen et al. 2023; few-shot' },
  { key: 'gpt35', label: 'GPT-3.5', note: 'Nori et al. 2023' },
  { key: 'gpt4', label: 'GPT-4', note: 'Nori et al. 2023' },
  { key: 'medPalm2', label: 'MedPaLM-2', note: 'Singhal et al. 2023; few-shot' },
] as const;

export type Table1Column = (typeof TABLE_1_COLUMNS)[number]['key'];

export interface Table1Row extends Readonly<Record<Table1Column, number | null>> {
  readonly key: PaperRowKey;
  readonly label: string;
  /** The fine-tuned models are reported in every row. */
  readonly peFt: number;
  readonly fpFt: number;
}

function row(key: PaperRowKey, label: string, values: readonly [number, number, ...(number | null)[]]): Table1Row {
  const [peFt, fpFt, clinicalCamel = null, mediTron = null, gpt35 = null, gpt4 = null, medPalm2 = null] = values;
  return { key, label, peFt, fpFt, clinicalCamel, mediTron, gpt35, gpt4, medPalm2 };
}

/** Table 1: zero-shot accuracy in percent of the two fine-tuned Llama-2 70B models beside published models. */
export const TABLE_1: readonly Table1Row[] = [
  row('mmlu', 'MMLU (average)', [76.7, 76.7, 69.8, 71.5, 66.6, 87.0, 89.4]),
  row('mmlu_clinical_knowledge', 'Clinical knowledge', [76.6, 74.3, 69.8, null, 69.8, 86.0, 88.3]),
  row('mmlu_college_biology', 'College biology', [83.3, 84.0, 79.2, null, 72.2, 95.1, 94.4]),
  row('mmlu_college_medicine', 'College medicine', [72.8, 68.8, 67.0, null, 61.3, 76.9, 80.9]),
  row('mmlu_medical_genetics', 'Medical genetics', [80.0, 86.0, 69.0, null, 70.0, 91.0, 90.0]),
  row('mmlu_professional_medicine', 'Professional medicine', [80.1, 79.8, 71.3, null, 70.2, 93.0, 95.2]),
  row('mmlu_anatomy', 'Anatomy', [67.4, 67.4, 62.2, null, 56.3, 80.0, 77.8]),
  row('headqa_en', 'HeadQA', [70.6, 72.0, null, null, null, null, null]),
  row('medmcqa', 'MedMCQA', [54.7, 60.9, 47.0, 53.3, 50.1, 69.5, 71.3]),
  row('medqa_4options', 'MedQA', [59.1, 61.5, 53.4, 52.0, 50.8, 78.9, 79.7]),
  row('pubmedqa', 'PubMedQA', [75.8, 76.8, 74.3, 79.8, 71.6, 75.2, 79.2]),
  row('usmle', 'USMLE (average)', [68.3, 71.9, null, null, 53.1, 84.1, null]),
  row('usmle_self_assessment', 'Self-assessment', [68.0, 71.7, null, null, 49.1, 83.8, null]),
  row('usmle_sample_exam', 'Sample exam', [68.6, 72.0, 54.3, null, 56.9, 84.3, null]),
];

export interface TableA2Row {
  readonly key: PaperRowKey | 'total';
  readonly label: string;
  readonly samples: number;
  readonly contaminated: number;
  /** Printed beside it, one decimal. */
  readonly contaminatedPercent: number;
}

const flagged = (key: TableA2Row['key'], label: string, samples: number, contaminated: number, percent: number) =>
  ({ key, label, samples, contaminated, contaminatedPercent: percent }) as const;

/** Table A2: evaluation items found too near to the training data. The total is the printed one, not the rows' sum. */
export const TABLE_A2: readonly TableA2Row[] = [
  flagged('mmlu', 'MMLU (total)', 1089, 17, 1.6),
  flagged('mmlu_clinical_knowledge', 'Clinical Knowledge', 265, 1, 0.4),
  flagged('mmlu_college_biology', 'College Biology', 144, 1, 0.7),
  flagged('mmlu_college_medicine', 'College Medicine', 173, 1, 0.6),
  flagged('mmlu_medical_genetics', 'Medical Genetics', 100, 6, 6.0),
  flagged('mmlu_professional_medicine', 'Professional Medicine', 272, 7, 2.6),
  flagged('mmlu_anatomy', 'Anatomy', 135, 1, 0.7),
  flagged('medmcqa', 'MedMCQA', 4183, 65, 1.6),
  flagged('medqa_4options', 'MedQA', 1273, 73, 5.7),
  flagged('headqa_en', 'HeadQA', 2742, 62, 2.3),
  flagged('pubmedqa', 'PubmedQA', 500, 2, 0.4),
  flagged('usmle', 'USMLE (total)', 650, 22, 3.4),
  flagged('usmle_self_assessment', 'Self-Assessment', 325, 11, 3.4),
  flagged('usmle_sample_exam', 'Sample Exam', 325, 11, 3.4),
  flagged('total', 'Total', 11904, 280, 2.4),
];

export interface TableA3Row {
  readonly key: PaperRowKey;
  readonly label: string;
  readonly peFt: number;
  /** Printed difference to table 1, in points. */
  readonly peFtChange: number;
  readonly fpFt: number;
  readonly fpFtChange: number;
}

const cleaned = (key: PaperRowKey, label: string, pe: readonly [number, number], fp: readonly [number, number]) =>
  ({ key, label, peFt: pe[0], peFtChange: pe[1], fpFt: fp[0], fpFtChange: fp[1] }) as const;

/** Table A3: accuracy in percent of the 70B models without the items of table A2, and the change from table 1. */
export const TABLE_A3: readonly TableA3Row[] = [
  cleaned('mmlu', 'MMLU (average)', [76.8, 0.1], [76.6, -0.1]),
  cleaned('mmlu_clinical_knowledge', 'Clinical knowledge', [76.9, 0.3], [74.2, -0.1]),
  cleaned('mmlu_college_biology', 'College biology', [83.2, -0.1], [83.9, -0.1]),
  cleaned('mmlu_college_medicine', 'College medicine', [73.2, 0.4], [69.2, 0.3]),
  cleaned('mmlu_medical_genetics', 'Medical genetics', [79.8, -0.2], [85.1, -0.9]),
  cleaned('mmlu_professional_medicine', 'Professional medicine', [80.4, 0.3], [80.0, 0.2]),
  cleaned('mmlu_anatomy', 'Anatomy', [67.2, -0.2], [67.2, -0.2]),
  cleaned('headqa_en', 'HeadQA', [70.3, -0.3], [71.7, -0.3]),
  cleaned('medmcqa', 'MedMCQA', [55.2, 0.5], [61.5, 0.6]),
  cleaned('medqa_4options', 'MedQA', [58.5, -0.6], [61.0, -0.5]),
  cleaned('pubmedqa', 'PubMedQA', [75.7, -0.1], [76.3, -0.5]),
  cleaned('usmle', 'USMLE (average)', [68.2, -0.1], [72.1, 0.2]),
  cleaned('usmle_self_assessment', 'Self-assessment', [67.7, -0.3], [72.2, 0.5]),
  cleaned('usmle_sample_exam', 'Sample exam', [68.7, 0.1], [72.0, 0.0]),
];

/** The row of a table that belongs to a task or a group. */
export function paperRow<T extends { readonly key: string }>(table: readonly T[], key: PaperRowKey): T | undefined {
  return table.find((one) => one.key === key);
}

/** Parameters that the paper's LoRA trains, in millions, as its text gives them. Source: paper, Modelling, 'LoRA'. */
export const LORA_MILLIONS = { '7B': 20, '70B': 104 } as const;
