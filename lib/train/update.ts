import type { TrainConfig } from '../config';
import type { Tensors } from '../engine/compile';
import { isStack } from '../engine/layers';
import * as tf from '../engine/tf';
import { together } from '../engine/together';
import { type AdamWScalars, adamw } from './adamw';

/** Names of a trained tensor's companions in the device's state. */
export const firstMoment = (name: string) => `adam.first.${name}`;
export const secondMoment = (name: string) => `adam.second.${name}`;

/**
 * Clips by the global norm of the mean gradient and applies AdamW.
 * Source: torch.nn.utils.clip_grad_norm_ (factor max / (norm + 1e-6), at most 1)
 */
export function update(
  config: TrainConfig,
  inputs: Tensors,
  state: Tensors,
  gradients: Readonly<Record<string, tf.Tensor>>,
) {
  const squares = Object.values(gradients).map((g) => tf.sum(tf.square(g)));
  const norm = tf.sqrt(tf.addN(squares)).div(inputs.responseTokens!);
  const clip = tf.minimum(tf.scalar(1), tf.scalar(config.clipNorm).div(norm.add(1e-6)));
  const scalars: AdamWScalars = {
    rate: inputs.rate!,
    correction1: inputs.correction1!,
    correction2: inputs.correction2!,
    gradientScale: clip.div(inputs.responseTokens!),
  };
  const next: Record<string, tf.Tensor> = {};
  for (const decays of [true, false]) {
    const names = Object.keys(gradients).filter(
      (name) => (config.decay === 'all' || gradients[name]!.rank >= (isStack(name) ? 3 : 2)) === decays,
    );
    const before = names.map((name) => [
      gradients[name]!,
      state[name]!,
      state[firstMoment(name)]!,
      state[secondMoment(name)]!,
    ]);
    const after = together(([gradient, parameter, first, second]) => {
      const moments = { parameter: parameter!, first: first!, second: second! };
      const updated = adamw(moments, gradient!, config, decays ? config.weightDecay : 0, scalars);
      return [updated.parameter, updated.first, updated.second];
    }, before);
    for (const [i, name] of names.entries())
      [next[name], next[firstMoment(name)], next[secondMoment(name)]] = after[i] as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  return { norm, next };
}
