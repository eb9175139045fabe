import { fusedCausalAttention, fusesAttention } from '../engine/fused-attention';
import { withGradient } from '../engine/gradient';
import { afresh, recomputes } from '../engine/recompute';
import * as tf from '../engine/tf';
import type { Block, Mask } from './mask';

/**
 * softmax(q k^T + mask) v for q [B, K, G*T, D] (already scaled), k and v [B, K, S, D].
 *
 * Gradients, with P the probabilities and O the result:
 *     dV = P^T dO,  dP = dO V^T,  dS = P (dP - rowsum(dO O)),  dQ = dS K,  dK = dS^T Q
 *
 * rowsum(dO O) equals rowsum(P dP) and is S/D times smaller.
 * Source: Dao et al. 2022, FlashAttention, appendix B.2
 */
export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: Mask): tf.Tensor {
  return attentionOver([{ start: 0, count: mask.length, end: k.shape[2]! }], q, k, v, mask);
}

/** Blocks of queries: more of them compute less of what is forbidden, in more nodes. */
const BLOCKS = 8;
const SMALLEST_BLOCK = 64;

/**
 * `attention` for a mask that forbids every later key: queries in blocks, each against the keys up to its end, so that
 * almost half of the square is never computed and a block's scores stay in the cache.
 *
 *     queries 0..t    keys 0..t
 *     queries t..2t   keys 0..2t       ...
 *
 * One kernel where the runtime has it, and rows hold one sample each or several that see each other.
 */
export function causalAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: Mask): tf.Tensor {
  if (mask.isCausalAlone && fusesAttention()) {
    const [batch, , , width] = q.shape as [number, number, number, number];
    return fusedCausalAttention(q.reshape([batch, -1, mask.length, width]), k, v).reshape(q.shape);
  }
  return attentionOver(causalBlocks(mask.length), q, k, v, mask);
}

function causalBlocks(length: number): Block[] {
  const size = Math.max(SMALLEST_BLOCK, 16 * Math.ceil(length / BLOCKS / 16));
  const blocks: Block[] = [];
  for (let start = 0; start < length; start += size) {
    const count = Math.min(size, length - start);
    blocks.push({ start, count, end: start + count });
  }
  return blocks;
}

/**
 * Where the way back computes again what it can, of each query the logarithm of its sum of exponentials alone is kept, and
 * a block waits for the one before it: of T x T numbers a head, one block's are held at a time (FlashAttention's
 * algorithm 4, over queries).
 *
 * @param blocks all queries in order; the last sees every key
 */
