import { withGradient } from './gradient';
import type * as tf from './tf';
import { FUSED_ATTENTION, FUSED_ATTENTION_GRADIENT } from './trace/graph';
import { recordNode, specOf, tracesFusedAttention } from './trace/trace';

/** Whether the runtime has causal attention as one kernel. */
export const fusesAttention = (): boolean => tracesFusedAttention();

/**
 * softmax(q k^T + causal mask) v for q [B, N, T, D] (already scaled), k and v [B, K, T, D]: no score is ever in memory.
 * Head n of the queries looks at head n / (N / K) of the keys. Of each query the logarithm of its sum of exponentials is
 * kept for the way back.
 */
export function fusedCausalAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  return withGradient([q, k, v], (inputs) => {
    const [query] = inputs as [tf.Tensor];
    const [out, sums] = recordNode({ kernel: FUSED_ATTENTION, attrs: {} }, { operands: inputs }, [
      specOf(query),
      { dtype: 'float32', shape: query.shape.slice(0, 3) },
    ]) as [tf.Tensor, tf.Tensor];
    return {
      value: out,
      saved: [...inputs, sums, out],
      gradient: (dy, saved) => {
        const [sq, sk, sv, kept, value] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const node = { kernel: FUSED_ATTENTION_GRADIENT, attrs: {} };
        return recordNode(node, { operands: [sq, sk, sv, kept, dy, value] }, [sq, sk, sv].map(specOf));
      },
    };
  });
}
