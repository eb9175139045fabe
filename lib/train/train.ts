import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../config';
import type { ChunkList, ChunkTensors } from '../data/packing/chunks';
import type { Program } from '../engine/compile';
import type { Device } from '../engine/device';
import { createState, type DeviceState } from '../engine/state';
import { float32, type HostTensors, int32 } from '../engine/tensors';
import type { TunedModel } from '../model/tuned';
import { createRandom } from '../random';
import type { BatchLoss } from './batch-loss';
import { askedPlaces, type BatchForm, type BatchPlan, batchTensors, lossTokens, planBatches } from './batches';
import { loadCheckpoint, type RunIdentity, saveCheckpoint } from './checkpoint';
import { appendLog, rewindLog, type StepRecord, syncLog } from './log';
import { compileHeldOutLoss, compileTraining, type TrainingPrograms, trainingState } from './programs';
import { learningRateAt } from './schedule';

export interface TrainOptions {
  readonly model: TunedModel;
  readonly config: TrainConfig;
  readonly device: Device;
  /** In memory or in a file: an update reads its own alone. */
  readonly chunks: ChunkList;
  /** Chunks never trained on, whose loss is taken before the first update, after each epoch and after the last update. */
  readonly heldOut: ChunkList;
  /** Chunks carry segments and positions of their own (block-diagonal packing). */
  readonly separate: boolean;
  /** What updates minimise; default the response tokens' cross-entropy, which the held-out loss always is. */
  readonly loss?: BatchLoss;
  /** Gets train.jsonl and the checkpoint. */
  readonly folder: string;
  /** Says which run this is; see RunIdentity. */
  readonly identity: RunIdentity;
  /** Updates between checkpoints. */
  readonly checkpointEvery: number;
  /** Called once all is compiled, before the first update; `resumedAt` is above 0 when a run is carried on. */
  readonly onStart?: (resumedAt: number, plan: BatchPlan) => void;
  readonly onRecord?: (record: StepRecord, plan: BatchPlan) => void;
  /** Held-out chunks done of a look at the held-out loss, of all: with a large model it takes as long as several updates. */
  readonly onHeldOut?: (step: number, done: number, total: number) => void;
  /** Aborting stops after the current update, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  /** On the device: the trained tensors among the optimizer's. */
  readonly state: DeviceState;
  readonly records: readonly StepRecord[];
  readonly plan: BatchPlan;
  /** The update this run began with: above 0 when it was resumed. */
  readonly resumedAt: number;
}

/**
 * Trains `model` on `chunks`, or carries an interrupted training on: the same command after a kill gives, on the CPU,
 * the same losses and weights bit for bit.
 *
 * @throws when the loss is not finite (the last checkpoint stays), when an update has no response token, when interrupted
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { model, config, device, chunks, folder, identity } = options;
  const plan = planBatches(chunks.length, config);
  await mkdir(folder, { recursive: true });
  const logFile = join(folder, 'train.jsonl');
  const { state, step: resumedAt } = await openState(options);
  const looksAfter = (updates: number) =>
    options.heldOut.length > 0 && (updates % plan.stepsPerEpoch === 0 || updates === plan.totalSteps);
  const records = await rewindLog(logFile, resumedAt > 0 ? resumedAt : -1, looksAfter);
  const record = async (entry: StepRecord) => {
    records.push(entry);
    await appendLog(logFile, entry);
    options.onRecord?.(entry, plan);
  };

  const form: BatchForm = { separate: options.separate, asked: askedPlaces(chunks, options.heldOut) };
  const batchOf = (some: readonly ChunkTensors[]) => batchTensors(some, config.batchSize, form);
  const heldOut = await compileHeldOutLoss(model, config, device, form);
  const programs = await compileTraining(model, config, device, { ...form, loss: options.loss });
  try {
    const look = async (step: number, epoch: number) => {
      if (!looksAfter(step)) return;
      const at = (done: number) => options.onHeldOut?.(step, done, options.heldOut.length);
      await record({ step, epoch, heldOutLoss: await heldOutLoss(heldOut, options, batchOf, state, at) });
    };
    if (resumedAt === 0) await look(0, 0);
    options.onStart?.(resumedAt, plan);
    for (let step = resumedAt; step < plan.totalSteps; step++) {
      const began = performance.now();
      const batches = plan.microBatches(step).map((group) => batchOf(group.map((i) => chunks.at(i)!)));
      const rate = learningRateAt(step, plan.totalSteps, config);
      const outcome = await updateOnce(programs, config, state, batches, step, rate);
      const epoch = Math.floor(step / plan.stepsPerEpoch);
      await record({
        step: step + 1,
        epoch,
        ...outcome,
        learningRate: rate,
        tokens: batches.length * config.batchSize * config.maxSeqLen,
        seconds: (performance.now() - began) / 1000,
      });
      const last = step + 1 === plan.totalSteps;
      await look(step + 1, epoch);
      const interrupted = options.signal?.aborted ?? false;
      if (last || interrupted || (step + 1) % options.checkpointEvery === 0) {
        await syncLog(logFile);
        await saveCheckpoint(folder, identity, state, step + 1, plan.stepsPerEpoch);
      }
      if (interrupted && !last) {
        throw new Error(`train: interrupted after step ${step + 1} of ${plan.totalSteps}; the same command carries on`);
      }
    }
  } catch (error) {
    state.dispose();
    throw error;
  } finally {
    await programs.dispose();
    await heldOut.dispose();
  }
  return { state, records, plan, resumedAt };
}

/** The last checkpoint's state on the device and its update, or a new state. */
async function openState({
  model,
  config,
  device,
  folder,
  identity,
}: TrainOptions): Promise<{ readonly state: DeviceState; readonly step: number }> {
  const checkpoint = await loadCheckpoint(folder, identity);
  if (checkpoint) return { state: await createState(device, checkpoint.state), step: checkpoint.step };
  const trained = model.initial(createRandom(config.seed, 'adapter'));
  return { state: await createState(device, trainingState(trained, config.accumulation)), step: 0 };
}

