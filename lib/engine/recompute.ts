import type * as tf from './tf';
import { FENCE } from './trace/graph';
import { recordNode, specOf, tracesRecomputing } from './trace/trace';

/** Whether the way back computes again what it can, instead of keeping it. */
export const recomputes = (): boolean => tracesRecomputing();

/**
 * Tensors to compute with again. A compiler would see that the same was computed before and keep that instead; it does not
 * see through this, and computes all of them before it goes on: what is given here, and used again from here, is computed
 * before what follows.
 *
 * @param rounded so many of them, the first ones, are held as products round their operands
 */
export const afresh = (tensors: readonly tf.Tensor[], rounded = 0): tf.Tensor[] =>
  recordNode({ kernel: FENCE, attrs: { rounded } }, { kept: tensors }, tensors.map(specOf));
