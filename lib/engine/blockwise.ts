import type { Value } from './graph';
import type * as tf from './tf';
import { isTracing, type KernelCall, registerLowering, runTraceKernel, traceSubgraph, traceTarget } from './trace';

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
  if (!isTracing() || !traceTarget().blocks || size < SMALLEST || block < BLOCK / 16) return fn([...tensors]);
  const inputs = Object.fromEntries(tensors.map((t, i) => [`t${i}`, t.reshape([size / block, block])]));
  const result = runTraceKernel(SCAN, inputs, { fn, block });
  return [result].flat().map((t) => t.reshape(shape));
}

const SCAN = 'Blockwise';

/** The largest divisor of `size` that is at most `limit`. */
export function largestDivisor(size: number, limit: number): number {
  for (let d = Math.min(limit, size); d > 1; d--) if (size % d === 0) return d;
  return 1;
}

export function registerBlockwise(): void {
  registerLowering(SCAN, (call: KernelCall) => {
    const inputs = Object.values(call.inputs).flat() as Value[];
    const { fn, block } = call.attrs as { fn: (t: tf.Tensor[]) => tf.Tensor[]; block: number };
    const body = traceSubgraph(
      'block',
      inputs.map((v) => ({ type: v.type, shape: [block] })),
      fn,
    );
    const outputs = body.outputs.map((o) => ({ type: o.type, shape: inputs[0]!.shape }));
    return call.graph.nodes('Scan', inputs, outputs, { attributes: { body, num_scan_inputs: inputs.length } });
  });
}
