import * as tf from '@tensorflow/tfjs';
import { withGradient } from '../engine/gradient';

/**
 * softmax(q k^T + mask) v for q [B, K, G*T, D] (already scaled), k and v [B, K, S, D], mask [1 or B, T, S].
 *
 * Gradients, with P the probabilities and O the result:
 *     dV = P^T dO,  dP = dO V^T,  dS = P (dP - rowsum(dO O)),  dQ = dS K,  dK = dS^T Q
 *
 * rowsum(dO O) equals rowsum(P dP) and is S/D times smaller.
 * Source: Dao et al. 2022, FlashAttention, appendix B.2
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const [batch, kv, rows] = q.shape as [number, number, number];
  const keys = k.shape[2]!;
  const length = mask.shape[1]!;
  return withGradient([q, k, v], (inputs) => {
    const [query, key, value] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    const scores = tf.matMul(query, key, false, true).reshape([batch, kv * (rows / length), length, keys]);
    const masked = scores.add(mask.reshape([mask.shape[0]!, 1, length, keys]));
    const probabilities = tf.softmax(masked).reshape([batch, kv, rows, keys]);
    const out = tf.matMul(probabilities, value);
    return {
      value: out,
      saved: [query, key, value, probabilities, out],
      gradient: (dy, saved) => {
        const [sq, sk, sv, p, o] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const delta = tf.sum(dy.mul(o), -1, true); // [B, K, G*T, 1]
        const ds = p.mul(tf.matMul(dy, sv, false, true).sub(delta));
        return [tf.matMul(ds, sk), tf.matMul(ds, sq, true, false), tf.matMul(p, dy, true, false)];
      },
    };
  });
}
