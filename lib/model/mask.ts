import * as tf from '../engine/tf';

/** Added to a score, makes its probability exactly 0. */
export const FORBIDDEN = -1e9;

/** The queries `start`.. of a row, `count` of them, against the keys before `end`. */
export interface Block {
  readonly start: number;
  readonly count: number;
  readonly end: number;
}

/** What queries may look at. */
export interface Mask {
  /** T, queries of a row. */
  readonly length: number;
  /** It forbids later keys and nothing else. */
  readonly isCausalAlone?: boolean;
  /** Added to a block's scores, [1 or B, count, end]: 0 where a query may look, a large negative number elsewhere. */
  of(block: Block): tf.Tensor;
}

/** @param tensor [1 or B, T, S] */
export function maskOf(tensor: tf.Tensor): Mask {
  const [batch, length, keys] = tensor.shape as [number, number, number];
  return {
    length,
    of: ({ start, count, end }) =>
      count === length && end === keys ? tensor : tf.slice(tensor, [0, start, 0], [batch, count, end]),
  };
}

/**
 * Every place looks at itself and at those before it. It is worked out from the places where it is asked for: as numbers,
 * T x T of them would lie in the program, 67 MB for 4,096.
 *
 * @param from [B, T], where rows hold several samples: the first place that each one looks at
 */
export function causalMask(length: number, from?: tf.Tensor): Mask {
  return {
    length,
    isCausalAlone: from === undefined,
    of: ({ start, count, end }) => {
      const queries = tf.range(0, count, 1, 'int32').add(tf.scalar(start, 'int32')).reshape([1, count, 1]);
      const keys = tf.range(0, end, 1, 'int32').reshape([1, 1, end]);
      const isBefore = tf.greaterEqual(queries, keys);
      if (!from) return addend(isBefore);
      const [batch] = from.shape as [number];
      const first = count === length ? from : tf.slice(from, [0, start], [batch, count]);
      return addend(tf.logicalAnd(isBefore, tf.greaterEqual(keys, first.reshape([batch, count, 1]))));
    },
  };
}

const addend = (isSeen: tf.Tensor): tf.Tensor => isSeen.cast('float32').sub(1).mul(-FORBIDDEN);
