import type * as tf from '../tf';
import { LAYER_LOOP, LAYER_LOOP_GRADIENT, type TracedBody, type TracedSpec } from './graph';
import { outsideOf, recordBody, recordNode, specOf } from './trace';

/**
 * Loops over stacked layers, as two kernels that carry a layer traced once:
 *
 *     forward    x -> [layer(x, weights[i], i)] for i = from..to-1 -> x     and the inputs x_i, stacked [to - from, ...]
 *     backward   from i = to-1 down: the layer again from x_i, its gradient -> dx, dW[i] stacked [L, ...]
 */

/**
 * Traces a layer on its own: `fn` is given its number, the tensors `before` and a slice of each stack.
 *
 * @param guarded refuses what the layer uses from outside and hangs on a trained tensor
 */
export function traceLayer(
  before: readonly tf.Tensor[],
  stacks: readonly tf.Tensor[],
  fn: (tensors: tf.Tensor[]) => readonly tf.Tensor[],
  guarded = false,
): TracedBody {
  const number: TracedSpec = { dtype: 'int32', shape: [] };
  const slices = stacks.map((stack): TracedSpec => ({ ...specOf(stack), shape: stack.shape.slice(1) }));
  const body = recordBody([number, ...before.map(specOf), ...slices], fn);
  if (guarded && outsideOf(body).hangsOnVariables) {
    throw new Error(
      'engine: a layer that is looped over uses a tensor from outside that hangs on a trained one, whose gradient would ' +
        'be lost; give it to the layer as its own, or use it outside the loop',
    );
  }
  return body;
}

export function runLayerLoop(
  body: TracedBody,
  [from, to]: readonly [number, number],
  x: tf.Tensor,
  stacks: readonly tf.Tensor[],
): tf.Tensor[] {
  const state = specOf(x);
  return recordNode({ kernel: LAYER_LOOP, attrs: { from, to }, body }, { state: [x], stacks }, [
    state,
    { ...state, shape: [to - from, ...state.shape] },
  ]);
}

/** @param trained so many of the stacks, the first ones, are given gradients */
export function runLayerLoopGradient(
  body: TracedBody,
  [from, to]: readonly [number, number],
  kept: tf.Tensor,
  dy: tf.Tensor,
  stacks: readonly tf.Tensor[],
  trained: number,
): tf.Tensor[] {
  return recordNode(
    { kernel: LAYER_LOOP_GRADIENT, attrs: { from, to, trained }, body },
    { state: [dy], kept: [kept], stacks },
    [specOf(dy), ...stacks.slice(0, trained).map(specOf)],
  );
}
