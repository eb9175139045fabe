import type * as tf from './tf';
import { runBlockwise, tracesBlocks } from './trace/trace';

/**
 * Elements of one block: seven float32 arrays of this size (parameter, gradient, two moments, what lies between)
 * stay within a core's second-level cache.
 */
const BLOCK = 131_072;
/** Below this a tensor is in the cache anyway. */
const SMALLEST = 2 * BLOCK;

/**
 * Applies an elementwise `fn` to large tensors of one shape, block after block, so that a chain of ops
 * reads and writes main memory once instead of once an op.
 *
 *     [ block 0 | block 1 | ... ]  each: load p, g, m, v -> whole chain in cache -> store p', m', v'
 *
 * Same numbers as `fn(tensors)`; on devices without blocks, and for small tensors, it is just that.
 *
 * @param tensors one shape each; scalars that `fn` needs are captured from outside
 * @returns as many tensors as `fn` returns, of the same shape
 */
export function blockwise(fn: (tensors: tf.Tensor[]) => tf.Tensor[], tensors: readonly tf.Tensor[]): tf.Tensor[] {
  const { shape, size } = tensors[0]!;
  const block = largestDivisor(size, BLOCK);
  if (!tracesBlocks() || size < SMALLEST || block < BLOCK / 16) return fn([...tensors]);
  const rows = tensors.map((t) => t.reshape([size / block, block]));
  return runBlockwise(fn, rows, block).map((t) => t.reshape(shape));
}

/** The largest divisor of `size` that is at most `limit`. */
function largestDivisor(size: number, limit: number): number {
  for (let d = Math.min(limit, size); d > 1; d--) if (size % d === 0) return d;
  return 1;
}
