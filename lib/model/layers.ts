import { withGradient } from '../engine/gradient';
import { afresh, recomputes } from '../engine/recompute';
import * as tf from '../engine/tf';

/** Layers whose gradients are written out: fewer passes over memory than autodiff's own. */

/**
 * y = x / rms(x) * w,  rms(x) = sqrt(mean(x^2) + eps);  x [N, C], w [C].
 *
 * With n = x / rms:  dx = (g - n mean(g n)) / rms where g = dy w;  dw = sum over rows of dy n.
 */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, eps: number): tf.Tensor {
  return withGradient([x, weight], ([input, w]) => {
    const inverse = tf.rsqrt(tf.mean(tf.square(input!), -1, true).add(eps)); // [N, 1]
    const normed = input!.mul(inverse);
    return {
      value: normed.mul(w!),
      saved: [normed, inverse, w!],
      gradient: (dy, saved) => {
        const [n, r, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const g = dy.mul(scale);
        const dx = g.sub(n.mul(tf.mean(g.mul(n), -1, true))).mul(r);
        return [dx, tf.sum(dy.mul(n), 0)];
      },
    };
  });
}

/** silu(gate) * up, silu(a) = a sigmoid(a);  both [N, F]. */
export function swiglu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return withGradient([gate, up], ([a, b]) => {
    const again = recomputes();
    // Each is worked out whole before the other: a sum of products is then not held in its parts.
    const [x, y] = again ? [afresh([a!], 1)[0]!, afresh([b!], 1)[0]!] : [a!, b!];
    const sigmoid = tf.sigmoid(x);
    const silu = x.mul(sigmoid);
    return {
      value: silu.mul(y),
      saved: again ? [x, y] : [sigmoid, silu, y],
      gradient: (dy, saved) => {
        const [s, h, u, change] = (again ? activationAgain(saved, dy) : [...saved, dy]) as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ];
        // silu' = s + silu (1 - s)
        const slope = s.add(h.sub(h.mul(s)));
        return [change.mul(u).mul(slope), change.mul(h)];
      },
    };
  });
}

function activationAgain(saved: readonly tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const [a, b, change] = afresh([...saved, dy], 3) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const sigmoid = tf.sigmoid(a);
  return [sigmoid, a.mul(sigmoid), b, change];
}
