import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mean } from 'simple-statistics';
import { WORKBOOK_ROOT } from '../report/environment';
import { METHOD_LABELS } from '../report/labels';
import type { Trial } from '../reproduce/rate-trial';
import { tunedAccuracy } from '../reproduce/rate-trial';

/** One peak rate of one way of training, over its seeds. */
export interface RateRow {
  /** 'LoRA, 8 epochs' */
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
    const key = `${trial.method} ${trial.epochs} ${trial.rate}`;
    groups.set(key, [...(groups.get(key) ?? []), trial]);
  }
  return [...groups.values()]
    .map((trials): RateRow => {
      const { method, epochs, rate } = trials[0]!;
      const accuracies = trials.map((trial) => 100 * tunedAccuracy(trial));
      return {
        training: `${METHOD_LABELS[method]}, ${epochs} epochs`,
        rate,
        seeds: trials.length,
        accuracy: mean(accuracies),
        low: Math.min(...accuracies),
        high: Math.max(...accuracies),
        heldOutLoss: mean(trials.map(({ heldOutLoss }) => heldOutLoss)),
      };
    })
    .sort((a, b) => a.training.localeCompare(b.training, 'en') || a.rate - b.rate);
}
