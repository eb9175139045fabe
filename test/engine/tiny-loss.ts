import type { Tensors } from '../../lib/engine/compile';
import type * as tf from '../../lib/engine/tf';
import { headWeight, llamaHidden } from '../../lib/model/llama';
import { crossEntropySum } from '../../lib/train/loss';
import { TINY } from '../model/tiny-llama';

/** The loss of the tiny model, of its weights and a batch. */
export function lossOf(weights: Tensors, { tokens, targets, from, positions, weights: mask }: Tensors): tf.Tensor {
  const scope = { segments: { from: from!, positions: positions! } };
  const linearOf = (own: Tensors) => (name: string, x: tf.Tensor) => x.matMul(own[`${name}.weight`]!, false, true);
  const hidden = llamaHidden(TINY, weights, linearOf, tokens!, scope);
  return crossEntropySum(hidden, headWeight(TINY, weights), targets!.flatten(), mask!.flatten());
}
