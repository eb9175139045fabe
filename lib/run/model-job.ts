import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelRecord, TrainingRecord } from '../compare/run-record';
import { MODEL_RECORD } from '../compare/run-record-schema';
import { type Device, type DeviceName, openDevice } from '../engine/device';
import { createState, type DeviceState } from '../engine/state';
import type { XlaOptions } from '../engine/xla/options';
import { writeFileAtomic } from '../files';
import { weightShapes } from '../model/llama';
import { type TunedModel, trainableCount, tunedModel } from '../model/tuned';
import { fields, number, readFields, text } from '../schema';
import { type TrainResult, train } from '../train/train';
import { json } from './data-stage';
import { computedOn, modelIdentity } from './inputs';
import { lockFolderPatiently } from './lock';
import { peakMemoryBytes } from './memory';
import { type ModelInputs, readModelInputs } from './model-inputs';
import type { ModelPlan } from './plan';
import { chunkLength } from './presets';
import { clock, type OpenProgress } from './progress';
import { saveTrained } from './save-trained';
import { scoreModel } from './scoring-stage';

/** Everything a process needs to make one model of a run; it travels as JSON. */
export interface ModelJob {
  readonly plan: ModelPlan;
  /** Stands before its lines of progress: '[2/9] LoRA, seed 42'. */
  readonly label: string;
  /** Where `writeModelInputs` wrote. */
  readonly inputs: string;
  /** The base's folder. */
  readonly model: string;
  readonly device: DeviceName;
  readonly xla: XlaOptions;
  /** Of the CPU; null: all. */
  readonly threads: number | null;
  readonly out: string;
  readonly modelHash: string;
  /** Of the record that is wanted: other inputs than the caller's are noticed. */
  readonly identity: string;
}

/** Where a model's record lies. */
const recordFile = (out: string, name: string): string => join(out, 'records', `${name}.json`);

/** A model that was made, as its file holds it. */
export interface MadeModel {
  /** Of what it was made from. */
  readonly identity: string;
  readonly record: ModelRecord;
  /** Of the process that ended it; an interrupted one before it is not counted. */
  readonly took: { readonly seconds: number; readonly peakMemoryBytes: number };
}

const MADE = fields({
  identity: text,
  record: MODEL_RECORD,
  took: fields({ seconds: number, peakMemoryBytes: number }),
});

/**
 * A model that was made before of the same, or undefined.
 *
 * @throws when its file is damaged
 */
export async function readMade(out: string, name: string, identity: string): Promise<MadeModel | undefined> {
  const remedy = 'delete it, and the same command makes the model anew';
  const made = (await readFields(MADE, recordFile(out, name), 'train', remedy)) as MadeModel | undefined;
  return made?.identity === identity ? made : undefined;
}

/**
 * Trains one model of a run, or carries its training on, saves it, scores it, and writes its record.
 *
 * @throws when interrupted, and when files changed since the run began
 */
export async function runModelJob(job: ModelJob, progress: OpenProgress, signal: AbortSignal): Promise<void> {
  const { plan, out } = job;
  const began = performance.now();
  const lock = await lockFolderPatiently(join(out, 'train', plan.name));
  try {
    const device = await openDevice(job.device, job.threads ?? undefined, { flushDenormals: true, ...job.xla });
    const inputs = await readModelInputs(job.inputs, job.model);
    if (modelIdentity(plan, inputs, job.modelHash, job.device, job.xla) !== job.identity) {
      throw new Error(`train: ${job.model} changed while the run went on; start it anew with --fresh`);
    }
    const made = plan.training
      ? await trainPlan(job, inputs, device, progress, signal)
      : { model: tunedModel(inputs.base, 'base'), state: await createState(device, {}), training: null };
    const scored =
      inputs.items.length === 0
        ? NOT_SCORED
        : await scoreModel(plan.name, job.identity, `${job.label}  scoring`, made, inputs, {
            device,
            out,
            progress,
            signal,
          });
    made.state.dispose();
    const { title: _, training: __, ...named } = plan;
    const record: ModelRecord = { ...named, training: made.training, ...scored };
    const took = { seconds: (performance.now() - began) / 1000, peakMemoryBytes: peakMemoryBytes() };
    const all: MadeModel = { identity: job.identity, record, took };
    await writeFileAtomic(recordFile(out, plan.name), json(all));
  } finally {
    lock.release();
  }
}

