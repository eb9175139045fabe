import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Method } from '../config';
import { openDevice } from '../engine/device';
import { XLA_DEFAULTS } from '../engine/xla/options';
import { writeFileAtomic } from '../files';
import { json } from './data-stage';
import { hashModel, openTrainingInputs, type Sources } from './inputs';
import { lockFolder } from './lock';
import { makeModels, sideBySide } from './make-models';
import type { ModelPlan } from './plan';
import { PRESETS, type PresetName } from './presets';
import { highestPeak, previewRows, previewTraining } from './preview';
import { createProgress } from './progress';
import { TRIALS_FILE, type Trial, TUNING_TABLE, trialsTable } from './rate-trial';
import type { RunWatcher } from './run';

/** Of rows, held-out rows and training: none of the preset's own. */
const SEED = 1;

export interface RateGridOptions extends Sources {
  readonly preset: PresetName;
  readonly out: string;
}

/**
 * Trains each method of a preset at every rate of its grid, as the preset trains it but on half as many rows and with
 * another seed, and notes the held-out loss, by which a rate is to be chosen. The seed draws other rows, holds out others,
 * and begins elsewhere. No evaluation item is read. Interrupted or killed, the same options carry it on.
 *
 * @returns the table of trials
 * @throws when the preset has no grid, or when interrupted
 */
export async function tryRates(
  { preset, data, model, out }: RateGridOptions,
  signal: AbortSignal,
  { say, progress = createProgress }: RunWatcher,
): Promise<string> {
  const { rateGrid, samples } = PRESETS[preset];
  if (!rateGrid)
    throw new Error(`tune: preset ${preset} has no grid of rates; name one that has, or correct lib/run/presets.ts`);
  const config = { ...PRESETS[preset], samples: samples && Math.ceil(samples / 2), seed: SEED };
  const device = await openDevice('cpu');
  const inputs = await openTrainingInputs({ data, model }, config, progress);
  for (const line of previewRows(inputs.data)) say(line);
  for (const method of config.methods)
    for (const line of previewTraining(inputs, inputs.config[method], device)) say(line);
  const lock = await lockFolder(out);
  try {
    const plans = config.methods.flatMap((method) =>
      rateGrid[method].map((rate) => planOf(method, rate, inputs.config[method])),
    );
    const peak = () => highestPeak(inputs, device);
    const { threads, atOnce } = sideBySide(device, config.threads, plans.length, peak);
    const modelHash = await hashModel(inputs);
    const options = { model, device: 'cpu', xla: XLA_DEFAULTS, out } as const;
    const { models } = await makeModels({ plans, inputs, modelHash, options, threads, atOnce }, signal, {
      say,
      progress,
    });
    const trials = models.map(({ identity, record, took }): Trial => {
      const { config: made, updates, log } = record.training!;
      const { method, epochs, learningRate: rate, seed } = made;
      const losses = log.flatMap(({ heldOutLoss }) => heldOutLoss ?? []);
      return {
        identity,
        method,
        packing: config.packing,
        rate,
        epochs,
        seed,
        steps: updates,
        seconds: took.seconds,
        firstLoss: losses[0]!,
        heldOutLoss: losses.at(-1)!,
        groups: {},
      };
    });
    const table = trialsTable(trials);
    await writeFileAtomic(join(out, TRIALS_FILE), json(trials));
    await writeFileAtomic(join(out, TUNING_TABLE), `${table}\n`);
    // What is kept are losses: a full-parameter model of each rate would fill a disk.
    await rm(join(out, 'models'), { recursive: true, force: true });
    return table;
  } finally {
    lock.release();
  }
}

function planOf(method: Method, learningRate: number, config: NonNullable<ModelPlan['training']>): ModelPlan {
  return {
    name: `${method}-${learningRate}`,
    title: `${method === 'lora' ? 'LoRA' : 'full'} at ${learningRate}`,
    method,
    setting: 'tuned',
    seed: SEED,
    training: { ...config, learningRate, seed: SEED },
  };
}
