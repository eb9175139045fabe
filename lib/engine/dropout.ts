import * as tf from './tf';

/** p^2 < 2^31, and 3 does not divide p - 1, so that cubing is one-to-one modulo p. */
const P = 46_337;

/**
 * Dropout whose mask derives from numbers: the same seed, step and layer give the same mask on every device,
 * the next step gives another.
 *
 *     h <- (h + key)^3 mod p    round after round, over seed, step, layer, row and column;  keep where h/p >= rate
 *
 * @param x [N, C]; kept numbers are divided by 1 - rate
 * @param seed scalar int32 in [0, 46337)
 * @param step scalar int32 in [0, 46337): reduce a larger one modulo 46337
 * @param layer tells the masks of one step apart; a scalar int32 where it is counted on the device
 * Source: the round function is MiMC's (Albrecht et al. 2016), over a prime small enough for int32 products
 */
export function dropout(
  x: tf.Tensor,
  rate: number,
  seed: tf.Tensor,
  step: tf.Tensor,
  layer: number | tf.Tensor,
): tf.Tensor {
  if (!(rate >= 0 && rate < 1)) throw new Error(`dropout: rate must be in [0, 1), got ${rate}`);
  if (rate === 0) return x;
  const [rows, columns] = x.shape as [number, number];
  if (rows > P || columns > P) throw new Error(`dropout: at most ${P} rows and columns, got [${x.shape}]`);
  let h: tf.Tensor = tf.scalar(1, 'int32');
  const place = typeof layer === 'number' ? tf.scalar(layer % P, 'int32') : layer;
  for (const key of [seed, step, place]) h = mix(h, key);
  h = mix(h, tf.range(0, rows, 1, 'int32').reshape([rows, 1]));
  h = mix(h, tf.range(0, columns, 1, 'int32').reshape([1, columns]));
  h = mix(mix(h, tf.scalar(12_345, 'int32')), tf.scalar(40_503, 'int32'));
  const keep = tf.greaterEqual(h, tf.scalar(Math.round(rate * P), 'int32'));
  return x.mul(keep.cast('float32').mul(1 / (1 - rate)));
}

function mix(h: tf.Tensor, key: tf.Tensor): tf.Tensor {
  const p = tf.scalar(P, 'int32');
  const sum = tf.mod(h.add(key), p);
  return tf.mod(tf.mod(sum.mul(sum), p).mul(sum), p);
}
