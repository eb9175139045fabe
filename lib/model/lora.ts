import { ALL_LINEAR, type LoraConfig } from '../config';
import { withGradient } from '../engine/gradient';
import { isStack, stackOf } from '../engine/layers';
import { float32, type HostTensor, type HostTensors } from '../engine/tensors';
import * as tf from '../engine/tf';
import type { Random } from '../random';
import { type Linear, type LlamaConfig, linearShapes, plainLinear, type Weights } from './llama';

/** alpha / R, or alpha / sqrt(R), of a layer; `c.rank` and `c.alpha` where layers do not differ. */
export function loraScaling(c: LoraConfig, layer?: string): number {
  const { rank, alpha } = (layer === undefined ? undefined : c.layers?.[layer]) ?? c;
  return alpha / (c.useRsLora ? Math.sqrt(rank) : rank);
}

/** @throws when the layers of a stack differ in it: a loop has one for all */
function scalingOf(c: LoraConfig, name: string): number {
  if (!isStack(name) || !c.layers) return loraScaling(c, name);
  const own = Object.keys(c.layers).filter((layer) => stackOf(`${layer}.`) === `${name}.`);
  const scalings = new Set(own.map((layer) => loraScaling(c, layer)));
  const [scaling] = scalings;
  if (scalings.size === 1) return scaling!;
  throw new Error(
    `lora: ${name} must have one alpha and rank in every layer to be looped over, got scalings ${[...scalings].join(', ')}`,
  );
}

/** The adapted layers with their [out, in], in the model's order. */
export function loraTargets(model: LlamaConfig, c: LoraConfig): Readonly<Record<string, readonly [number, number]>> {
  const unknown = c.targetModules.filter((m) => !ALL_LINEAR.includes(m as never));
  if (unknown.length > 0 || c.targetModules.length === 0) {
    throw new Error(`lora: targetModules [${c.targetModules}] must be some of ${ALL_LINEAR.join(', ')}`);
  }
  const targets: Record<string, readonly [number, number]> = {};
  for (const [name, shape] of Object.entries(linearLayers(model))) {
    const isTarget = c.layers ? name in c.layers : c.targetModules.includes(name.split('.').at(-1)!);
    if (isTarget) targets[name] = shape;
  }
  const strange = Object.keys(c.layers ?? {}).find((name) => !(name in targets));
  if (strange !== undefined) throw new Error(`lora: layers has "${strange}", which is no linear layer of the model`);
  return targets;
}

/** Every linear layer of every block by its full name, with its [out, in]. */
export function linearLayers(model: LlamaConfig): Readonly<Record<string, readonly [number, number]>> {
  const layers: Record<string, readonly [number, number]> = {};
  for (let layer = 0; layer < model.numHiddenLayers; layer++) {
    for (const [name, shape] of Object.entries(linearShapes(model))) layers[`model.layers.${layer}.${name}`] = shape;
  }
  return layers;
}

/** The adapter's tensors: A [R, in] and B [out, R] for each target. */
export function loraShapes(model: LlamaConfig, c: LoraConfig): Readonly<Record<string, readonly [number, number]>> {
  const shapes: Record<string, readonly [number, number]> = {};
  for (const [name, [out, input]] of Object.entries(loraTargets(model, c))) {
    const rank = c.layers?.[name]?.rank ?? c.rank;
    if (!Number.isSafeInteger(rank) || rank <= 0) {
      throw new Error(`lora: rank must be a positive integer, got ${rank}`);
    }
    shapes[`${name}.lora_A.weight`] = [rank, input];
    shapes[`${name}.lora_B.weight`] = [out, rank];
  }
  return shapes;
}

/** Trainable parameters: R (in + out) for each target. Llama-2 7B at rank 8: 19,988,480. */
export function loraParameterCount(model: LlamaConfig, c: LoraConfig): number {
  return Object.values(loraShapes(model, c)).reduce((sum, [a, b]) => sum + a * b, 0);
}

