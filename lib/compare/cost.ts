import { mean } from 'simple-statistics';
import type { Method } from '../config';
import { METHOD_LABELS, SETTING_LABELS } from './labels';
import type { ModelRecord, RunRecord, Setting, TrainingRecord } from './run-record';
import { runsOf } from './runs';

/** What a method cost, the mean over its training seeds. */
export interface Cost {
  readonly trainable: number;
  readonly parameters: number;
  readonly updates: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  readonly savedBytes: number;
}

/** Null when the method was not trained. */
export function costOf(runs: readonly { readonly training: TrainingRecord | null }[]): Cost | null {
  const trained = runs.flatMap(({ training }) => training ?? []);
  if (trained.length === 0) return null;
  const of = (key: keyof Cost) => mean(trained.map((one) => one[key]));
  return {
    trainable: of('trainable'),
    parameters: of('parameters'),
    updates: of('updates'),
    tokens: of('tokens'),
    seconds: of('seconds'),
    peakMemoryBytes: of('peakMemoryBytes'),
    savedBytes: of('savedBytes'),
  };
}

/** One method at one setting: its runs, one for each training seed, and what they cost. */
export interface MethodCost {
  readonly method: Method;
  readonly setting: Setting;
  /** 'LoRA, own rate'. */
  readonly label: string;
  readonly runs: readonly ModelRecord[];
  readonly cost: Cost;
}

/** Every method and setting that was trained, the run's own rates first. */
export function costs(record: RunRecord): MethodCost[] {
  return (['tuned', 'paper'] as const).flatMap((setting) =>
    (['lora', 'full'] as const).flatMap((method) => {
      const runs = runsOf(record, method, setting);
      const cost = costOf(runs);
      return cost
        ? [{ method, setting, label: `${METHOD_LABELS[method]}, ${SETTING_LABELS[setting]}`, runs, cost }]
        : [];
    }),
  );
}
