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

/** Blocks of queries: more of them compute less of what is forbidden, in more nodes. */
const BLOCKS = 8;
const SMALLEST_BLOCK = 32;

/**
 * `attention` without a gradient, for a mask that forbids every later key: queries in blocks, each against the keys up
 * to its end, so that half of the square is never computed and a block's scores stay in the cache.
 *
 *     queries 0..t    keys 0..t
 *     queries t..2t   keys 0..2t       ...
 */
export function attentionInBlocks(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const [batch, kv, rows, headDim] = q.shape as [number, number, number, number];
  const length = mask.shape[1]!;
  const groups = rows / length;
  const size = Math.max(SMALLEST_BLOCK, 16 * Math.ceil(length / BLOCKS / 16));
  const queries = q.reshape([batch, kv, groups, length, headDim]);
  const parts: tf.Tensor[] = [];
  for (let start = 0; start < length; start += size) {
    const count = Math.min(size, length - start);
    const end = start + count;
    const block = tf.slice(queries, [0, 0, 0, start, 0], [batch, kv, groups, count, headDim]);
    const upTo = (x: tf.Tensor) => tf.slice(x, [0, 0, 0, 0], [batch, kv, end, headDim]);
    const scores = tf.matMul(block.reshape([batch, kv, groups * count, headDim]), upTo(k), false, true);
    const own = tf.slice(mask, [0, start, 0], [mask.shape[0]!, count, end]);
    const masked = scores.reshape([batch, kv * groups, count, end]).add(own.reshape([mask.shape[0]!, 1, count, end]));
    const probabilities = tf.softmax(masked).reshape([batch, kv, groups * count, end]);
    parts.push(tf.matMul(probabilities, upTo(v)).reshape([batch, kv, groups, count, headDim]));
  }
  return tf.concat(parts, 3).reshape([batch, kv, rows, headDim]);
}
