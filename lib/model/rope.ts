import { withGradient } from '../engine/gradient';
import * as tf from '../engine/tf';
import type { LlamaConfig } from './llama';
import { inverseFrequencies } from './rope-scaling';

/**
 * Rotary position embedding in Hugging Face's half-split layout: number i of a head is paired with i + D/2.
 *
 *     y = x cos + swap(x) sin      swap([a, b]) = [b, a], sin's first half negated
 */
export interface RopeTable {
  /** [T, D], or [B, 1, 1, T, D] when positions differ by row. */
  readonly cos: tf.Tensor;
  readonly sin: tf.Tensor;
}

/** The query's table carries the attention's 1/sqrt(D), which then costs nothing. */
export interface RopeTables {
  readonly query: RopeTable;
  readonly key: RopeTable;
}

/**
 * @param positions [B, T], where they do not simply run 0..T-1
 * @param rows of the table: every position is below it
 * Source: transformers modeling_llama.py, LlamaRotaryEmbedding and rotate_half
 */
export function ropeTables(
  c: LlamaConfig,
  length: number,
  positions?: tf.Tensor,
  rows = positions ? c.maxPositionEmbeddings : length,
): RopeTables {
  const table = (scale: number): RopeTable => {
    const { cos, sin } = cosSin(c, rows, scale);
    const at = (values: Float32Array): tf.Tensor => {
      const whole = tf.tensor(values, [rows, c.headDim]);
      if (!positions) return whole;
      const [batch] = positions.shape as [number];
      return tf.gather(whole, positions.reshape([batch * length])).reshape([batch, 1, 1, length, c.headDim]);
    };
    return { cos: at(cos), sin: at(sin) };
  };
  return { query: table(1 / Math.sqrt(c.headDim)), key: table(1) };
}

/** cos and signed sin for positions 0..rows-1, [rows, D] row-major. */
function cosSin(c: LlamaConfig, rows: number, scale: number): { cos: Float32Array; sin: Float32Array } {
  const { headDim } = c;
  const half = headDim / 2;
  const frequencies = inverseFrequencies(headDim, c);
  const size = scale * (c.ropeScaling?.type === 'yarn' ? c.ropeScaling.attentionFactor : 1);
  const cos = new Float32Array(rows * headDim);
  const sin = new Float32Array(rows * headDim);
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < half; i++) {
      // Rounded to float32 where Hugging Face's is: frequency, then angle.
      const angle = Math.fround(t * frequencies[i]!);
      const at = t * headDim + i;
      cos[at] = cos[at + half] = Math.cos(angle) * size;
      sin[at] = -Math.sin(angle) * size;
      sin[at + half] = Math.sin(angle) * size;
    }
  }
  return { cos, sin };
}

/** x [..., T, D] turned by its position. */
export function rope(x: tf.Tensor, table: RopeTable): tf.Tensor {
  const { cos, sin } = table;
  return withGradient([x], ([input]) => ({
    value: input!.mul(cos).add(swapHalves(input!).mul(sin)),
    saved: [cos, sin],
    // A rotation's gradient is the rotation back: sin changes sign.
    gradient: (dy, [c, s]) => [dy.mul(c!).sub(swapHalves(dy).mul(s!))],
  }));
}

function swapHalves(x: tf.Tensor): tf.Tensor {
  const [first, second] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor];
  return tf.concat([second, first], -1);
}
