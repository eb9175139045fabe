import { withGradient } from '../engine/gradient';
import { afresh, recomputes } from '../engine/recompute';
import * as tf from '../engine/tf';

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
  return attentionOver([{ start: 0, count: mask.shape[1]!, end: k.shape[2]! }], q, k, v, mask);
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
 */
export function causalAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return attentionOver(causalBlocks(mask.shape[1]!), q, k, v, mask);
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

/** The queries `start`.. of each head, `count` of them, against the keys before `end`. */
interface Block {
  readonly start: number;
  readonly count: number;
  readonly end: number;
}

/**
 * Where the way back computes again what it can, of each query the logarithm of its sum of exponentials alone is kept: of
 * T x T numbers a head, one block's are held at a time (FlashAttention's algorithm 4, over queries).
 *
 * @param blocks all queries in order; the last sees every key
 */
function attentionOver(blocks: readonly Block[], q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const again = recomputes();
  const [batch, kv, rows] = q.shape as [number, number, number];
  const length = mask.shape[1]!;
  const groups = rows / length;
  const keys = k.shape[2]!;
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
  /** The sum of what each block says of the keys that it sees. */
  const sumOverKeys = (parts: readonly tf.Tensor[]): tf.Tensor => {
    const ends: tf.Tensor[] = [];
    let sum = parts.at(-1)!;
    for (let i = blocks.length - 2; i >= 0; i--) {
      const { end } = blocks[i]!;
      ends.unshift(keysOf(sum, end, blocks[i + 1]!.end));
      sum = keysOf(sum, 0, end).add(parts[i]!);
    }
    return ends.length === 0 ? sum : tf.concat([sum, ...ends], 2);
  };

  return withGradient([q, k, v], (inputs) => {
    const [query, key, value] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    /** [B, K * G, count, end] */
    const scoresOf = (queries: tf.Tensor, allKeys: tf.Tensor, block: Block): tf.Tensor => {
      const { start, count, end } = block;
      const scores = tf.matMul(rowsOf(queries, block), keysOf(allKeys, 0, end), false, true);
      const whole = count === length && end === keys;
      const own = whole ? mask : tf.slice(mask, [0, start, 0], [mask.shape[0]!, count, end]);
      return scores.reshape([batch, kv * groups, count, end]).add(own.reshape([mask.shape[0]!, 1, count, end]));
    };
    const rowsAgain = (x: tf.Tensor, { count }: Block): tf.Tensor =>
      x.reshape([batch, kv, groups * count, x.shape[3]!]);
    const scores = blocks.map((block) => scoresOf(query, key, block));
    const sums = again ? scores.map((own) => tf.logSumExp(own, -1, true)) : []; // [B, K * G, count, 1]
    const probabilities = blocks.map((block, i) =>
      rowsAgain(again ? tf.exp(scores[i]!.sub(sums[i]!)) : tf.softmax(scores[i]!), block),
    );
    const out = join(blocks.map(({ end }, i) => tf.matMul(probabilities[i]!, keysOf(value, 0, end))));
    return {
      value: out,
      saved: [query, key, value, out, ...(again ? sums : probabilities)],
      gradient: (dy, saved) => {
        const [sq, sk, sv, o, ...rest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]];
        const probabilitiesAgain = (block: Block, i: number): tf.Tensor => {
          const [query2, key2, sum] = afresh([sq, sk, rest[i]!, dy]) as [tf.Tensor, tf.Tensor, tf.Tensor];
          return rowsAgain(tf.exp(scoresOf(query2, key2, block).sub(sum)), block);
        };
        const delta = tf.sum(dy.mul(o), -1, true); // [B, K, G*T, 1]
        const parts = blocks.map((block, i) => {
          const { end } = block;
          const p = again ? probabilitiesAgain(block, i) : rest[i]!;
          const own = rowsOf(dy, block);
          const ds = p.mul(tf.matMul(own, keysOf(sv, 0, end), false, true).sub(rowsOf(delta, block)));
          return {
            dq: tf.matMul(ds, keysOf(sk, 0, end)),
            dk: tf.matMul(ds, rowsOf(sq, block), true, false),
            dv: tf.matMul(p, own, true, false),
          };
        });
        return [
          join(parts.map(({ dq }) => dq)),
          sumOverKeys(parts.map(({ dk }) => dk)),
          sumOverKeys(parts.map(({ dv }) => dv)),
        ];
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
 * @param q [B, K, G*T, D], scaled; k and v [B, K, T, D]; mask [1, T, T]
 */
export function attentionWithPast(past: Past, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  const length = mask.shape[1]!;
  const groups = q.shape[2]! / length;
  const own = tf.tile(mask.reshape([length, length]), [groups, 1]); // [G*T, T]
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
