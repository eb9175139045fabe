import type { EvalItem } from '../data/examples';

/** The benchmarks, named as the harness names them; the two USMLE exams were never harness tasks. */
export const TASK_NAMES = [
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

export type TaskName = (typeof TASK_NAMES)[number];

/**
 * Which form of a benchmark is scored. 'present' is the harness's main branch; the forms of 2022 and 2023, and
 * chat-wrapped ones, would stand beside it: the same command gave other prompts in other years.
 */
export type TaskVariant = 'present';

/** The harness's `acc` and `acc_norm`. */
export type TaskMetric = 'acc' | 'accNorm';

/**
 * One benchmark in one form: how an item becomes requests, and what is counted.
 * Request i of an item is (docToText, targetDelimiter + docToChoice[i]).
 */
export interface TaskDefinition {
  readonly name: TaskName;
  readonly variant: TaskVariant;
  /** The harness's `metadata.version`; 'unversioned' where its file has none. */
  readonly version: string;
  /** The file this form was read from. */
  readonly source: string;
  /** How many options an item may have. */
  readonly choiceCount: { readonly min: number; readonly max: number };
  /** The whole context string, description included. */
  docToText(item: EvalItem): string;
  /** The scored answers, without the delimiter: letters, words or whole texts. */
  docToChoice(item: EvalItem): readonly string[];
  /** The right answer's place in `docToChoice`, which need not be its place in `item.choices`. */
  docToTarget(item: EvalItem): number;
  readonly targetDelimiter: string;
  readonly metrics: readonly TaskMetric[];
}
