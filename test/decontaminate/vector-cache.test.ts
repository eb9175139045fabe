import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { embedTexts } from '../../lib/decontaminate/embed';
import type { Encoder } from '../../lib/decontaminate/encoder';
import { openVectorCache, type VectorCache } from '../../lib/decontaminate/vector-cache';

let root: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vector-cache-'));
});
beforeEach(() => {
  folder = join(root, `one-${count++}`);
});
afterAll(() => rm(root, { recursive: true }));

/** A text's vector is its length and its first code; texts of more than five characters are cut. */
function countingEncoder(dimension = 2, sha256 = 'a'.repeat(64)) {
  const asked: string[] = [];
  const encoder: Encoder = {
    description: { name: 'counting', architecture: 'static', pooling: 'mean', dimension, maxSeqLength: 5, sha256 },
    encode: async (texts, at) => {
      asked.push(...texts);
      at?.(texts.length);
      const vectors = Float32Array.from(
        texts.flatMap((text) => [text.length, text.charCodeAt(0) || 0, 7].slice(0, dimension)),
      );
      return { vectors, truncated: Uint8Array.from(texts, (text) => Number(text.length > 5)) };
    },
    dispose: async () => {},
  };
  return { encoder, asked };
}

const TEXTS = ['heart', 'lung', 'lung', '', 'pancreas', 'β-cell'];
const DIFFERENT = new Set(TEXTS).size;
const read = (cache: VectorCache, texts: readonly string[]) => {
  const into = new Float32Array(texts.length * cache.dimension);
  cache.read(
    texts.map((text) => cache.find(text)!),
    into,
  );
  return [...into];
};

async function fill(texts: readonly string[], asked = countingEncoder()) {
  const cache = await openVectorCache(folder, asked.encoder.description);
  await embedTexts([texts], asked.encoder, cache);
  return { cache, asked: asked.asked };
}

describe('the cache', () => {
  it('gives back what was embedded, each text once, and the next run embeds only what is new', async () => {
    const first = await fill(TEXTS);
    expect(first.asked).toHaveLength(DIFFERENT);
    expect(read(first.cache, ['lung', 'heart', 'lung'])).toEqual([4, 108, 5, 104, 4, 108]);
    await first.cache.close();

    const second = await fill([...TEXTS, 'new']);
    expect(second.asked).toEqual(['new']);
    expect(second.cache.cutBytes).toBe(0);
    expect(read(second.cache, ['new', ...TEXTS])).toEqual(
      ['new', ...TEXTS].flatMap((text) => [text.length, text.charCodeAt(0) || 0]),
    );
    const cut = [...TEXTS, 'new'].filter((text) => second.cache.truncated(second.cache.find(text)!));
    expect(cut).toEqual(['pancreas', 'β-cell']);
    await second.cache.close();
  });

  it('reads runs of records and single ones alike', async () => {
    const texts = Array.from({ length: 700 }, (_, i) => `text ${i}`);
    const { cache } = await fill(texts);
    const wanted = [...texts.slice(100, 400), 'text 3', ...texts.slice(5, 8), 'text 699', 'text 0'];
    expect(read(cache, wanted)).toEqual(wanted.flatMap((text) => [text.length, 116]));
    await cache.close();
  });

  it('cuts off what a kill left unfinished, wherever it was cut, and gives the same file', async () => {
    const texts = Array.from({ length: 600 }, (_, i) => `text ${i}`);
    const whole = await fill(texts);
    await whole.cache.close();
    const file = join(folder, 'vectors.bin');
    const bytes = await readFile(file);
    const size = bytes.length / 600;
    // Windows of 256; the last, of 88, is the longest texts', and comes where its hash puts it.
    for (const kept of [1, 8, size - 1, size, 90 * size, 345 * size, 345 * size + 3, 599 * size, bytes.length - 1]) {
      await writeFile(file, bytes);
      await truncate(file, kept);
      const { cache, asked } = await fill(texts);
      expect(asked.length * size).toBe(bytes.length - kept + cache.cutBytes);
      expect([0, 88, 256, 344, 512]).toContain(600 - asked.length);
      expect(read(cache, texts)).toEqual(texts.flatMap((text) => [text.length, text.charCodeAt(0)]));
      await cache.close();
      expect(await readFile(file)).toEqual(bytes);
    }
  });

  it('keeps records without the flag that more follow, one by one', async () => {
    const { encoder } = countingEncoder();
    const cache = await openVectorCache(folder, encoder.description);
    for (const text of ['heart', 'lung']) await cache.append([text], await encoder.encode([text]));
    await cache.close();
    const file = join(folder, 'vectors.bin');
    await truncate(file, (await stat(file)).size - 1);
    const { cache: again, asked } = await fill(['heart', 'lung']);
    expect(asked).toEqual(['lung']);
    await again.close();
  });

  it('trusts no record whose bytes changed, nor what follows it', async () => {
    const whole = await fill(TEXTS);
    await whole.cache.close();
    const file = join(folder, 'vectors.bin');
    const bytes = await readFile(file);
    const size = bytes.length / DIFFERENT;
    bytes[2 * size + 20]! ^= 1;
    await writeFile(file, bytes);
    await appendFile(file, 'torn');
    const { cache, asked } = await fill(TEXTS);
    expect([cache.cutBytes, asked.length]).toEqual([bytes.length + 4, DIFFERENT]);
    await cache.close();
  });

  it('refuses an encoder of another dimension, and one of other files', async () => {
    const { cache } = await fill(TEXTS);
    await cache.close();
    await expect(openVectorCache(folder, countingEncoder(3).encoder.description)).rejects.toThrow(
      /holds vectors of 2 numbers \(counting\), counting makes 3; give another folder with --cache, or delete this one/,
    );
    await expect(openVectorCache(folder, countingEncoder(2, 'b'.repeat(64)).encoder.description)).rejects.toThrow(
      /holds vectors of counting \(sha256 aaaaaaaaaaaa\), not of counting \(bbbbbbbbbbbb\)/,
    );
  });
});

it('keeps what was done when the encoder fails midway', async () => {
  const texts = Array.from({ length: 600 }, (_, i) => `text ${i}`);
  const { encoder, asked } = countingEncoder();
  let calls = 0;
  const failing: Encoder = {
    ...encoder,
    encode: async (window, at) => {
      if (++calls === 3) throw new Error('out of memory');
      return encoder.encode(window, at);
    },
  };
  const cache = await openVectorCache(folder, encoder.description);
  await expect(embedTexts([texts], failing, cache)).rejects.toThrow('out of memory');
  const before = asked.length;
  expect(before).toBeGreaterThan(0);
  await cache.close();
  const again = await openVectorCache(folder, encoder.description);
  const seen: number[] = [];
  await embedTexts([texts], encoder, again, (done, total) => seen.push(total - done));
  expect(asked).toHaveLength(600);
  expect(seen.at(-1)).toBe(0);
  await again.close();
});
