import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chunk, emptyChunk } from '../../lib/data/packing/chunks';
import { type Device, openDevice } from '../../lib/engine/device';
import { readSource } from '../../lib/engine/tensors';
import type { ModelFolder } from '../../lib/model/folder';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import {
  combineGradients,
  gradientCosine,
  gradientDifference,
  gradientNorm,
  openGradientProbe,
} from '../../lib/train/batch-gradient';
import { TINY, tinyFolder } from '../model/tiny-llama';

const T = 8;
const work = mkdtempSync(join(tmpdir(), 'gradient-'));
afterAll(() => rmSync(work, { recursive: true }));
let device: Device;
let base: ModelFolder;
beforeAll(async () => {
  device = await openDevice('cpu', 2);
  base = await tinyFolder(join(work, 'base'));
});

const random = createRandom(3, 'gradient test');
function chunk(from: number): Chunk {
  const made = emptyChunk(T);
  for (let t = 0; t < T; t++) {
    made.tokens[t] = random.int(TINY.vocabSize);
    made.targets[t] = random.int(TINY.vocabSize);
    made.weights[t] = Number(t >= from);
    made.segments[t] = 0;
    made.positions[t] = t;
  }
  return made;
}

test('gradients of parts add up to the whole; the mean of means is another gradient where lengths differ', async () => {
  const chunks = [chunk(0), chunk(6)];
  const model = tunedModel(base, 'full');
  const probe = await openGradientProbe(model, { batchSize: 2, length: T }, device);
  const [whole, ...parts] = [await probe.of(chunks), await probe.of([chunks[0]!]), await probe.of([chunks[1]!])];
  await probe.close();
  expect(whole.responseTokens).toBe(8 + 2);
  expect(Object.keys(whole.gradient)).toEqual(Object.keys(model.trainedShapes));
  const mean = combineGradients([{ gradient: whole.gradient, weight: 1 / 10 }]);
  const accumulated = combineGradients(parts.map(({ gradient }) => ({ gradient, weight: 1 / 10 })));
  const biased = combineGradients(
    parts.map(({ gradient, responseTokens }) => ({ gradient, weight: 1 / (2 * responseTokens) })),
  );
  expect(gradientNorm(mean)).toBeGreaterThan(0.01);
  expect(gradientDifference(accumulated, mean)).toBeLessThan(1e-5);
  expect(gradientDifference(biased, mean)).toBeGreaterThan(0.05);
  expect(gradientCosine(accumulated, mean)).toBeCloseTo(1, 6);
  expect(gradientCosine(combineGradients([{ gradient: mean, weight: -2 }]), mean)).toBeCloseTo(-1, 6);
});

test('a gradient is the loss per change of a number', async () => {
  const chunks = [chunk(2)];
  const model = tunedModel(base, 'full');
  const name = 'model.norm.weight';
  const at = async (change: number) => {
    const moved = {
      ...model,
      initial: (r: ReturnType<typeof createRandom>) => {
        const sources = model.initial(r);
        const read = async () => {
          const tensor = await readSource(sources[name]!);
          tensor.data[1]! += change;
          return tensor;
        };
        return { ...sources, [name]: { ...sources[name]!, read } };
      },
    };
    const probe = await openGradientProbe(moved, { batchSize: 1, length: T }, device);
    const found = await probe.of(chunks);
    await probe.close();
    return found;
  };
  const [low, middle, high] = [await at(-0.01), await at(0), await at(0.01)];
  const measured = (high.lossSum - low.lossSum) / 0.02;
  expect(Math.abs(measured - middle.gradient[name]!.data[1]!)).toBeLessThan(2e-3 * Math.max(1, Math.abs(measured)));
  await expect(
    openGradientProbe(model, { batchSize: 1, length: T }, device).then((probe) => probe.of([])),
  ).rejects.toThrow('gradient: a batch must have 1 to 1 chunks, got 0');
});
