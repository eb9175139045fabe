import { compile } from '../engine/compile';
import type { Device } from '../engine/device';
import { createState } from '../engine/state';
import { float32 } from '../engine/tensors';
import * as tf from '../engine/tf';

/** Vectors of length 1 (or 0), read a block at a time. */
export interface RowVectors {
  /** What the rows are called in the result, in the order in which they are read. */
  readonly ids: Uint32Array;
  /** Fills `into`, [n, E], with the rows from `start` on. */
  read(start: number, into: Float32Array): void;
}

/** For each of N items its k nearest rows, the nearest first; [N, k]. */
export interface Neighbours {
  readonly k: number;
  readonly rows: Int32Array;
  readonly cosines: Float64Array;
}

/** Rows multiplied at once. */
const BLOCK = 512;
/** Rows whose largest cosine the program gives as one number. */
const GROUP = 16;
/** More than a float32 product can be off. */
const SLACK = 1e-5;

/**
 * Exact search: every row against every item, the k nearest rows of each item kept, in memory that does not grow with
 * the rows.
 *
 *     rows [512, E] x items [N, E]^T -> [512, N] -> largest of each 16 rows -> [32, N]
 *
 * Only these maxima leave the program. Where one exceeds an item's k-th best so far, the sixteen cosines are computed
 * again, in float64 and in a fixed order: results do not depend on blocks, threads, device or the order of reading. Of
 * two equal rows the one with the smaller id is nearer.
 *
 * @param items [N, E], one vector after the other
 * @param k at most the number of rows
 */
export async function nearestRows(
  items: Float32Array,
  dimension: number,
  rows: RowVectors,
  k: number,
  device: Device,
  at?: (done: number, total: number) => void,
): Promise<Neighbours> {
  const count = items.length / dimension;
  const total = rows.ids.length;
  const found = emptyNeighbours(count, Math.min(k, total));
  const shape = [count, dimension];
  const program = await compile(
    ({ inputs, state }) => {
      const cosines = tf.matMul(inputs.rows as tf.Tensor2D, state.items as tf.Tensor2D, false, true);
      return { outputs: { largest: tf.max(tf.reshape(cosines, [BLOCK / GROUP, GROUP, count]), 1) } };
    },
    {
      name: 'nearest rows',
      inputs: { rows: { shape: [BLOCK, dimension], dtype: 'float32' } },
      state: { items: { shape, dtype: 'float32' } },
    },
    device,
  );
  const state = await createState(device, { items: float32(shape, items) });
  const block = new Float32Array(BLOCK * dimension);
  try {
    for (let start = 0; start < total; start += BLOCK) {
      const n = Math.min(BLOCK, total - start);
      block.fill(0, n * dimension);
      rows.read(start, block.subarray(0, n * dimension));
      const { largest } = await program.run({ rows: float32([BLOCK, dimension], block) }, state);
      offerGroups(largest!.data as Float32Array, items, block, rows.ids.subarray(start, start + n), found);
      at?.(start + n, total);
    }
  } finally {
    await program.dispose();
    state.dispose();
  }
  return found;
}

/** Looks into every group whose largest cosine could be among an item's k best. */
function offerGroups(
  largest: Float32Array,
  items: Float32Array,
  block: Float32Array,
  ids: Uint32Array,
  found: GrowingNeighbours,
): void {
  const { least } = found;
  const cosines = new Float64Array(GROUP);
  for (let first = 0, at = 0; first < ids.length; first += GROUP) {
    const last = Math.min(first + GROUP, ids.length);
    for (let item = 0; item < least.length; item++, at++) {
      if (largest[at]! < least[item]!) continue;
      groupCosines(items, item, block, first, cosines);
      for (let row = first; row < last; row++) found.offer(item, ids[row]!, cosines[row - first]!);
    }
  }
}

/** Neighbours to be filled: `offer` keeps a row where it is nearer than the k-th best. */
export interface GrowingNeighbours extends Neighbours {
  /** What a cosine must reach to be worth offering, by item. */
  readonly least: Float64Array;
  offer(item: number, row: number, cosine: number): void;
}

export function emptyNeighbours(items: number, k: number): GrowingNeighbours {
  const rows = new Int32Array(items * k).fill(-1);
  const cosines = new Float64Array(items * k).fill(Number.NEGATIVE_INFINITY);
  const least = new Float64Array(items).fill(Number.NEGATIVE_INFINITY);
  const offer = (item: number, row: number, cosine: number): void => {
    const first = item * k;
    let place = first + k - 1;
    const before = (i: number) => cosine > cosines[i]! || (cosine === cosines[i]! && (rows[i]! < 0 || row < rows[i]!));
    if (!before(place)) return;
    for (; place > first && before(place - 1); place--) {
      cosines[place] = cosines[place - 1]!;
      rows[place] = rows[place - 1]!;
    }
    cosines[place] = cosine;
    rows[place] = row;
    least[item] = cosines[first + k - 1]! - SLACK;
  };
  return { k, rows, cosines, least, offer };
}

/**
 * An item's cosines with the 16 rows of a group; of a short last group some rows are zeros.
 * Four rows at once, so that no addition waits for the one before: twice as fast as one by one.
 */
function groupCosines(items: Float32Array, item: number, rows: Float32Array, first: number, out: Float64Array): void {
  const length = rows.length / BLOCK;
  const start = item * length;
  for (let g = 0; g < GROUP; g += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    const row0 = (first + g) * length;
    const row1 = row0 + length;
    const row2 = row1 + length;
    const row3 = row2 + length;
    for (let c = 0; c < length; c++) {
      const value = items[start + c]!;
      s0 += value * rows[row0 + c]!;
      s1 += value * rows[row1 + c]!;
      s2 += value * rows[row2 + c]!;
      s3 += value * rows[row3 + c]!;
    }
    out[g] = s0;
    out[g + 1] = s1;
    out[g + 2] = s2;
    out[g + 3] = s3;
  }
}
