import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mean } from 'simple-statistics';
import { WORKBOOK_ROOT } from '../report/environment';
import { type Trial, trainingOf, tunedAccuracy } from '../reproduce/rate-trial';

/** One peak rate of one way of training, over its seeds. */
export interface RateRow {
  /** 'LoRA, 8 epochs, rows apart' */
  readonly training: string;
  readonly rate: number;
  readonly seeds: number;
  /** In percent, of the development items about facts that were trained on: mean, lowest and highest seed. */
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  /** Mean, nats per response token. */
  readonly heldOutLoss: number;
}

/**
 * What `npm run tune` measured: each way of training at each rate of the grid. Empty where it was not run.
 *
 * @param file default: where `npm run tune` writes
 */
export async function readRateTrials(file = join(WORKBOOK_ROOT, 'results', 'tune', 'trials.json')): Promise<RateRow[]> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  const groups = new Map<string, Trial[]>();
  for (const trial of JSON.parse(text) as Trial[]) {
    const key = `${trainingOf(trial)} ${trial.rate}`;
    groups.set(key, [...(groups.get(key) ?? []), trial]);
  }
  return [...groups.values()]
    .map((trials): RateRow => {
      const accuracies = trials.map((trial) => 100 * tunedAccuracy(trial));
      return {
        training: trainingOf(trials[0]!),
        rate: trials[0]!.rate,
        seeds: trials.length,
        accuracy: mean(accuracies),
        low: Math.min(...accuracies),
        high: Math.max(...accuracies),
        heldOutLoss: mean(trials.map(({ heldOutLoss }) => heldOutLoss)),
      };
    })
    .sort((a, b) => a.training.localeCompare(b.training, 'en') || a.rate - b.rate);
}
