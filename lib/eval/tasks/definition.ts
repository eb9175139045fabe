import type { EvalItem } from '../../data/examples';
import type { TaskName } from './tasks';

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
 * One form of a task: how an item becomes requests, and what is counted.
 * Request i of an item is (docToText, targetDelimiter + docToChoice[i]).
 */
export interface TaskForm {
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

/** One task in one form. */
export interface TaskDefinition extends TaskForm {
  readonly name: TaskName;
  readonly variant: TaskVariant;
}

/** Tasks that are asked for together and averaged. */
export interface TaskFamily {
  /** What the command line and the results call it: 'mmlu'. */
  readonly name: string;
  /** For tables and figures: 'MMLU'. */
  readonly label: string;
}

/** All that the workbook knows of one task of a benchmark. `benchmarks.ts` lists them. */
export interface Benchmark<Name extends string = string> {
  /** As the harness names it, where it has it. */
  readonly name: Name;
  /** For tables and figures. */
  readonly label: string;
  readonly family?: TaskFamily;
  /** An item's `task`, and its `subject` where one spelling serves several tasks; the name itself always serves. */
  readonly itemTask?: { readonly task: string; readonly subject?: string };
  /** Its forms by variant; `chat` is made from the present one. */
  readonly forms: { readonly present: TaskForm } & Readonly<Partial<Record<Exclude<TaskVariant, 'chat'>, TaskForm>>>;
  /**
   * An item with the columns of the data set that the harness downloads, as its sample files hold it.
   * Columns that no task reads (MedMCQA's explanation, HeadQA's year) are not there.
   */
  toDocument(item: EvalItem): Record<string, unknown>;
  /** The `target` of the harness's sample files, where it is another than the answer's place. */
  toTarget?(item: EvalItem): string;
  /** What makes an item unfit beside its number of options: 'has the options ..., required ...'. Undefined where it is fit. */
  unfit?(item: EvalItem): string | undefined;
  /** Answering needs no fact: the answer stands in the question's own context. */
  readonly answerInContext?: boolean;
  /** For the error that says which file to bring. */
  readonly itemFile?: {
    /** Why the workbook does not bring the items. */
    readonly why?: string;
    /** What `context` holds, where an item needs it. */
    readonly context?: string;
    /** What `choices` holds, where it is more than a number of texts. */
    readonly choices?: string;
  };
}