/** One update over the micro-batches of a step: loss and gradient are means over all its response tokens. */
export async function updateOnce(
  programs: TrainingPrograms,
  config: TrainConfig,
  state: DeviceState,
  batches: readonly HostTensors[],
  step: number,
  rate: number,
): Promise<{ loss: number; gradientNorm: number; responseTokens: number }> {
  const responseTokens = batches.reduce((sum, batch) => sum + lossTokens(batch), 0);
  if (responseTokens === 0) {
    throw new Error(
      `train: step ${step + 1} has no response token, so no loss; pack with zeroLossChunks 'drop' or use larger batches`,
    );
  }
  const scalar = (x: number) => float32([], Float32Array.of(x));
  const integer = (x: number) => int32([], Int32Array.of(x));
  const updateInputs = {
    rate: scalar(rate),
    correction1: scalar(1 - config.beta1 ** (step + 1)),
    correction2: scalar(1 - config.beta2 ** (step + 1)),
    responseTokens: scalar(responseTokens),
  };
  let lossSum = 0;
  let norm: number;
  const prime = 46_337;
  const masks = (micro: number) => ({
    seed: integer(config.seed % prime),
    step: integer((step * config.accumulation + micro) % prime),
  });
  if (programs.fused) {
    const out = await programs.fused.run({ ...batches[0]!, ...updateInputs, ...masks(0) }, state);
    lossSum = out.lossSum!.data[0]!;
    norm = out.norm!.data[0]!;
  } else {
    for (const [micro, batch] of batches.entries()) {
      const out = await programs.accumulate!.run({ ...batch, ...masks(micro) }, state);
      lossSum += out.lossSum!.data[0]!;
    }
    const out = await programs.apply!.run(updateInputs, state);
    norm = out.norm!.data[0]!;
  }
  const loss = lossSum / responseTokens;
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
    throw new Error(
      `train: loss ${loss} and gradient norm ${norm} at step ${step + 1}; lower learningRate (${config.learningRate}) or ` +
        'lengthen warmupSteps, and start again: the last checkpoint is from before this step',
    );
  }
  return { loss, gradientNorm: norm, responseTokens };
}

async function heldOutLoss(
  program: Program,
  { heldOut, config }: TrainOptions,
  batchOf: (some: readonly ChunkTensors[]) => HostTensors,
  state: DeviceState,
  at: (done: number) => void,
): Promise<number> {
  let sum = 0;
  let tokens = 0;
  for (let i = 0; i < heldOut.length; i += config.batchSize) {
    const rows = Math.min(config.batchSize, heldOut.length - i);
    const batch = batchOf(Array.from({ length: rows }, (_, row) => heldOut.at(i + row)!));
    sum += (await program.run(batch, state)).lossSum!.data[0]!;
    tokens += lossTokens(batch);
    at(i + rows);
  }
  if (tokens === 0) throw new Error('train: the held-out chunks have no response token; hold out more rows');
  if (!Number.isFinite(sum)) {
    throw new Error(
      `train: held-out loss ${sum / tokens}: the weights are broken; lower learningRate (${config.learningRate}) or ` +
        'lengthen warmupSteps, and start again: the last checkpoint is from before this look',
    );
  }
  return sum / tokens;
}
