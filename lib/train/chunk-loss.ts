import { type ChunkTensors, countLoss } from '../data/packing/chunks';
import type { Device } from '../engine/device';
import { createState } from '../engine/state';
import type { TunedModel } from '../model/tuned';
import { createRandom } from '../random';
import { askedPlaces, type BatchForm, batchTensors } from './batches';
import { compileHeldOutLoss } from './programs';

/** A mean loss over response tokens, in nats, with its 95% interval. */
export interface ChunkLoss {
  readonly loss: number;
  readonly low: number;
  readonly high: number;
  readonly responseTokens: number;
}

const Z = 1.959964;

/**
 * The loss of `model`, as it is before training, on chunks of any packing. The interval takes chunks as the units that
 * were drawn (a ratio of sums, linearised): neighbouring tokens are not independent.
 *
 * @throws when no chunk has a response token
 */
export async function lossOf(model: TunedModel, chunks: readonly ChunkTensors[], device: Device): Promise<ChunkLoss> {
  const responseTokens = chunks.reduce((sum, chunk) => sum + countLoss(chunk), 0);
  if (responseTokens === 0) throw new Error(`loss: ${chunks.length} chunks have no response token; give others`);
  const maxSeqLen = chunks[0]!.tokens.length;
  // The paper's packing has one segment and positions that run: with them its mask is the plain causal one.
  const form: BatchForm = { separate: true, asked: askedPlaces(chunks) };
  const program = await compileHeldOutLoss(model, { batchSize: 1, maxSeqLen }, device, form);
  const state = await createState(device, model.initial(createRandom(1, 'adapter')));
  const sums: number[] = [];
  for (const chunk of chunks) {
    sums.push((await program.run(batchTensors([chunk], 1, form), state)).lossSum!.data[0]!);
  }
  state.dispose();
  await program.dispose();
  const loss = sums.reduce((a, b) => a + b, 0) / responseTokens;
  const squares = chunks.reduce((sum, chunk, i) => sum + (sums[i]! - loss * countLoss(chunk)) ** 2, 0);
  const n = chunks.length;
  const stderr = n > 1 ? Math.sqrt((n / (n - 1)) * squares) / responseTokens : Number.POSITIVE_INFINITY;
  return { loss, low: loss - Z * stderr, high: loss + Z * stderr, responseTokens };
}
