import * as v from 'valibot';
import type { ModelRecord } from '../../compare/run-record';
import type { TrainConfig } from '../../config';
import { writeFileAtomic } from '../../files';
import { hashModel, modelIdentity, openInputs } from '../../run/inputs';
import type { RunOptions } from '../../run/options';
import type { RunWatcher } from '../../run/run';
import { count, looseFields, range, readFields, text } from '../../schema';
import { interruptSignal } from '../kernel/interrupt';
import { makeModel } from './make-model';
import { showProgress } from './show-progress';

export interface Variant {
  /** As people read it, and with its seeds the name of its files: 'rank-4'. */
  readonly name: string;
  readonly training: TrainConfig;
}

/** What one variant's trainings came to. */
export interface SweepResult {
  readonly name: string;
  readonly trainable: number;
  /** Held-out loss after the last update, for each seed in order; nats per response token. */
  readonly heldOut: readonly number[];
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

interface Saved {
  readonly name: string;
  /** Of rows, base, settings and device: another training's result is never taken for this one's. */
  readonly identity: string;
  readonly trainable: number;
  readonly heldOutLoss: number;
}

/**
 * Trains each variant once for each seed, or reads what `file` says of the very same training (same rows, base, settings,
 * device). What had to be trained is added to the file.
 *
 * @param file keeps the results: JSON
 * @param make trains one
 * @throws when interrupted; what is done by then is kept
 */
export async function sweep(
  variants: readonly Variant[],
  seeds: readonly number[],
  options: RunOptions,
  file: string,
  watcher: RunWatcher = showProgress(),
  signal: AbortSignal = interruptSignal(),
  make: typeof makeModel = makeModel,
): Promise<SweepResult[]> {
  const { data, model, config, device, xla } = options;
  const inputs = await openInputs({ data, model }, config);
  const modelHash = await hashModel(inputs);
  const before = await readSaved(file);
  const used: Saved[] = [];
  const rows: SweepResult[] = [];
  for (const { name: variant, training: settings } of variants) {
    const heldOut: number[] = [];
    let trainable = 0;
    for (const seed of seeds) {
      const training = { ...settings, seed };
      const name = `${variant}-${seed}`;
      const { method } = training;
      const plan = { name, title: name, method, setting: 'tuned', seed, training } as const;
      const identity = modelIdentity(plan, inputs, modelHash, device, xla);
      const known = before.find((one) => one.identity === identity);
      const saved = known ?? { name, identity, ...resultOf(await make({ name, training, options }, watcher, signal)) };
      used.push(saved);
      if (!known) await writeSaved(file, [...before, ...used.filter((one) => !before.includes(one))]);
      heldOut.push(saved.heldOutLoss);
      trainable = saved.trainable;
    }
    rows.push({ name: variant, trainable, heldOut, ...spread(heldOut) });
  }
  // Those of another miniature, or of settings no longer asked for, are of no use to anybody.
  if (before.some((one) => !used.includes(one))) await writeSaved(file, used);
  return rows;
}

function resultOf({ name, training }: ModelRecord): Pick<Saved, 'trainable' | 'heldOutLoss'> {
  const heldOutLoss = training?.log.findLast((one) => one.heldOutLoss !== undefined)?.heldOutLoss;
  if (heldOutLoss === undefined) throw new Error(`sweep: ${name} has no held-out loss; hold out more rows`);
  return { trainable: training!.trainable, heldOutLoss };
}

function spread(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, low: Math.min(...values), high: Math.max(...values) };
}

const SAVED = v.array(
  looseFields(
    {},
    {
      name: text,
      identity: text,
      trainable: count,
      heldOutLoss: range(0, Number.MAX_VALUE),
    },
  ),
  'a list of trainings',
);

async function readSaved(file: string): Promise<Saved[]> {
  return (await readFields(SAVED, file, 'sweep', 'delete it, and it is made anew')) ?? [];
}

async function writeSaved(file: string, saved: readonly Saved[]): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(saved, null, 1)}\n`);
}
