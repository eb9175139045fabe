import type { TrainConfig } from '../config';
import { compile, type Program, type Step, type Tensors } from '../engine/compile';
import type { Device } from '../engine/device';
import { dropout } from '../engine/dropout';
import { valueAndGradients } from '../engine/gradient';
import { float32, float32Specs, type HostTensors, type Specs } from '../engine/tensors';
import * as tf from '../engine/tf';
import { type AttentionScope, placesInRows } from '../model/llama';
import { readTensor } from '../model/safetensors';
import type { Dropout, TunedModel } from '../model/tuned';
import { crossEntropySum } from './loss';
import { firstMoment, secondMoment, update } from './update';

export const gradientSum = (name: string) => `gradient.${name}`;

/**
 * What a micro-batch feeds: chunks [B, T]; `separate` adds what block-diagonal packing needs, `asked` makes targets and
 * weights those of R places a row, see `batchTensors`.
 */
export function batchSpecs(batch: number, length: number, separate: boolean, asked?: number): Specs {
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

/**
 * The loss taken after an earlier layer too, through the last norm and the output matrix: answers then stand there early.
 * Losses of updates are then the sum of both; the held-out loss is the last layer's alone.
 */
export interface EarlyLoss {
  /** After which layer, from 0; not the last. */
  readonly layer: number;
  /** What it counts beside the loss at the end. */
  readonly weight: number;
  /** Targets it passes over. */
  readonly except: readonly number[];
}

export interface TrainingPrograms {
  /** Whole update in one graph; only when accumulation is 1. Outputs lossSum, norm. */
  readonly fused?: Program;
  /** Adds a micro-batch's gradients to the sums. Outputs lossSum. */
  readonly accumulate?: Program;
  /** Normalises, clips, updates, empties the sums. Outputs norm. */
  readonly apply?: Program;
  dispose(): Promise<void>;
}

/** The whole training state before the first step: trained tensors, moments, sums of gradients. */
export function trainingState(trained: HostTensors, accumulation: number): HostTensors {
  const state: Record<string, HostTensors[string]> = { ...trained };
  for (const [name, { shape }] of Object.entries(trained)) {
    state[firstMoment(name)] = float32(shape);
    state[secondMoment(name)] = float32(shape);
    if (accumulation > 1) state[gradientSum(name)] = float32(shape);
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
 * @param separate chunks carry segments and positions (block-diagonal packing)
 * @param asked R, most response tokens of a chunk, where the loss asks for these alone: see `askedPlaces`
 * @param early a loss after an earlier layer, added to the other
 * @throws when that layer is the model's last, or none of its layers
 */
export async function compileTraining(
  model: TunedModel,
  config: TrainConfig,
  device: Device,
  separate: boolean,
  asked?: number,
  early?: EarlyLoss,
): Promise<TrainingPrograms> {
  const last = model.base.config.numHiddenLayers - 1;
  if (early && !(early.layer >= 0 && early.layer < last)) {
    throw new Error(`train: the early loss must follow one of the layers 0 to ${last - 1}, got ${early.layer}`);
  }
  const trained = float32Specs(model.trainedShapes);
  const moments = { ...rename(trained, firstMoment), ...rename(trained, secondMoment) };
  const sums = rename(trained, gradientSum);
  const drops = model.lora !== undefined && model.lora.dropout > 0;
  const batch = {
    ...batchSpecs(config.batchSize, config.maxSeqLen, separate, asked),
    ...(drops ? DROPOUT_INPUTS : {}),
  };
  const files = { frozen: model.frozen, readFrozen: readTensor };
  const gradients = (inputs: Tensors, state: Tensors, frozen: Tensors) =>
    lossAndGradients(model, inputs, pick(state, trained), frozen, early);

  if (config.accumulation === 1) {
    const step: Step = ({ inputs, state, frozen }) => {
      const loss = gradients(inputs, state, frozen);
      const { norm, next } = update(config, inputs, state, loss.gradients);
      return { outputs: { lossSum: loss.value, norm }, state: next };
    };
    const spec = {
      name: `train-${model.method}`,
      inputs: { ...batch, ...UPDATE_INPUTS },
      state: { ...trained, ...moments },
    };
    const fused = await compile(step, { ...spec, ...files }, device);
    return { fused, dispose: () => fused.dispose() };
  }

  const accumulateStep: Step = ({ inputs, state, frozen }) => {
    const loss = gradients(inputs, state, frozen);
    const added = Object.entries(loss.gradients).map(([name, g]) => [
      gradientSum(name),
      state[gradientSum(name)]!.add(g),
    ]);
    return { outputs: { lossSum: loss.value }, state: Object.fromEntries(added) };
  };
  const applyStep: Step = ({ inputs, state }) => {
    const summed = Object.fromEntries(Object.keys(trained).map((name) => [name, state[gradientSum(name)]!]));
    const { norm, next } = update(config, inputs, state, summed);
    for (const [name, sum] of Object.entries(summed)) next[gradientSum(name)] = tf.zerosLike(sum);
    return { outputs: { norm }, state: next };
  };
  const accumulate = await compile(
    accumulateStep,
    { name: `accumulate-${model.method}`, inputs: batch, state: { ...trained, ...sums }, ...files },
    device,
  );
  const apply = await compile(
    applyStep,
    { name: `apply-${model.method}`, inputs: UPDATE_INPUTS, state: { ...trained, ...moments, ...sums } },
    device,
  );
  return { accumulate, apply, dispose: async () => void (await Promise.all([accumulate.dispose(), apply.dispose()])) };
}

/** The sum of a batch's losses over its response tokens: for held-out chunks. Outputs lossSum. */
export async function compileHeldOutLoss(
  model: TunedModel,
  config: Pick<TrainConfig, 'batchSize' | 'maxSeqLen'>,
  device: Device,
  separate: boolean,
  asked?: number,
): Promise<Program> {
  const trained = float32Specs(model.trainedShapes);
  const step: Step = ({ inputs, state, frozen }) => ({
    outputs: { lossSum: lossSum(model, inputs, state, frozen) },
  });
  const inputs = batchSpecs(config.batchSize, config.maxSeqLen, separate, asked);
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

const pick = (tensors: Tensors, names: object): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, tensors[name]!]));

function lossSum(model: TunedModel, inputs: Tensors, trained: Tensors, frozen: Tensors, early?: EarlyLoss): tf.Tensor {
  const { tokens, targets, weights, from, positions, places, seed, step } = inputs;
  let layers = 0;
  const drop: Dropout | undefined =
    seed && step && model.lora ? (x) => dropout(x, model.lora!.dropout, seed, step, layers++) : undefined;
  let before: tf.Tensor | undefined;
  const scope: AttentionScope = {
    ...(from && positions ? { from, positions } : {}),
    ...(places ? { asked: places } : {}),
    watch: (layer, states) => {
      if (layer === early?.layer)
        before = places ? tf.gather(states(), placesInRows(places, tokens!.shape[1]!)) : states();
    },
  };
  const { hidden, head } = model.forward(trained, frozen, tokens!, { scope, ...(drop ? { dropout: drop } : {}) });
  const [wanted, weight] = [targets!.flatten(), weights!.flatten()];
  const loss = crossEntropySum(hidden, head, wanted, weight);
  if (!early || !before) return loss;
  const counted = early.except.reduce(
    (left, id) => left.mul(tf.cast(tf.notEqual(wanted, tf.scalar(id, 'int32')), 'float32')),
    weight as tf.Tensor,
  );
  return loss.add(crossEntropySum(before, head, wanted, counted).mul(early.weight));
}

/** The sum of a batch's losses over its response tokens, and the gradient of that sum. */
export function lossAndGradients(
  model: TunedModel,
  inputs: Tensors,
  trained: Record<string, tf.Tensor>,
  frozen: Tensors,
  early?: EarlyLoss,
) {
  return valueAndGradients((variables) => lossSum(model, inputs, variables, frozen, early), trained);
}