const NOT_SCORED: Pick<ModelRecord, 'scores' | 'quiz'> = {
  scores: { tasks: [], groups: [], items: [], rowCount: 0, tokenCount: 0 },
  quiz: null,
};

interface Made {
  readonly model: TunedModel;
  readonly state: DeviceState;
  readonly training: TrainingRecord | null;
}

async function trainPlan(
  { plan, label, modelHash, xla, out }: ModelJob,
  { base, chunks, heldOut, packing, config: run }: ModelInputs,
  device: Device,
  openProgress: OpenProgress,
  signal: AbortSignal,
): Promise<Made> {
  const config = { ...plan.training!, maxSeqLen: chunkLength(run) };
  const { method } = config;
  const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
  const progress = openProgress(`${label}  training`);
  /** No update of this start was measured yet. */
  let isFirst = true;
  const result = await train({
    model,
    config,
    device,
    chunks,
    heldOut,
    separate: packing.packing !== 'concatenated',
    folder: join(out, 'train', plan.name),
    identity: {
      // The number of threads changes no number beyond rounding: another machine carries it on.
      config: { ...config, device: computedOn(device.name, xla) },
      model: modelHash,
      chunks: packing.sha256,
    },
    checkpointEvery: run.checkpointEvery,
    signal,
    onStart: (resumedAt, { totalSteps }) => {
      if (resumedAt === totalSteps) progress.say(`${label}  training was done; its checkpoint is used`);
      else if (resumedAt > 0) progress.say(`${label}  training was carried on from step ${resumedAt} of ${totalSteps}`);
    },
    onHeldOut: (step, done, total) => {
      // Each look is a line of its own, and its end is told by the loss.
      if (done < total) openProgress(`${label}  held-out loss at update ${step}`).at(done, total, 'chunks');
    },
    onRecord: (record, { totalSteps, stepsPerEpoch }) => {
      progress.record?.(record);
      if (record.heldOutLoss !== undefined) {
        const epoch =
          record.step % stepsPerEpoch === 0 ? `epoch ${record.epoch + 1}/${config.epochs}` : `update ${record.step}`;
        const when = record.step === 0 ? 'before training' : `after ${epoch}`;
        progress.say(`${label}  held-out loss ${record.heldOutLoss.toFixed(4)} ${when}`);
        return;
      }
      if (isFirst && record.seconds !== undefined && totalSteps > record.step) {
        const left = clock(record.seconds * (totalSteps - record.step));
        progress.say(
          `${label}  an update took ${record.seconds.toFixed(1)} s: about ${left} for the ${totalSteps - record.step} to come`,
        );
      }
      isFirst = false;
      const speed = Math.round((record.tokens ?? 0) / (record.seconds ?? 1));
      // A stream of rows fills every chunk but the last.
      const counted = packing.packing === 'concatenated' ? 'tokens/s' : 'tokens/s, padding included';
      progress.at(record.step, totalSteps, `loss ${record.loss?.toFixed(4)}  ${speed} ${counted}`);
    },
  });
  const files = await saveTrained(join(out, 'models', plan.name), base, model, result, config, run.template);
  return { model, state: result.state, training: await trainingRecord(config, model, result, files) };
}

async function trainingRecord(
  config: TrainingRecord['config'],
  model: TunedModel,
  { records, plan }: TrainResult,
  savedFiles: readonly string[],
): Promise<TrainingRecord> {
  const trainable = trainableCount(model);
  const shapes = Object.values(weightShapes(model.base.config));
  const base = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const sum = (value: (record: (typeof records)[number]) => number | undefined) =>
    records.reduce((total, record) => total + (value(record) ?? 0), 0);
  return {
    config,
    trainable,
    parameters: base + (model.method === 'lora' ? trainable : 0),
    updates: plan.totalSteps,
    seconds: sum(({ seconds }) => seconds),
    tokens: sum(({ tokens }) => tokens),
    peakMemoryBytes: peakMemoryBytes(),
    savedBytes: (await Promise.all(savedFiles.map((file) => stat(file)))).reduce((bytes, { size }) => bytes + size, 0),
    log: records,
  };
}
