import type { TrainConfig } from '../config';
import type { Chunk } from '../data/packing';
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
 * Every chunk is read once an epoch; the last update of an epoch may have fewer chunks.
 * Resuming needs no generator state: the order of epoch e derives from the seed and e.
 */
export function planBatches(
  chunkCount: number,
  c: Pick<TrainConfig, 'batchSize' | 'accumulation' | 'epochs' | 'seed'>,
): BatchPlan {
  for (const field of ['batchSize', 'accumulation', 'epochs'] as const) {
    if (!Number.isSafeInteger(c[field]) || c[field] <= 0) {
      throw new Error(`train: ${field} must be a positive integer, got ${c[field]}`);
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
    totalSteps: stepsPerEpoch * c.epochs,
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
 * Chunks side by side as [B, T]; missing rows are filled with the first chunk at weight 0.
 *
 * @param separate adds segments and positions
 */
export function batchTensors(chunks: readonly Chunk[], batchSize: number, separate: boolean): HostTensors {
  const rows = Array.from({ length: batchSize }, (_, i) => chunks[i] ?? chunks[0]!);
  const length = rows[0]!.tokens.length;
  const shape = [batchSize, length];
  const ints = (field: 'tokens' | 'targets' | 'segments' | 'positions') => {
    const tensor = int32(shape);
    rows.forEach((row, i) => {
      tensor.data.set(row[field], i * length);
    });
    return tensor;
  };
  const weights = float32(shape);
  chunks.forEach((chunk, i) => {
    weights.data.set(chunk.weights, i * length);
  });
  const scope = separate ? { segments: ints('segments'), positions: ints('positions') } : {};
  return { tokens: ints('tokens'), targets: ints('targets'), weights, ...scope };
}

/** Response tokens of a batch: what its loss is divided by. */
export function lossTokens(batch: HostTensors): number {
  let sum = 0;
  for (const weight of batch.weights!.data) sum += weight;
  return sum;
}
