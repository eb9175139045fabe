import type { TrainConfig } from '../config';
import { compile, type Program, type ProgramSpec, type Step, type Tensors, workingBytes } from '../engine/compile';
import type { Device } from '../engine/device';
import { heldOf } from '../engine/layers';
import { float32, float32Specs, type Specs, type TensorSource, type TensorSources } from '../engine/tensors';
import * as tf from '../engine/tf';
import { readTensor } from '../model/safetensors';
import type { TunedModel } from '../model/tuned';
import { type BatchLoss, checkLoss, lossAndGradients, lossSum, RESPONSE_LOSS } from './batch-loss';
import type { BatchForm } from './batches';
import { firstMoment, secondMoment, update } from './update';

const gradientSum = (name: string) => `gradient.${name}`;

/** What a micro-batch feeds: chunks [B, T] in a form, see `batchTensors`. */
export function batchSpecs(batch: number, length: number, { separate, asked }: BatchForm): Specs {
  const ints = { shape: [batch, length], dtype: 'int32' } as const;
  const scope = separate ? { from: ints, positions: ints } : {};
  const shape = [batch, asked ?? length];
  const targets = { shape, dtype: 'int32' } as const;
  return {
    tokens: ints,
    targets,
    weights: { shape, dtype: 'float32' },
    ...scope,
    ...(asked === undefined ? {} : { places: targets }),
  };
}

const scalar = { shape: [], dtype: 'float32' } as const;
const integer = { shape: [], dtype: 'int32' } as const;
const UPDATE_INPUTS: Specs = { rate: scalar, correction1: scalar, correction2: scalar, responseTokens: scalar };
const DROPOUT_INPUTS: Specs = { seed: integer, step: integer };

export interface TrainingPrograms {
  /** Whole update in one graph; only when accumulation is 1. Outputs lossSum, norm. */
  readonly fused?: Program;
  /** Adds a micro-batch's gradients to the sums. Outputs lossSum. */
  readonly accumulate?: Program;
  /** Normalises, clips, updates, empties the sums. Outputs norm. */
  readonly apply?: Program;
  dispose(): Promise<void>;
}

export interface TrainingForm extends BatchForm {
  /** What updates minimise; default the response tokens' cross-entropy. */
  readonly loss?: BatchLoss | undefined;
}

/** The whole training state before the first step: trained tensors, moments, sums of gradients. */
export function trainingState(trained: TensorSources, accumulation: number): TensorSources {
  const state: Record<string, TensorSources[string]> = { ...trained };
  const zeros = (shape: readonly number[]): TensorSource => ({
    shape,
    dtype: 'float32',
    read: async () => float32(shape),
  });
  for (const [name, { shape }] of Object.entries(trained)) {
    state[firstMoment(name)] = zeros(shape);
    state[secondMoment(name)] = zeros(shape);
    if (accumulation > 1) state[gradientSum(name)] = zeros(shape);
  }
  return state;
}

/**
 * Compiles the training of `model`: one fused program, or with accumulation two.
 *
 *     accumulation 1:   batch -> [forward, backward, clip, AdamW] -> state
 *     accumulation n:   n x (batch -> [forward, backward, add])  ->  [normalise, clip, AdamW] -> state
 *
 * Either way the loss is the mean over the response tokens of the whole step, so that splitting a batch does not
 * change the update.
 *
 * @throws when the loss reads the states after the model's last layer, or after none of its layers
 */
export async function compileTraining(
  model: TunedModel,
  config: TrainConfig,
  device: Device,
  form: TrainingForm,
): Promise<TrainingPrograms> {
  const { fused, accumulate, apply } = trainingSteps(model, config, form);
  if (fused) {
    const program = await compile(fused.step, fused.spec, device);
    return { fused: program, dispose: () => program.dispose() };
  }
  const summing = await compile(accumulate!.step, accumulate!.spec, device);
  const applying = await compile(apply!.step, apply!.spec, device);
  return {
    accumulate: summing,
    apply: applying,
    dispose: async () => void (await Promise.all([summing.dispose(), applying.dispose()])),
  };
}