/**
 * A uniform in +-1/sqrt(in), B zero, so that the adapted model starts as the base, bit for bit.
 * Source: PEFT tuners/lora/layer.py, kaiming_uniform with a = sqrt 5
 */
export function initLora(model: LlamaConfig, c: LoraConfig, random: Random): HostTensors {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, shape] of Object.entries(loraShapes(model, c))) {
    const tensor = float32(shape);
    const bound = 1 / Math.sqrt(shape[1]);
    if (name.endsWith('lora_A.weight'))
      for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = (random.next() * 2 - 1) * bound;
    tensors[name] = tensor;
  }
  return tensors;
}

/**
 * y = x W^T + s B(A(dropout(x))), s = alpha / R of the layer, for the adapted layers, x W^T for the others.
 *
 * Rows that are more than W has rows or columns meet W + s B A at once: the product with B and the passes over [N, out]
 * that scale and add it are saved.
 *
 * @param weights of the base, W [out, in] under `name.weight`
 * @param dropout drops numbers of the adapter's input x [N, in]; the base's input is untouched
 */
export function loraLinear(
  weights: Weights,
  adapter: Weights,
  c: LoraConfig,
  dropout?: (x: tf.Tensor, layer: string) => tf.Tensor,
): Linear {
  const plain = plainLinear(weights);
  return (name, x) => {
    const a = adapter[`${name}.lora_A.weight`];
    const b = adapter[`${name}.lora_B.weight`];
    if (!a || !b) return plain(name, x);
    const w = weights[`${name}.weight`]!;
    const scaling = scalingOf(c, name);
    // In a loop the sum would be a float32 copy of each weight, which a frozen base in 16 bits is meant to spare.
    const isTall = x.shape[0]! > Math.max(...w.shape) && !isStack(name);
    if (isTall && !dropout) return mergedLinear(x, w, a, b, scaling);
    // Scaled while it is narrow: [N, out] is a pass over memory more, forward and on the way back.
    const low = tf.matMul(dropout ? dropout(x, name) : x, a, false, true).mul(scaling); // [N, R]
    return plain(name, x).add(tf.matMul(low, b, false, true));
  };
}

/**
 * x (W + s B A)^T. With U = s dY B [N, R]:
 *
 *     dX = dY W + U A,  dA = U^T X,  dB = s dY^T (X A^T),  dW = dY^T X
 *
 * The sum of weights is not kept for the way back: of a large model that would be a second copy.
 */
function mergedLinear(x: tf.Tensor, w: tf.Tensor, a: tf.Tensor, b: tf.Tensor, scaling: number): tf.Tensor {
  return withGradient([x, w, a, b], (inputs) => {
    const [input, weight, down, up] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const merged = weight.add(tf.matMul(up.mul(scaling), down)); // [out, in]
    return {
      value: tf.matMul(input, merged, false, true),
      saved: [input, weight, down, up],
      gradient: (dy, saved) => {
        const [sx, sw, sa, sb] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const low = tf.matMul(sx, sa, false, true); // [N, R]
        const u = tf.matMul(dy, sb.mul(scaling)); // [N, R]
        return [
          tf.matMul(dy, sw).add(tf.matMul(u, sa)),
          tf.matMul(dy, sx, true, false),
          tf.matMul(u, sx, true, false),
          tf.matMul(dy, low, true, false).mul(scaling),
        ];
      },
    };
  });
}

/** W + sign * scaling B A for one layer: sign 1 merges, -1 unmerges. W [out, in]. */
export function mergeLora(
  weight: HostTensor,
  a: HostTensor,
  b: HostTensor,
  scaling: number,
  sign: 1 | -1 = 1,
): HostTensor {
  const [out, input] = weight.shape as [number, number];
  const rank = a.shape[0]!;
  const merged = Float32Array.from(weight.data);
  const row = new Float64Array(input);
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b.data[o * rank + r]! * scaling * sign;
      for (let i = 0; i < input; i++) row[i]! += factor * a.data[r * input + i]!;
    }
    for (let i = 0; i < input; i++) merged[o * input + i]! += row[i]!;
  }
  return float32(weight.shape, merged);
}