function attentionOver(blocks: readonly Block[], q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: Mask): tf.Tensor {
  const again = recomputes();
  const [batch, kv, rows] = q.shape as [number, number, number];
  const { length } = mask;
  const groups = rows / length;
  // Rows of a head's group follow each other: [B, K, G*T, n] -> [B, K, G*count, n]
  const rowsOf = (x: tf.Tensor, { start, count }: Block): tf.Tensor => {
    if (count === length) return x;
    const width = x.shape[3]!;
    const split = x.reshape([batch, kv, groups, length, width]);
    return tf
      .slice(split, [0, 0, 0, start, 0], [batch, kv, groups, count, width])
      .reshape([batch, kv, groups * count, width]);
  };
  const keysOf = (x: tf.Tensor, start: number, end: number): tf.Tensor =>
    end - start === x.shape[2]! ? x : tf.slice(x, [0, 0, start, 0], [batch, kv, end - start, x.shape[3]!]);
  const join = (parts: readonly tf.Tensor[]): tf.Tensor => {
    if (parts.length === 1) return parts[0]!;
    const split = parts.map((part, i) => part.reshape([batch, kv, groups, blocks[i]!.count, part.shape[3]!]));
    return tf.concat(split, 3).reshape([batch, kv, rows, parts[0]!.shape[3]!]);
  };
  /** [B, K * G, count, end] */
  const scoresOf = (queries: tf.Tensor, keys: tf.Tensor, block: Block): tf.Tensor => {
    const { count, end } = block;
    const scores = tf.matMul(rowsOf(queries, block), keysOf(keys, 0, end), false, true);
    const own = mask.of(block);
    return scores.reshape([batch, kv * groups, count, end]).add(own.reshape([own.shape[0]!, 1, count, end]));
  };
  /** Adds what a block says of the keys before `end` to what later ones say: the keys before it, and the rest. */
  const addKeys = (parts: tf.Tensor[], own: tf.Tensor, end: number): void => {
    const sum = parts.shift();
    if (!sum) parts.push(own);
    else parts.unshift(keysOf(sum, 0, end).add(own), keysOf(sum, end, sum.shape[2]!));
  };
  const rowsAgain = (x: tf.Tensor, { count }: Block): tf.Tensor => x.reshape([batch, kv, groups * count, x.shape[3]!]);

  return withGradient([q, k, v], (inputs) => {
    let given = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    const outs: tf.Tensor[] = [];
    const kept: tf.Tensor[] = [];
    for (const block of blocks) {
      if (again) {
        const before = outs.splice(-1);
        const fenced = afresh([...given, ...before], given.length + before.length);
        given = fenced.slice(0, 3) as typeof given;
        outs.push(...fenced.slice(3));
      }
      const [query, key, value] = given;
      const scores = scoresOf(query, key, block);
      const sum = again ? tf.logSumExp(scores, -1, true) : undefined; // [B, K * G, count, 1]
      const p = rowsAgain(sum ? tf.exp(scores.sub(sum)) : tf.softmax(scores), block);
      kept.push(sum ?? p);
      outs.push(tf.matMul(p, keysOf(value, 0, block.end)));
    }
    const out = join(outs);
    return {
      value: out,
      saved: [...inputs, out, ...kept],
      gradient: (dy, saved) => {
        const [sq, sk, sv, o, ...rest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
        const delta = tf.sum(dy.mul(o), -1, true); // [B, K, G*T, 1]
        let held: tf.Tensor[] = [sq, sk, sv, dy];
        const dq: tf.Tensor[] = [];
        // The last block first: what it says of the keys that it alone sees is then done.
        const [dk, dv]: [tf.Tensor[], tf.Tensor[]] = [[], []];
        for (const [i, block] of [...blocks.entries()].reverse()) {
          const { end } = block;
          if (again) {
            const made = [dq, dk, dv].map((parts) => parts.splice(0, parts === dq ? 1 : 2));
            const fenced = afresh([...held, ...made.flat()], held.length + made[0]!.length);
            held = fenced.splice(0, held.length);
            for (const [n, parts] of [dq, dk, dv].entries()) parts.unshift(...fenced.splice(0, made[n]!.length));
          }
          const [query, key, value, change] = held as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
          const p = again ? rowsAgain(tf.exp(scoresOf(query, key, block).sub(rest[i]!)), block) : rest[i]!;
          const own = rowsOf(change, block);
          const ds = p.mul(tf.matMul(own, keysOf(value, 0, end), false, true).sub(rowsOf(delta, block)));
          dq.unshift(tf.matMul(ds, keysOf(key, 0, end)));
          addKeys(dk, tf.matMul(ds, rowsOf(query, block), true, false), end);
          addKeys(dv, tf.matMul(p, own, true, false), end);
        }
        return [join(dq), tf.concat(dk, 2), tf.concat(dv, 2)];
      },
    };
  });
}

/** What a cache holds of one layer. */
export interface Past {
  /** [B, K, S, D] */
  readonly keys: tf.Tensor;
  /** [B, K, S, D] */
  readonly values: tf.Tensor;
  /** [S], added to the scores: which places hold a token. */
  readonly mask: tf.Tensor;
}

/**
 * Attention of T new tokens to themselves and to S earlier ones: softmax([q kp^T, q k^T] + masks) [vp; v]. The cache is
 * read where it lies, not joined with the new keys, which would copy it for every token. No gradient.
 *
 * @param q [B, K, G*T, D], scaled; k and v [B, K, T, D]
 */
export function attentionWithPast(past: Past, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: Mask): tf.Tensor {
  const { length } = mask;
  const groups = q.shape[2]! / length;
  const own = tf.tile(mask.of({ start: 0, count: length, end: length }).reshape([length, length]), [groups, 1]); // [G*T, T]
  const scores = [
    tf.matMul(q, past.keys, false, true).add(past.mask), // [B, K, G*T, S]
    tf.matMul(q, k, false, true).add(own), // [B, K, G*T, T]
  ];
  const [earlier, now] = scores.map((s) => tf.max(s, -1, true)) as [tf.Tensor, tf.Tensor];
  const highest = tf.maximum(earlier, now);
  const [a, b] = scores.map((s) => tf.exp(s.sub(highest))) as [tf.Tensor, tf.Tensor];
  const sum = tf.sum(a, -1, true).add(tf.sum(b, -1, true));
  return tf.matMul(a, past.values).add(tf.matMul(b, v)).div(sum);
}
