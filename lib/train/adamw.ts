import { blockwise } from '../engine/blockwise';
import * as tf from '../engine/tf';

/** AdamW's constants. @see adamw */
export interface AdamWConfig {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** Scalars of one update: what changes from step to step. */
export interface AdamWScalars {
  /** Learning rate of this update. */
  readonly rate: tf.Tensor;
  /** 1 - beta1^t and 1 - beta2^t, t = 1 for the first update. */
  readonly correction1: tf.Tensor;
  readonly correction2: tf.Tensor;
  /** Multiplies the gradient: 1 / response tokens, times the clipping factor. */
  readonly gradientScale: tf.Tensor;
}

export interface Moments {
  readonly parameter: tf.Tensor;
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
}

/**
 * One AdamW update of one tensor.
 *
 *     p <- p (1 - rate decay);  m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2
 *     p <- p - rate (m / c1) / (sqrt(v / c2) + eps)
 *
 * @param decay this tensor's weight decay
 * Source: torch.optim.AdamW (decoupled decay, bias correction, eps outside the root)
 */
export function adamw(
  { parameter, first, second }: Moments,
  gradient: tf.Tensor,
  c: AdamWConfig,
  decay: number,
  s: AdamWScalars,
): Moments {
  // Everything that is a scalar is worked out once, outside the blocks.
  const shrink = tf.scalar(1).sub(s.rate.mul(decay));
  // sqrt(v / c2) + eps = (sqrt(v) + eps sqrt(c2)) / sqrt(c2): the root goes to the step's size.
  const root2 = tf.sqrt(s.correction2);
  const size = s.rate.mul(root2).div(s.correction1).neg();
  const epsilon = root2.mul(c.epsilon);
  const gradient1 = s.gradientScale.mul(1 - c.beta1);
  const gradient2 = tf.square(s.gradientScale).mul(1 - c.beta2);
  const [p, m, v] = blockwise(
    ([p0, g, m0, v0]) => {
      const m1 = m0!.mul(c.beta1).add(g!.mul(gradient1));
      const v1 = v0!.mul(c.beta2).add(tf.square(g!).mul(gradient2));
      const step = m1.div(tf.sqrt(v1).add(epsilon)).mul(size);
      return [p0!.mul(shrink).add(step), m1, v1];
    },
    [parameter, gradient, first, second],
  );
  return { parameter: p!, first: m!, second: v! };
}
