import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../../../lib/config';
import { type DeviceOptions, openDevice } from '../../../lib/engine/device';
import { createState } from '../../../lib/engine/state';
import { float32, type HostTensors, int32, readSources } from '../../../lib/engine/tensors';
import * as tf from '../../../lib/engine/tf';
import type { ModelFolder } from '../../../lib/model/folder';
import { tunedModel } from '../../../lib/model/tuned';
import { createRandom } from '../../../lib/random';
import { type BatchLoss, RESPONSE_LOSS } from '../../../lib/train/batch-loss';
import { crossEntropySum } from '../../../lib/train/loss';
import { compileTraining, trainingState } from '../../../lib/train/programs';
import { TINY, tinyBatch, tinyFolder } from '../../model/tiny-llama';
import { xlaPossible } from '../../xla/device';

/** Trainings whose layers are looped over, on one and on several virtual devices, beside ONNX Runtime's written-out ones. */

const DEEP = {
  ...TINY,
  maxPositionEmbeddings: 160,
  numHiddenLayers: 4,
  hiddenSize: 16,
  vocabSize: 12,
  intermediateSize: 24,
};
const [B, UPDATES] = [4, 3];

let folder: string;
let base: ModelFolder;
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'loops-'));
  base = await tinyFolder(folder, DEEP);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** After an early layer too: the loop is then two. */
const EARLY: BatchLoss = {
  layers: [1],
  sum: (pass) =>
    RESPONSE_LOSS.sum(pass).add(crossEntropySum(pass.after.get(1)!, pass.head, pass.targets, pass.weights)),
};

interface Case {
  readonly method: Method;
  readonly accumulation?: number;
  readonly dropout?: number;
  readonly loss?: BatchLoss;
  readonly asked?: number;
  /** Tokens of a row. */
  readonly length?: number;
}

const scalar = (value: number) => float32([], Float32Array.of(value));
const whole = (value: number) => int32([], Int32Array.of(value));

/** Losses, norms and trained tensors after some updates. */
async function train(
  options: DeviceOptions | 'onnx',
  { method, accumulation = 1, dropout = 0, loss, asked, length: T = 6 }: Case,
) {
  const device = options === 'onnx' ? await openDevice('cpu', 1) : await openDevice('xla:cpu', 1, options);
  const config: TrainConfig = {
    ...(method === 'lora' ? PAPER_LORA : PAPER_FULL),
    ...(dropout > 0 ? { lora: { ...PAPER_LORA.lora, dropout } } : {}),
    batchSize: B,
    maxSeqLen: T,
    accumulation,
  };
  const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
  const programs = await compileTraining(model, config, device, { separate: true, asked, loss });
  const random = createRandom(5, 'B');
  const initial = await readSources(model.initial(createRandom(5, 'adapter')));
  const start: HostTensors = Object.fromEntries(
    Object.entries(initial).map(([name, tensor]) => [
      name,
      name.includes('lora_B')
        ? float32(tensor.shape, tensor.data.map(() => random.normal() * 0.1) as Float32Array)
        : tensor,
    ]),
  );
  const state = await createState(device, trainingState(start, accumulation));
  const losses: number[] = [];
  for (let step = 0; step < UPDATES; step++) {
    const batch = tinyBatch(DEEP, [B, T], 10 + step);
    const count = asked ?? T;
    const cut = (name: string) => {
      const { data, dtype } = batch[name]!;
      const rows = Array.from({ length: B }, (_, b) => [...data.subarray(b * T, b * T + count)]).flat();
      return dtype === 'int32'
        ? int32([B, count], Int32Array.from(rows))
        : float32([B, count], Float32Array.from(rows));
    };
    const fed = {
      ...batch,
      targets: cut('targets'),
      weights: cut('weights'),
      ...(asked === undefined
        ? {}
        : {
            places: int32(
              [B, asked],
              Int32Array.from({ length: B * asked }, (_, i) => i % asked),
            ),
          }),
      ...(dropout > 0 ? { seed: whole(7), step: whole(step) } : {}),
    };
    const update = {
      rate: scalar(1e-2),
      correction1: scalar(1 - 0.9 ** (step + 1)),
      correction2: scalar(1 - 0.95 ** (step + 1)),
      responseTokens: scalar(10 * accumulation),
    };
    if (programs.fused) {
      const out = await programs.fused.run({ ...fed, ...update }, state);
      losses.push(out.lossSum!.data[0]!, out.norm!.data[0]!);
      continue;
    }
    for (let micro = 0; micro < accumulation; micro++) {
      losses.push((await programs.accumulate!.run(fed, state)).lossSum!.data[0]!);
    }
    losses.push((await programs.apply!.run(update, state)).norm!.data[0]!);
  }
  const trained: Record<string, number[]> = {};
  for (const name of Object.keys(model.trainedShapes)) trained[name] = [...(await state.read(name)).data];
  state.dispose();
  await programs.dispose();
  return { losses, trained };
}

function expectAlike(ours: Awaited<ReturnType<typeof train>>, theirs: Awaited<ReturnType<typeof train>>): void {
  for (const [i, loss] of theirs.losses.entries()) expect(Math.abs(ours.losses[i]! / loss - 1)).toBeLessThan(1e-5);
  for (const [name, values] of Object.entries(theirs.trained)) {
    const off = Math.max(...values.map((value, i) => Math.abs(value - ours.trained[name]![i]!)));
    expect(off, name).toBeLessThan(1e-4);
  }
}

const everything = process.env.MED42_EVERYTHING === '1';

describe.skipIf(!xlaPossible)('layers in a loop', () => {
  const loops = { loops: true };
  const cases: readonly (readonly [string, Case, DeviceOptions])[] = [
    ['full, accumulation 2', { method: 'full', accumulation: 2 }, loops],
    ['full, a loss after an early layer, at places asked for', { method: 'full', loss: EARLY, asked: 4 }, loops],
    ['full, uneven blocks of queries', { method: 'full', length: 150 }, loops],
    ['LoRA, four devices', { method: 'lora' }, { loops: true, devices: 4 }],
    ['full', { method: 'full' }, loops],
    ['full, two devices', { method: 'full' }, { loops: true, devices: 2 }],
    ['LoRA with dropout', { method: 'lora', dropout: 0.3 }, loops],
  ];
  // Each compiles for some seconds: the first four here, all of them with MED42_EVERYTHING=1.
  test.each(everything ? cases : cases.slice(0, 4))('%s', async (_, one, options) => {
    expectAlike(await train(options, one), await train('onnx', one));
  });

  test.skipIf(!everything)('a batch that the devices cannot share evenly is computed whole on each', async () => {
    expectAlike(await train({ loops: true, devices: 3 }, { method: 'lora' }), await train('onnx', { method: 'lora' }));
  });

  test('bf16 products stay near float32 ones, and are not the same', async () => {
    const exact = await train(loops, { method: 'full' });
    const short = await train({ loops: true, precision: 'bf16' }, { method: 'full' });
    const off = exact.losses.map((loss, i) => Math.abs(short.losses[i]! / loss - 1));
    expect(Math.max(...off)).toBeLessThan(0.05);
    expect(Math.max(...off)).toBeGreaterThan(1e-5);
  });
});