/** What a training step will hold at once beside weights and state, in bytes; nothing is compiled. */
export function trainingWorkingBytes(
  model: TunedModel,
  config: TrainConfig,
  device: Device,
  form: TrainingForm,
): number {
  const steps = Object.values(trainingSteps(model, config, form));
  return Math.max(...steps.map(({ step, spec }) => workingBytes(step, spec, device)));
}

export interface SpecifiedStep {
  readonly step: Step;
  readonly spec: ProgramSpec;
}

export function trainingSteps(
  model: TunedModel,
  config: TrainConfig,
  { loss = RESPONSE_LOSS, ...form }: TrainingForm,
): { readonly fused?: SpecifiedStep; readonly accumulate?: SpecifiedStep; readonly apply?: SpecifiedStep } {
  checkLoss(loss, model);
  const trained = float32Specs(model.trainedShapes);
  const moments = { ...rename(trained, firstMoment), ...rename(trained, secondMoment) };
  const sums = rename(trained, gradientSum);
  const drops = model.lora !== undefined && model.lora.dropout > 0;
  const batch = {
    ...batchSpecs(config.batchSize, config.maxSeqLen, form),
    ...(drops ? DROPOUT_INPUTS : {}),
  };
  const files = { frozen: model.frozen, readFrozen: readTensor };
  const gradients = (inputs: Tensors, state: Tensors, frozen: Tensors) =>
    lossAndGradients(model, inputs, heldOf(state, trained), frozen, loss);

  if (config.accumulation === 1) {
    const step: Step = ({ inputs, state, frozen }) => {
      const summed = gradients(inputs, state, frozen);
      const { norm, next } = update(config, inputs, state, summed.gradients);
      return { outputs: { lossSum: summed.value, norm }, state: next };
    };
    const spec = {
      name: `train-${model.method}`,
      inputs: { ...batch, ...UPDATE_INPUTS },
      state: { ...trained, ...moments },
    };
    return { fused: { step, spec: { ...spec, ...files } } };
  }

  const accumulateStep: Step = ({ inputs, state, frozen }) => {
    const summed = gradients(inputs, state, frozen);
    const added = Object.entries(summed.gradients).map(([name, g]) => [
      gradientSum(name),
      state[gradientSum(name)]!.add(g),
    ]);
    return { outputs: { lossSum: summed.value }, state: Object.fromEntries(added) };
  };
  const applyStep: Step = ({ inputs, state }) => {
    const names = Object.keys(heldOf(state, trained));
    const summed = Object.fromEntries(names.map((name) => [name, state[gradientSum(name)]!]));
    const { norm, next } = update(config, inputs, state, summed);
    for (const [name, sum] of Object.entries(summed)) next[gradientSum(name)] = tf.zerosLike(sum);
    return { outputs: { norm }, state: next };
  };
  return {
    accumulate: {
      step: accumulateStep,
      spec: { name: `accumulate-${model.method}`, inputs: batch, state: { ...trained, ...sums }, ...files },
    },
    apply: {
      step: applyStep,
      spec: { name: `apply-${model.method}`, inputs: UPDATE_INPUTS, state: { ...trained, ...moments, ...sums } },
    },
  };
}

/** The sum of a batch's losses over its response tokens: for held-out chunks. Outputs lossSum. */
export async function compileHeldOutLoss(
  model: TunedModel,
  config: Pick<TrainConfig, 'batchSize' | 'maxSeqLen'>,
  device: Device,
  form: BatchForm,
): Promise<Program> {
  const trained = float32Specs(model.trainedShapes);
  const step: Step = ({ inputs, state, frozen }) => ({
    outputs: { lossSum: lossSum(model, inputs, state, frozen, RESPONSE_LOSS) },
  });
  const inputs = batchSpecs(config.batchSize, config.maxSeqLen, form);
  const spec = {
    name: `held-out-${model.method}`,
    inputs,
    state: trained,
    frozen: model.frozen,
    readFrozen: readTensor,
  };
  return compile(step, spec, device);
}

const rename = (specs: Specs, by: (name: string) => string): Specs =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [by(name), spec]));
