import type { TrainConfig } from '../config';
import { type ChunkList, type ChunkTensors, countLoss, segmentStarts } from '../data/packing/chunks';
import { float32, type HostTensors, int32 } from '../engine/tensors';
import { createRandom } from '../random';

/** Which chunks make up each update: seeded, new in each epoch, worked out anew from the step's number alone. */
export interface BatchPlan {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** The micro-batches of update `step` (0-based), each a list of chunk indices, at most `batchSize` long. */
  microBatches(step: number): readonly (readonly number[])[];
}

/**
 * Every chunk is read once an epoch; the last update of an epoch may have fewer chunks. `maxSteps` may end it within one.
 * Resuming needs no generator state: the order of epoch e derives from the seed and e.
 */
export function planBatches(
  chunkCount: number,
  c: Pick<TrainConfig, 'batchSize' | 'accumulation' | 'epochs' | 'maxSteps' | 'seed'>,
): BatchPlan {
  for (const field of ['batchSize', 'accumulation', 'epochs', 'maxSteps'] as const) {
    const value = c[field];
    if (field === 'maxSteps' && value === undefined) continue;
    if (!Number.isSafeInteger(value) || value! <= 0) {
      throw new Error(`train: ${field} must be a positive integer, got ${value}`);
    }
  }
  if (chunkCount === 0) throw new Error('train: no chunks to train on; check the data folder and the packing report');
  const perStep = c.batchSize * c.accumulation;
  const stepsPerEpoch = Math.ceil(chunkCount / perStep);
  let cached: { epoch: number; order: readonly number[] } | undefined;
  const orderOf = (epoch: number): readonly number[] => {
    if (cached?.epoch !== epoch) {
      const indices = Array.from({ length: chunkCount }, (_, i) => i);
      cached = { epoch, order: createRandom(c.seed, `epoch ${epoch}`).shuffle(indices) };
    }
    return cached.order;
  };
  return {
    stepsPerEpoch,
    totalSteps: Math.min(stepsPerEpoch * c.epochs, c.maxSteps ?? Number.POSITIVE_INFINITY),
    microBatches: (step) => {
      const order = orderOf(Math.floor(step / stepsPerEpoch));
      const start = (step % stepsPerEpoch) * perStep;
      const chosen = order.slice(start, start + perStep);
      const groups: number[][] = [];
      for (let i = 0; i < chosen.length; i += c.batchSize) groups.push(chosen.slice(i, i + c.batchSize));
      return groups;
    },
  };
}

/**
 * The most response tokens of any chunk, R: the loss then asks for R places of each row alone, and neither the output
 * matrix nor the last layer meets the others. Undefined where R is more than three quarters of T (not a measured bound):
 * all are computed then, with attention in blocks.
 */
export function askedPlaces(...lists: readonly ChunkList[]): number | undefined {
  let length = 0;
  let most = 0;
  for (const chunks of lists) {
    for (const chunk of chunks) {
      length = chunk.tokens.length;
      most = Math.max(most, countLoss(chunk));
    }
  }
  return most > 0 && most <= 0.75 * length ? most : undefined;
}

/** What a program reads of its chunks beside their tokens: batches have the form that the program was compiled for. */
export interface BatchForm {
  /** Samples of a chunk are apart (block-diagonal packing): positions, and the first place that each attends to. */
  readonly separate: boolean;
  /** R, most response tokens of a chunk, where the loss asks for these alone; see `askedPlaces`. Undefined: all T places. */
  readonly asked?: number | undefined;
}

/**
 * Chunks side by side as [B, T]; missing rows are filled with the first chunk at weight 0. With `asked`, targets and weights
 * are [B, R], of the response tokens at `places` [B, R]; the rest at weight 0.
 *
 * @throws when a chunk has more than R response tokens
 */
export function batchTensors(
  chunks: readonly ChunkTensors[],
  batchSize: number,
  { separate, asked }: BatchForm,
): HostTensors {
  const rows = Array.from({ length: batchSize }, (_, i) => chunks[i] ?? chunks[0]!);
  const length = rows[0]!.tokens.length;
  const ints = (field: 'tokens' | 'targets' | 'positions' | 'from') => {
    const tensor = int32([batchSize, length]);
    rows.forEach((row, i) => {
      tensor.data.set(field === 'from' ? (row.from ?? segmentStarts(row.segments)) : row[field], i * length);
    });
    return tensor;
  };
  const scope = separate ? { from: ints('from'), positions: ints('positions') } : {};
  if (asked !== undefined) return { tokens: ints('tokens'), ...askedTensors(chunks, rows, asked), ...scope };
  const weights = float32([batchSize, length]);
  chunks.forEach((chunk, i) => {
    weights.data.set(chunk.weights, i * length);
  });
  return { tokens: ints('tokens'), targets: ints('targets'), weights, ...scope };
}

function askedTensors(chunks: readonly ChunkTensors[], rows: readonly ChunkTensors[], asked: number): HostTensors {
  const shape = [rows.length, asked];
  const [places, targets, weights] = [int32(shape), int32(shape), float32(shape)];
  for (const [i, row] of rows.entries()) {
    let next = i * asked;
    for (const [t, weight] of row.weights.entries()) {
      if (weight === 0) continue;
      if (next === (i + 1) * asked) {
        throw new Error(`train: a chunk has ${countLoss(row)} response tokens, the program takes ${asked}`);
      }
      places.data[next] = t;
      targets.data[next] = row.targets[t]!;
      weights.data[next] = i < chunks.length ? weight : 0;
      next++;
    }
  }
  return { places, targets, weights };
}

/** Response tokens of a batch: what its loss is divided by. */
export function lossTokens(batch: HostTensors): number {
  let sum = 0;
  for (const weight of batch.weights!.data) sum += weight;
  return sum;
}
