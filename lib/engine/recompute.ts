import type * as tf from './tf';
import { FENCE } from './trace/graph';
import { recordNode, specOf, tracesRecomputing } from './trace/trace';

/** Whether the way back computes again what it can, instead of keeping it. */
export const recomputes = (): boolean => tracesRecomputing();

/**
 * Tensors to compute with again, on the way back. A compiler would see that the same was computed before and keep that
 * instead; it does not see through this, and waits for all of them: give the change that has come so far among them.
 */
export const afresh = (tensors: readonly tf.Tensor[]): tf.Tensor[] =>
  recordNode({ kernel: FENCE, attrs: {} }, { kept: tensors }, tensors.map(specOf));
