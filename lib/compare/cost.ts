import { mean } from 'simple-statistics';
import { METHOD_LABELS, SETTING_LABELS } from './labels';
import type { RunRecord, TrainingRecord } from './run-record';
import { type Arm, armsOf } from './runs';

/** What a method cost, the mean over its training seeds; of memory the most, for a training that was carried on shows its last part's. */
export interface Cost {
  readonly trainable: number;
  readonly parameters: number;
  readonly updates: number;
  /** Padding included. */
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
    peakMemoryBytes: Math.max(...trained.map((one) => one.peakMemoryBytes)),
    savedBytes: of('savedBytes'),
  };
}

/** What the runs of one method at one setting cost. */
export interface MethodCost extends Arm {
  /** 'LoRA, own rate'. */
  readonly label: string;
  readonly cost: Cost;
}

/** Every method and setting that was trained, the run's own rates first. */
export function costs(record: RunRecord): MethodCost[] {
  return armsOf(record).flatMap((arm) => {
    const cost = costOf(arm.runs);
    return cost ? [{ ...arm, label: `${METHOD_LABELS[arm.method]}, ${SETTING_LABELS[arm.setting]}`, cost }] : [];
  });
}
