import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { mean } from 'simple-statistics';
import { WORKBOOK_ROOT } from '../../files';
import { PRESETS, type PresetName } from '../../run/presets';
import { readTrials, TRIALS_FILE, type Trial, trainingOf, tunedAccuracy } from '../../run/rate-trial';

/** One peak rate of one way of training, over its seeds. */
export interface RateRow {
  /** 'LoRA, 8 epochs, rows apart' */
  readonly training: string;
  readonly rate: number;
  readonly seeds: number;
  /**
   * In percent, of the development items about facts that were trained on: mean, lowest and highest seed. Null where the
   * held-out loss alone decides, as it does for rows of the real world.
   */
  readonly accuracy: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Mean, nats per response token. */
  readonly heldOutLoss: number;
}

/**
 * What `npx med42 tune` measured, each way of training at each rate of the grid: the reader's own trials, else those that come
 * with the workbook. Empty where there are neither.
 *
 * @param preset whose rates; every preset of the bundled rows has the miniature's
 * @param results the folder of results
 */
export async function readRateTrials(
  preset: PresetName = 'miniature',
  results = join(WORKBOOK_ROOT, 'results'),
): Promise<RateRow[]> {
  const folder = PRESETS[preset].rateGrid === null ? 'tune' : `tune-${preset}`;
  const own = join(results, folder, TRIALS_FILE);
  const file = existsSync(own) ? own : join(results, 'recorded', folder, TRIALS_FILE);
  const groups = new Map<string, Trial[]>();
  for (const trial of await readTrials(file)) {
    const key = `${trainingOf(trial)} ${trial.rate}`;
    groups.set(key, [...(groups.get(key) ?? []), trial]);
  }
  return [...groups.values()]
    .map((trials): RateRow => {
      const scored = trials.every(({ groups }) => Object.keys(groups).length > 0);
      const accuracies = scored ? trials.map((trial) => 100 * tunedAccuracy(trial)) : null;
      return {
        training: trainingOf(trials[0]!),
        rate: trials[0]!.rate,
        seeds: trials.length,
        accuracy: accuracies && mean(accuracies),
        low: accuracies && Math.min(...accuracies),
        high: accuracies && Math.max(...accuracies),
        heldOutLoss: mean(trials.map(({ heldOutLoss }) => heldOutLoss)),
      };
    })
    .sort((a, b) => a.training.localeCompare(b.training, 'en') || a.rate - b.rate);
}
