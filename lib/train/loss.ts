import { withGradient } from '../engine/gradient';
import { inFull } from '../engine/precision';
import { afresh, recomputes } from '../engine/recompute';
import * as tf from '../engine/tf';

/** Rows of the output matrix taken at once: their logits stay in the processor's cache between product and softmax. */
const VOCABULARY_PART = 4096;

/**
 * Sum over tokens of weight * -log softmax(h W^T)[target], a part of the vocabulary at a time:
 *
 *     part c of W, [Vc, C]:  p_c = softmax within the part,  z_c = its log sum exp        (one product, one softmax)
 *     all of them:           z = log sum exp of the z_c,     f_c = exp(z_c - z)           (f_c p_c is the softmax)
 *
 *     dh = w y (sum of f_c (p_c W_c) - W[target])        dW_c = p_c^T (f_c w y h), minus (w y h) at the targets
 *
 * so that the [N, V] numbers are written by product and softmax alone; f_c scales [N, C] matrices instead.
 *
 * @param hidden [N, C]
 * @param head [V, C]
 * @param targets [N] int32, in [0, V); any value where the weight is 0
 * @param weights [N], 0 where a token carries no loss
 * @returns a scalar: the sum, not the mean, so that sums of micro-batches add up
 */
export function crossEntropySum(hidden: tf.Tensor, head: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  const rows = head.shape[0]!;
  const sizes = vocabularyParts(rows);
  return withGradient([hidden, head], (inputs) =>
    inFull(() => {
      const [h, w] = inputs as [tf.Tensor, tf.Tensor];
      const again = recomputes();
      const matrices = sizes.length === 1 ? [w] : (tf.split(w, sizes, 0) as tf.Tensor[]);
      const parts = matrices.map((matrix) => {
        const logits = tf.matMul(h, matrix, false, true); // [N, Vc]
        const p = tf.softmax(logits);
        // log sum exp = max logit - log max p: two reductions instead of another pass of exponentials.
        const logSumExp = tf.max(logits, -1, true).sub(tf.log(tf.max(p, -1, true))); // [N, 1]
        return { p, logSumExp };
      });
      const each = tf.concat(
        parts.map((part) => part.logSumExp),
        -1,
      ); // [N, parts]
      const total = tf.logSumExp(each, -1, true); // [N, 1]
      const factors = tf.exp(each.sub(total));
      const picked = tf.gather(w, targets); // [N, C]
      const targetLogit = tf.sum(h.mul(picked), -1);
      return {
        value: tf.sum(total.squeeze([-1]).sub(targetLogit).mul(weights)),
        saved: [
          h,
          factors,
          picked,
          weights,
          targets,
          ...matrices,
          ...parts.map((part) => (again ? part.logSumExp : part.p)),
        ],
        gradient: (dy, saved) =>
          inFull(() => {
            const [x, f, goal, weight, ids] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor1D];
            const factor = tf.split(f, sizes.length, -1) as tf.Tensor[]; // [N, 1] each
            const scale = weight.mul(dy).expandDims(-1); // [N, 1]
            const scaled = x.mul(scale);
            const products = sizes.map((_, c) => {
              const matrix = saved[5 + c]!;
              const kept = saved[5 + sizes.length + c]!;
              const p = again ? probabilitiesAgain(x, matrix, kept, dy) : kept;
              const dh = tf.matMul(p, matrix).mul(factor[c]!); // [N, C]
              return { dh, dw: tf.matMul(p, scaled.mul(factor[c]!), true, false) }; // dw [Vc, C]
            });
            const dh = tf
              .addN(products.map((part) => part.dh))
              .sub(goal)
              .mul(scale);
            const dw = products.length === 1 ? products[0]!.dw : tf.concat(products.map((part) => part.dw));
            const both = [dh, dw.add(tf.unsortedSegmentSum(scaled.neg(), ids, rows))];
            // The matrix's gradient is summed, and shared among devices, before the layers' way back begins.
            return again ? afresh(both) : both;
          }),
      };
    }),
  );
}

/** A part's softmax, computed again for the way back. */
function probabilitiesAgain(hidden: tf.Tensor, matrix: tf.Tensor, logSumExp: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const [h, w, sum] = afresh([hidden, matrix, logSumExp, dy]) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return tf.exp(tf.matMul(h, w, false, true).sub(sum));
}

/** Sizes of the parts: as equal as can be, none above VOCABULARY_PART. */
function vocabularyParts(vocabSize: number): number[] {
  const count = Math.ceil(vocabSize / VOCABULARY_PART);
  return Array.from({ length: count }, (_, c) => {
    const end = Math.round(((c + 1) * vocabSize) / count);
    return end - Math.round((c * vocabSize) / count);
  });
}
