import '../engine/swiftshader';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { compile } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { float32Specs, type HostTensors, int32 } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { openModelFolder } from '../../lib/model/folder';
import { createGenerator } from '../../lib/model/generate';
import { readTensor } from '../../lib/model/safetensors';
import { type TunedModel, tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { webgpuPossible } from '../engine/swiftshader';
import { xlaPossible } from '../xla/device';
import { normal } from './tiny-llama';

/** Generation with its cache against a whole forward pass for every token, and against llama2.c's own golden tokens. */

const ROOT = resolve(__dirname, '..', '..');
const STORIES = resolve(ROOT, '..', 'shared', 'models', 'stories260K');
const MINIATURE = join(ROOT, 'data', 'miniature', 'base');

let device: Device;
beforeAll(async () => {
  device = await openDevice('cpu', 2);
});

/** One forward pass over all tokens so far for each new one; right of them padding, where a causal model does not look. */
async function uncached(
  model: TunedModel,
  trained: HostTensors,
  prompt: readonly number[],
  limit: number,
): Promise<number[]> {
  const length = prompt.length + limit;
  const program = await compile(
    ({ inputs, state, frozen }) => {
      const { hidden, head } = model.forward(state, frozen, inputs.tokens!);
      const last = tf.gather(hidden, inputs.last!) as tf.Tensor2D; // [1, C]
      return { outputs: { next: tf.argMax(tf.matMul(last, head as tf.Tensor2D, false, true), -1) } };
    },
    {
      name: 'uncached',
      inputs: { tokens: { shape: [1, length], dtype: 'int32' }, last: { shape: [1], dtype: 'int32' } },
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
      readFrozen: readTensor,
    },
    device,
  );
  const state = await createState(device, trained);
  const tokens = int32([1, length]);
  tokens.data.set(prompt);
  for (let at = prompt.length; at < length; at++) {
    const { next } = await program.run({ tokens, last: int32([1], Int32Array.of(at - 1)) }, state);
    tokens.data[at] = next!.data[0]!;
  }
  await program.dispose();
  return [...tokens.data.slice(prompt.length)];
}

async function cached(
  model: TunedModel,
  trained: HostTensors,
  prompt: readonly number[],
  limit: number,
  {
    stop = [],
    maxLength,
    on = device,
  }: { readonly stop?: readonly number[]; readonly maxLength?: number; readonly on?: Device } = {},
): Promise<number[]> {
  const generator = await createGenerator(model, await createState(on, trained), on, stop, maxLength);
  try {
    return await generator.generate(prompt, limit);
  } finally {
    await generator.dispose();
  }
}

const here = existsSync(join(STORIES, 'golden.json'));
if (!here) console.warn(`generate.test.ts: no ${STORIES}; its golden tokens are not compared`);

describe.skipIf(!here)('stories260K', () => {
  test('llama2.c’s 200 greedy tokens, with the cache and without', async () => {
    const { prompt, ids } = JSON.parse(readFileSync(join(STORIES, 'golden.json'), 'utf8')) as {
      readonly prompt: string;
      readonly ids: readonly number[];
    };
    const model = tunedModel(await openModelFolder(STORIES), 'base');
    const tokenizer = await loadTokenizer(STORIES);
    const [start] = await tokenizer.encodeBatch([prompt], { addSpecialTokens: true });
    expect(ids.slice(0, start!.length)).toEqual([...start!]);
    const rest = ids.slice(start!.length);
    expect(await cached(model, {}, start!, rest.length)).toEqual(rest);
    expect(await uncached(model, {}, start!, rest.length)).toEqual(rest);
    if (xlaPossible) {
      expect(await cached(model, {}, start!, rest.length, { on: await openDevice('xla:cpu') })).toEqual(rest);
    }
    if (webgpuPossible) {
      // SwiftShader is slow: the first of them.
      const first = rest.slice(0, 16);
      expect(await cached(model, {}, start!, first.length, { on: await openDevice('webgpu') })).toEqual(first);
    }
  });
});

describe('the miniature’s base', () => {
  let model: TunedModel;
  let text: readonly number[];
  let eos: number;
  beforeAll(async () => {
    model = tunedModel(await openModelFolder(MINIATURE), 'base');
    const tokenizer = await loadTokenizer(MINIATURE);
    const general = readFileSync(join(ROOT, 'data', 'miniature', 'general.txt'), 'utf8');
    [text] = (await tokenizer.encodeBatch([general.slice(0, 6000)], { addSpecialTokens: true })) as [number[]];
    eos = tokenizer.eosId;
    expect(text.length).toBeGreaterThan(600);
  });

  // Blocks are of 32 tokens: shorter, one, one and a bit, several.
  test.for([1, 31, 32, 33, 100])('40 tokens after %d', async (length) => {
    const prompt = text.slice(0, length);
    expect(await cached(model, {}, prompt, 40)).toEqual(await uncached(model, {}, prompt, 40));
  });

  test('up to the context’s last token, in a context that is no multiple of a block', async () => {
    for (const [length, limit, maxLength] of [
      [500, 12, 512],
      [511, 1, 512],
      [40, 10, 50],
      [49, 1, 50],
      [3, 4, 7],
    ] as const) {
      const prompt = text.slice(0, length);
      const expected = await uncached(model, {}, prompt, limit);
      expect(await cached(model, {}, prompt, limit, { maxLength }), `${length} of ${maxLength}`).toEqual(expected);
    }
  });

  test('a second text does not see the first in the cache', async () => {
    const generator = await createGenerator(model, await createState(device, {}), device, []);
    const [one, two] = [text.slice(0, 70), text.slice(200, 240)];
    const first = await generator.generate(one, 20);
    const second = await generator.generate(two, 20);
    expect(await generator.generate(one, 20)).toEqual(first);
    expect(second).toEqual(await uncached(model, {}, two, 20));
    await generator.dispose();
  });

  test('on eager tfjs, the reference of the other devices', async () => {
    const eager = await openDevice('tfjs');
    const generator = await createGenerator(model, await createState(eager, {}), eager, []);
    const prompt = text.slice(0, 5);
    expect(await generator.generate(prompt, 4)).toEqual(await cached(model, {}, prompt, 4));
    await generator.dispose();
  });

  test('stops before a stop token, at the limit, or when told to', async () => {
    const prompt = text.slice(0, 20);
    const all = await cached(model, {}, prompt, 40);
    const at = all.findIndex((token, i) => i > 4 && all.indexOf(token) === i);
    // Without stops, the end-of-sequence token may come before that one.
    const stop = all.findIndex((token) => token === eos || token === all[at]);
    expect(await cached(model, {}, prompt, 40, { stop: [eos, all[at]!] })).toEqual(all.slice(0, stop));
    expect(await cached(model, {}, prompt, 40, { stop: [all[at]!] })).toEqual(all.slice(0, at));
    expect(await cached(model, {}, prompt, 40, { stop: [all[0]!] })).toEqual([]);
    expect(await cached(model, {}, prompt, 7)).toEqual(all.slice(0, 7));
    expect(await cached(model, {}, prompt, 0)).toEqual([]);
    const generator = await createGenerator(model, await createState(device, {}), device, []);
    const seen: number[] = [];
    const told = await generator.generate(prompt, 40, {
      onToken: (token) => {
        seen.push(token);
        return seen.length < 3;
      },
    });
    expect(told).toEqual(all.slice(0, 3));
    expect(seen).toEqual(told);
    await generator.dispose();
  });

  test('a prompt that does not fit, or is empty, is refused', async () => {
    const message = 'generate: 45 prompt and 6 new tokens do not fit the context of 50; shorten one';
    await expect(cached(model, {}, text.slice(0, 45), 6, { maxLength: 50 })).rejects.toThrow(message);
    await expect(cached(model, {}, text.slice(0, 513), 0)).rejects.toThrow('513 prompt and 0 new tokens do not fit');
    await expect(cached(model, {}, [], 5)).rejects.toThrow(
      'generate: the prompt must have a token; give the BOS token',
    );
  });

  test('with an adapter', async () => {
    const adapted = tunedModel(model.base, 'lora', PAPER_LORA.lora);
    const random = createRandom(2, 'adapter');
    const adapter = Object.fromEntries(
      Object.entries(adapted.trainedShapes).map(([name, shape]) => [name, normal(shape, random, 0.05)]),
    );
    const prompt = text.slice(0, 40);
    const expected = await uncached(adapted, adapter, prompt, 40);
    expect(await cached(adapted, adapter, prompt, 40)).toEqual(expected);
    expect(expected).not.toEqual(await cached(model, {}, prompt, 40));
  });
});
