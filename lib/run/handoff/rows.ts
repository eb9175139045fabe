import type { ChunkTensors } from '../../data/packing/chunks';
import type { Packing } from '../../data/packing/packing';
import { IGNORED } from '../../data/samples';
import { type HostTensor, int32 } from '../../engine/tensors';
import type { BatchPlan } from '../../train/batches';

/** What transformers’ Trainer reads of the chunks. L is T, or T + 1 where samples run on from chunk to chunk. */
export interface HandoffRows {
  /** `input_ids`, `labels` and `position_ids`, each [N + 1, L]; the last row has no label and fills short updates. */
  readonly columns: Readonly<Record<'input_ids' | 'labels' | 'position_ids', HostTensor>>;
  /** [updates * P]: the row that stands at each place of the training, all epochs one after another. */
  readonly order: HostTensor;
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
export function handoffRows(
  chunks: readonly ChunkTensors[],
  packing: Packing,
  plan: BatchPlan,
  perUpdate: number,
): HandoffRows {
  const length = chunks[0]!.tokens.length;
  const wide = packing === 'concatenated' ? length + 1 : length;
  const shape = [chunks.length + 1, wide] as const;
  const [tokens, labels, positions] = [int32(shape), int32(shape), int32(shape)];
  const filler = chunks.length;
  labels.data.fill(IGNORED);
  const rowOf = new Map<number, number>();
  const order = int32([plan.totalSteps * perUpdate]);
  order.data.fill(filler);
  let filled = order.data.length;
  for (let step = 0; step < plan.totalSteps; step++) {
    for (const [place, chunk] of plan.microBatches(step).flat().entries()) {
      const row = rowOf.get(chunk) ?? rowOf.size;
      rowOf.set(chunk, row);
      order.data[step * perUpdate + place] = row;
      filled--;
    }
  }
  for (const [chunk, row] of rowOf) {
    const { tokens: read, targets, weights } = chunks[chunk]!;
    const start = row * wide;
    tokens.data.set(read, start);
    if (wide > length) tokens.data[start + length] = targets[length - 1]!;
    for (let t = 1; t < wide; t++) if (weights[t - 1]! > 0) labels.data[start + t] = targets[t - 1]!;
    positions.data.set(positionsOf(chunks[chunk]!, wide), start);
  }
  for (let t = 0; t < wide; t++) positions.data[filler * wide + t] = t;
  return { columns: { input_ids: tokens, labels, position_ids: positions }, order, filled };
}

/** A chunk's positions; padding counts as one sample of its own, and a stream's extra place goes on. */
function positionsOf({ positions, segments }: ChunkTensors, length: number): Int32Array {
  if (length > positions.length) return Int32Array.from({ length }, (_, t) => t);
  const padding = segments.indexOf(-1);
  return positions.map((position, t) => (padding >= 0 && t >= padding ? t - padding : position));
}
