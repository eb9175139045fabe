import type { EvalItem } from '../../data/examples';

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
 * Which form of a benchmark is scored: the same command gave other prompts in other years.
 *
 * - present: lm-evaluation-harness's main branch (4e7e0d4, August 2026)
 * - 2022: its v0.3.0 (62ca184); it had no MedQA, MedMCQA or USMLE
 * - 2023: its legacy branch when the paper was written (b281b09 to 0bf683b), with pull requests then open
 * - doctor-2023: the prompt of pull request 986 for MedQA, MedMCQA and USMLE alike, as the fork it came from has it
 * - continuation: its `mmlu_*_continuation`: whole answers, options not shown
 * - chat: the present form inside Med42's own prompt template
 */
export const TASK_VARIANTS = ['present', '2022', '2023', 'doctor-2023', 'continuation', 'chat'] as const;

export type TaskVariant = (typeof TASK_VARIANTS)[number];

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
