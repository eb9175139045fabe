import type { ChunkList, ChunkTensors } from '../../data/packing/chunks';
import type { Packing } from '../../data/packing/packing';
import { IGNORED } from '../../data/samples';
import type { BatchPlan } from '../../train/batches';

/** What transformers’ Trainer reads of one chunk, L places. */
export type HandoffRow = Readonly<Record<'input_ids' | 'labels' | 'position_ids', Int32Array>>;

/** What transformers’ Trainer reads of N chunks. */
export interface HandoffRows {
  /** [N + 1, L]: L is T, or T + 1 where samples run on from chunk to chunk. */
  readonly shape: readonly [number, number];
  /** N + 1 rows, each made when it is asked for; the last has no label and fills short updates. */
  readonly rows: Iterable<HandoffRow>;
  /** [updates * P]: the row that stands at each place of the training, all epochs one after another. */
  readonly order: Int32Array;
  /** Places of `order` that hold the row without labels. */
  readonly filled: number;
}

/**
 * Chunks as rows whose labels are not shifted, because Trainer's model shifts them: label t is to be predicted at t - 1.
 * With T = 4, a stream and whole samples (capitals are labels, `_` is -100):
 *
 *     concatenated     tokens  a0 A1 A2 b0   targets A1 A2 b0 B1     input_ids a0 A1 A2 b0 B1   labels _ A1 A2 _ B1
 *     block-diagonal   tokens  a0 A1 b0 B1   targets A1  . B1  .     input_ids a0 A1 b0 B1      labels _ A1  _ B1
 *
 * In the stream, the last target of a chunk is the first token of the next one, so a row has a place more. Rows stand in
 * the order of the first epoch. An attention mask is not among the columns: positions that begin anew say where samples
 * are apart, and a mask of ones would hide it.
 *
 * Source: transformers 5.23.0 loss/loss_utils.py, ForCausalLMLoss; masking_utils.py, find_packed_sequence_indices
 */
export function handoffRows(chunks: ChunkList, packing: Packing, plan: BatchPlan, perUpdate: number): HandoffRows {
  const length = chunks.at(0)!.tokens.length;
  const wide = packing === 'concatenated' ? length + 1 : length;
  const filler = chunks.length;
  const rowOf = new Map<number, number>();
  const order = new Int32Array(plan.totalSteps * perUpdate).fill(filler);
  let filled = order.length;
  for (let step = 0; step < plan.totalSteps; step++) {
    for (const [place, chunk] of plan.microBatches(step).flat().entries()) {
      const row = rowOf.get(chunk) ?? rowOf.size;
      rowOf.set(chunk, row);
      order[step * perUpdate + place] = row;
      filled--;
    }
  }
  const rows = function* (): Generator<HandoffRow> {
    for (const chunk of rowOf.keys()) yield rowOfChunk(chunks.at(chunk)!, wide);
    // A training may end before it has read all chunks.
    for (let row = rowOf.size; row <= filler; row++) {
      const unread = new Int32Array(wide);
      yield { input_ids: unread, labels: new Int32Array(wide).fill(IGNORED), position_ids: unread.map((_, t) => t) };
    }
  };
  return { shape: [filler + 1, wide], rows: rows(), order, filled };
}

function rowOfChunk(chunk: ChunkTensors, wide: number): HandoffRow {
  const { tokens, targets, weights } = chunk;
  const input = new Int32Array(wide);
  input.set(tokens);
  if (wide > tokens.length) input[tokens.length] = targets[tokens.length - 1]!;
  const labels = new Int32Array(wide).fill(IGNORED);
  for (let t = 1; t < wide; t++) if (weights[t - 1]! > 0) labels[t] = targets[t - 1]!;
  return { input_ids: input, labels, position_ids: positionsOf(chunk, wide) };
}

/** A chunk's positions; padding counts as one sample of its own, and a stream's extra place goes on. */
function positionsOf({ positions, segments }: ChunkTensors, length: number): Int32Array {
  if (length > positions.length) return Int32Array.from({ length }, (_, t) => t);
  const padding = segments.indexOf(-1);
  return positions.map((position, t) => (padding >= 0 && t >= padding ? t - padding : position));
}
