import type { LoraConfig, Method } from '../config';
import type { FrozenWeight, TensorSources } from '../engine/tensors';
import * as tf from '../engine/tf';
import type { Random } from '../random';
import type { ModelFolder } from './folder';
import {
  type AttentionScope,
  headWeight,
  type Linear,
  type LinearOf,
  llamaHidden,
  plainLinear,
  type Weights,
  weightShapes,
} from './llama';
import { initLora, loraLinear, loraShapes } from './lora';
import { readTensor } from './safetensors';

/**
 * A model as programs see it: which tensors are trained (state on the device), which are frozen (read from the
 * base's own file), and how the two make a forward pass. `base` trains nothing.
 */
export interface TunedModel {
  readonly base: ModelFolder;
  readonly method: Method | 'base';
  readonly lora: LoraConfig | undefined;
  readonly trainedShapes: Readonly<Record<string, readonly number[]>>;
  readonly frozen: Readonly<Record<string, FrozenWeight>>;
  /** The trained tensors before training: the base's own weights, or a fresh adapter. */
  initial(random: Random): TensorSources;
  /** tokens [B, T] -> hidden states [B*T, C] and the output matrix [V, C]. */
  forward(trained: Weights, frozen: Weights, tokens: tf.Tensor, options?: ForwardOptions): Forward;
}

/** @param place tells the masks of one step apart: a number of its own for each adapted linear layer */
export type Dropout = (x: tf.Tensor, place: number | tf.Tensor) => tf.Tensor;

export interface ForwardOptions {
  readonly scope?: AttentionScope;
  readonly dropout?: Dropout;
}

export interface Forward {
  readonly hidden: tf.Tensor;
  readonly head: tf.Tensor;
}

export function tunedModel(base: ModelFolder, method: Method | 'base', lora?: LoraConfig): TunedModel {
  if ((method === 'lora') !== (lora !== undefined)) {
    throw new Error(`model: method "${method}" ${lora ? 'takes no' : 'needs a'} lora config`);
  }
  const { config } = base;
  const shapes = weightShapes(config);
  const whole = method === 'full' ? Object.keys(shapes) : (lora?.modulesToSave ?? []).map((name) => `${name}.weight`);
  const trainedShapes = {
    ...(lora ? loraShapes(config, lora) : {}),
    ...Object.fromEntries(whole.map((name) => [name, shapes[name]!])),
  };
  const frozen = frozenWeights(base, whole);
  /** Adapted linear layers of one block. */
  const adapted = lora ? Object.keys(loraShapes(config, lora)).length / 2 / config.numHiddenLayers : 0;
  /** The linear layers over `tensors`; `at` is the number of the block, in a loop. */
  const linears = (tensors: Weights, dropout: Dropout | undefined, at?: tf.Tensor): Linear => {
    if (!lora) return plainLinear(tensors);
    let calls = 0;
    const place = (): number | tf.Tensor =>
      at ? at.mul(tf.scalar(adapted, 'int32')).add(tf.scalar(calls++, 'int32')) : calls++;
    return loraLinear(tensors, tensors, lora, dropout && ((x) => dropout(x, place())));
  };
  return {
    base,
    method,
    lora,
    trainedShapes,
    frozen,
    initial: (random) => ({
      ...(lora ? initLora(config, lora, random) : {}),
      ...Object.fromEntries(
        whole.map((name) => {
          const weight = base.weights[name]!;
          return [name, { shape: weight.shape, dtype: 'float32' as const, read: () => readTensor(weight) }];
        }),
      ),
    }),
    forward: (trained, held, tokens, { scope, dropout } = {}) => {
      const weights = { ...held, ...trained };
      const written = linears(weights, dropout);
      const linearOf: LinearOf = (own, at) =>
        at ? linears(own, dropout, at) : own === weights ? written : linears(own, dropout);
      return { hidden: llamaHidden(config, weights, linearOf, tokens, scope), head: headWeight(config, weights) };
    },
  };
}

function frozenWeights(base: ModelFolder, trained: readonly string[]): Record<string, FrozenWeight> {
  const names = new Set(trained);
  const held = Object.entries(base.weights).filter(([name]) => !names.has(name));
  return Object.fromEntries(
    held.map(([name, { dtype, shape, file, offset, length }]) => [name, { dtype, shape, file, offset, length }]),
  );
}

/** Parameters that training changes. */
export const trainableCount = (model: TunedModel): number =>
  Object.values(model.trainedShapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
