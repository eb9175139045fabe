import type { Method, TrainConfig } from '../config';
import type { MixtureReport } from '../data/mixture';
import type { PackingReport } from '../data/packing/packing';
import type { SampleReport } from '../data/samples';
import type { ItemResult, ScoreResult } from '../eval/score';
import type { StepRecord } from '../train/log';
import type { Subject } from './runs';

/** The form of `run.json`; another form is refused, never guessed at. */
export const RUN_RECORD_VERSION = 2;

/**
 * What a run measured, as `results/RUN/run.json` holds it: every table, figure and page of the report is made from this
 * record alone, so that they can be drawn again, and another run's beside them, without training anything.
 */
export interface RunRecord {
  readonly version: typeof RUN_RECORD_VERSION;
  readonly preset: string;
  readonly subject: Subject;
  /** The untouched base first; then one for each method, setting and training seed. */
  readonly models: readonly ModelRecord[];
  readonly mixture: MixtureReport;
  /** What is to be said of the rows: files and rows that were not read, left out or cut. Runs before it have none. */
  readonly notes?: readonly string[];
  /** Sources that stand in for a set of the paper's, in words. */
  readonly standIns: readonly { readonly subset: string; readonly note: string; readonly rows: number }[];
  readonly packing: PackingReport;
  readonly samples: SampleReport;
  /** Of the bundled miniature: which fact an item asks for, and that fact's group; null for other data. */
  readonly facts: Readonly<Record<string, { readonly factId: string; readonly group: string }>> | null;
  /** Items left out of scoring: an answer longer than the model's context. */
  readonly overlong: readonly string[];
}

/**
 * What the two methods share, and what differs.
 *
 *     tuned        the paper's epochs (LoRA 8, full 3), each method at its own best peak rate
 *     controlled   as many epochs for both, each at its own best peak rate: a difference is the method's alone
 *     paper        the paper's epochs and the paper's peak rates
 */
export const SETTINGS = ['tuned', 'controlled', 'paper'] as const;
export type Setting = (typeof SETTINGS)[number];

export interface ModelRecord {
  /** Unique and fit for a file name: 'base', 'lora-42', 'lora-controlled-42', 'full-paper-42'. */
  readonly name: string;
  readonly method: 'base' | Method;
  /** What it was trained for first; one for each training, so that nothing is counted twice. */
  readonly setting: Setting;
  /** Settings that ask for the very same training: it is not made twice. */
  readonly alsoSettings?: readonly Setting[];
  /** Of the training; null for the base. */
  readonly seed: number | null;
  /** Null for the base. */
  readonly training: TrainingRecord | null;
  readonly scores: ScoreResult;
  /** The non-medical quiz that the base learnt letters from, held-out questions: what tuning forgets. Null where there is none. */
  readonly quiz: { readonly correct: number; readonly n: number; readonly items: readonly ItemResult[] } | null;
}

/** Whether a model stands for a setting: its own, or one that asks for the same training. */
export const isUnder = (
  { setting, alsoSettings }: Pick<ModelRecord, 'setting' | 'alsoSettings'>,
  asked: Setting,
): boolean => setting === asked || (alsoSettings?.includes(asked) ?? false);

export interface TrainingRecord {
  readonly config: TrainConfig;
  /** Parameters that the optimizer changes. */
  readonly trainable: number;
  /** All parameters of the model, the frozen ones included. */
  readonly parameters: number;
  readonly updates: number;
  /** Seconds inside updates, of the process that trained it; held-out losses and checkpoints not counted. */
  readonly seconds: number;
  /** Places of the chunks read, padding included. */
  readonly tokens: number;
  /** Most memory resident in the training's own process. */
  readonly peakMemoryBytes: number;
  /** Of the file that holds what was trained: an adapter or a whole model. */
  readonly savedBytes: number;
  readonly log: readonly StepRecord[];
}
