import { expect } from 'vitest';
import { type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../../lib/config';
import { type Chunk, countLoss, emptyChunk } from '../../lib/data/packing/chunks';
import { compile } from '../../lib/engine/compile';
import { type DeviceName, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { float32, float32Specs, type HostTensor, type HostTensors, int32, readSources } from '../../lib/engine/tensors';
import { readSafetensorsHeader, readTensor } from '../../lib/model/safetensors';
import type { TunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { batchTensors } from '../../lib/train/batches';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { learningRateAt } from '../../lib/train/schedule';
import { updateOnce } from '../../lib/train/train';

/** This side of a comparison with reference.py: rows to learn, a start, logits, updates. */

// Long enough for two unequal blocks of attention, and for more rows than most of the weights have rows or columns.
export const [B, T, STEPS] = [2, 68, 10];
const SEED = 7;

export const configOf = (method: Method, accumulation: number): TrainConfig => ({
  ...(method === 'lora' ? PAPER_LORA : PAPER_FULL),
  learningRate: 1e-3,
  warmupSteps: 3,
  maxSeqLen: T,
  batchSize: B,
  accumulation,
});

export interface MicroBatch {
  readonly tokens: number[][];
  readonly targets: number[][];
  readonly weights: number[][];
}

/** Rows of random tokens; row r of micro-batch m is learnt from a place of its own on, so that masks are uneven. */
export function batches(vocabSize: number, accumulation: number): MicroBatch[][] {
  const random = createRandom(SEED, 'batches');
  const rows = (make: (row: number, t: number) => number) =>
    Array.from({ length: B }, (_, row) => Array.from({ length: T }, (_, t) => make(row, t)));
  return Array.from({ length: STEPS }, () =>
    Array.from({ length: accumulation }, (_, micro) => {
      const starts = Array.from({ length: B }, () => random.int(T - 1));
      // The last micro-batch has next to nothing to learn: a mean of means would be far off.
      const learnt = (row: number, t: number) => (micro === 3 ? row === 0 && t === T - 1 : t >= starts[row]!);
      return {
        tokens: rows(() => random.int(vocabSize)),
        targets: rows(() => random.int(vocabSize)),
        weights: rows((row, t) => (learnt(row, t) ? 1 : 0)),
      };
    }),
  );
}

const chunksOf = ({ tokens, targets, weights }: MicroBatch): Chunk[] =>
  tokens.map((row, i) => ({
    ...emptyChunk(T),
    tokens: Int32Array.from(row),
    targets: Int32Array.from(targets[i]!),
    weights: Float32Array.from(weights[i]!),
  }));

export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

/** An adapter whose B is not zero, so that every update moves both of its matrices. */
export async function startOf(model: TunedModel): Promise<HostTensors> {
  const initial = await readSources(model.initial(createRandom(SEED, 'adapter')));
  if (!model.lora) return initial;
  const random = createRandom(SEED, 'B');
  return Object.fromEntries(
    Object.entries(initial).map(([name, t]) =>
      name.includes('lora_B')
        ? [name, float32(t.shape, t.data.map(() => random.normal() * 0.05) as Float32Array)]
        : [name, t],
    ),
  );
}

/** Logits [B*T, V] of a model for rows of tokens. */
export async function logitsOf(model: TunedModel, trained: HostTensors, tokens: number[][]): Promise<Float32Array> {
  const device = await openDevice('cpu', 2);
  const size = [tokens.length, tokens[0]!.length];
  const state = await createState(device, trained);
  const program = await compile(
    ({ inputs, state: weights, frozen }) => {
      const { hidden, head } = model.forward(weights, frozen, inputs.tokens!);
      return { outputs: { logits: hidden.matMul(head, false, true) } };
    },
    {
      name: 'logits',
      inputs: { tokens: { shape: size, dtype: 'int32' } },
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
    },
    device,
  );
  const { logits } = await program.run({ tokens: int32(size, Int32Array.from(tokens.flat())) }, state);
  await program.dispose();
  return logits!.data as Float32Array;
}

export async function referenceTensor(file: string, name: string): Promise<HostTensor> {
  return readTensor((await readSafetensorsHeader(file)).tensors[name]!);
}

export async function trainHere(
  model: TunedModel,
  config: TrainConfig,
  deviceName: DeviceName,
  start: HostTensors,
  steps: readonly (readonly MicroBatch[])[],
) {
  const device = await openDevice(deviceName, 2);
  const batches = steps.map((micro) => micro.map(chunksOf));
  // Accumulated batches, and the GPU's, ask for their response tokens alone, as training on rows does; the others
  // compute every place.
  const asksAlone = config.accumulation > 1 || deviceName === 'webgpu';
  const asked = asksAlone ? Math.max(...batches.flat(2).map(countLoss)) : undefined;
  const programs = await compileTraining(model, config, device, { separate: false, asked });
  const state = await createState(device, trainingState(start, config.accumulation));
  const log: { loss: number; gradientNorm: number; rate: number }[] = [];
  for (const [i, micro] of batches.entries()) {
    const rate = learningRateAt(i, STEPS, config);
    const tensors = micro.map((chunks) => batchTensors(chunks, B, { separate: false, asked }));
    log.push({ ...(await updateOnce(programs, config, state, tensors, i, rate)), rate });
  }
  await programs.dispose();
  return { state, log };
}
