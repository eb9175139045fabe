import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadTrainExamples } from '../../lib/data/examples';
import { type Chunk, type Packing, type PackingOptions, packSamples } from '../../lib/data/packing/packing';
import { type Sample, tokenizeExamples } from '../../lib/data/samples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { createRandom } from '../../lib/random';

const REAL = '../shared/data';

/** A sample of `prompt` prompt tokens and `loss` label tokens, ids from `first` on. */
function sample(id: string, first: number, prompt: number, loss: number, source = 'medquad'): Sample {
  const ids = Int32Array.from({ length: prompt + loss }, (_, i) => first + i);
  return { id, source, ids, labels: ids.slice().fill(-100, 0, prompt) };
}

const read = ({ spans, ...arrays }: Chunk) => ({
  ...Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, [...values].join(' ')])),
  spans: spans.map(({ id, start, end, offset }) => `${id} ${start}-${end} from ${offset}`).join(', '),
});

const pack = (samples: readonly Sample[], options: Partial<PackingOptions> = {}) =>
  packSamples(samples, { packing: 'concatenated', maxSeqLen: 4, ...options });

const drawing = [sample('a', 10, 1, 2), sample('b', 20, 2, 2, 'niv2'), sample('c', 30, 1, 3)];

test("the paper's packing, token by token", () => {
  const { chunks, report } = pack(drawing);
  expect(chunks.map(read)).toEqual([
    {
      tokens: '10 11 12 20',
      targets: '11 12 20 21',
      weights: '1 1 0 0',
      segments: '0 0 0 0',
      positions: '0 1 2 3',
      spans: 'a 0-3 from 0, b 3-4 from 0',
    },
    {
      tokens: '21 22 23 30',
      targets: '22 23 30 31',
      weights: '1 1 0 1',
      segments: '0 0 0 0',
      positions: '0 1 2 3',
      spans: 'b 0-3 from 1, c 3-4 from 0',
    },
    {
      tokens: '31 32 33 0',
      targets: '32 33 0 0',
      weights: '1 1 0 0',
      segments: '0 0 0 -1',
      positions: '0 1 2 3',
      spans: 'c 0-3 from 1',
    },
  ]);
  expect(report).toMatchObject({
    samples: 3,
    chunks: 3,
    tokens: 11,
    paddingTokens: 1,
    fillRate: 11 / 12,
    samplesSplit: 2,
    lossTokens: 7,
    lossTokensPerChunk: { min: 2, median: 2, max: 3 },
    zeroLoss: 0,
    truncated: 0,
    droppedTokens: 0,
  });
  expect(report.sources).toEqual([
    {
      source: 'medquad',
      samples: 2,
      samplesPercent: (100 * 2) / 3,
      tokens: 7,
      tokensPercent: (100 * 7) / 11,
      lossTokens: 5,
      lossTokensPercent: (100 * 5) / 7,
    },
    {
      source: 'niv2',
      samples: 1,
      samplesPercent: 100 / 3,
      tokens: 4,
      tokensPercent: (100 * 4) / 11,
      lossTokens: 2,
      lossTokensPercent: (100 * 2) / 7,
    },
  ]);
});

test('the block-diagonal packing, token by token', () => {
  const samples = [sample('a', 10, 1, 2), sample('b', 20, 2, 2), sample('c', 30, 1, 1), sample('d', 40, 1, 4)];
  const { chunks, report } = pack(samples, { packing: 'block-diagonal', maxSeqLen: 8 });
  // Longest first: d (5) opens one, b (4) opens another, a (3) goes beside d, c (2) beside b; b comes before d.
  expect(chunks.map(read)).toEqual([
    {
      tokens: '20 21 22 23 30 31 0 0',
      targets: '21 22 23 0 31 0 0 0',
      weights: '0 1 1 0 1 0 0 0',
      segments: '0 0 0 0 1 1 -1 -1',
      positions: '0 1 2 3 0 1 0 0',
      spans: 'b 0-4 from 0, c 4-6 from 0',
    },
    {
      tokens: '10 11 12 40 41 42 43 44',
      targets: '11 12 0 41 42 43 44 0',
      weights: '1 1 0 1 1 1 1 0',
      segments: '0 0 0 1 1 1 1 1',
      positions: '0 1 2 0 1 2 3 4',
      spans: 'a 0-3 from 0, d 3-8 from 0',
    },
  ]);
  expect(report).toMatchObject({ samplesSplit: 0, tokens: 14, paddingTokens: 2, lossTokens: 9 });
});

test('a full last chunk needs no padding; a partial one can be dropped, counted', () => {
  const full = [sample('a', 10, 1, 3), sample('b', 20, 2, 2)];
  const whole = pack(full);
  expect(whole.report).toMatchObject({ chunks: 2, paddingTokens: 0, fillRate: 1 });
  expect(read(whole.chunks[1]!)).toMatchObject({ targets: '21 22 23 0', weights: '0 1 1 0', segments: '0 0 0 0' });
  const { chunks, report } = pack(drawing, { lastChunk: 'drop' });
  expect(report).toMatchObject({ droppedPartial: 1, droppedTokens: 3, droppedLossTokens: 2, lossTokens: 5 });
  // The last kept position still predicts the token that was dropped.
  expect(chunks[1]!.targets[3]).toBe(31);
  expect(() => pack([sample('a', 10, 1, 1)], { lastChunk: 'drop' })).toThrow('no chunk of maxSeqLen 4 is left');
});

test('the hash names the chunks, whatever the packing is called', () => {
  const sha256 = (packing: Packing) => pack(drawing, { packing, maxSeqLen: 8 }).report.sha256;
  expect(sha256('concatenated')).toMatchInlineSnapshot(
    `"44b2ca255f4be7109dd3191bfba974605e4cea5d1a563bd22a95599129e8a848"`,
  );
  expect(sha256('block-diagonal')).toMatchInlineSnapshot(
    `"639a248c19a8508ea1e2dfff6974de4149edbc4b52ebccfd117fcb18b622f2bd"`,
  );
  const one = { maxSeqLen: 10 } as const;
  const alone = pack(drawing.slice(0, 1), { packing: 'padded', ...one });
  expect(alone.chunks).toEqual(pack(drawing.slice(0, 1), { packing: 'block-diagonal', ...one }).chunks);
  expect(alone.report.sha256).toBe(pack(drawing.slice(0, 1), { packing: 'block-diagonal', ...one }).report.sha256);
});

test('padded: one sample a chunk, an overlong one cut', () => {
  const samples = [sample('a', 10, 1, 2), sample('b', 20, 1, 6)];
  expect(() => pack(samples, { packing: 'padded' })).toThrow('packing: sample 1 (id "b") has 7 tokens');
  const { chunks, report } = pack(samples, { packing: 'padded', overlong: 'truncate' });
  expect(chunks.map(({ segments }) => [...segments])).toEqual([
    [0, 0, 0, -1],
    [0, 0, 0, 0],
  ]);
  expect(chunks.map(({ spans }) => spans.map((span) => span.sample))).toEqual([[0], [1]]);
  expect(report).toMatchObject({ packing: 'padded', chunks: 2, truncated: 1, samplesSplit: 0 });
});

test('every label is learnt exactly once, under every packing', () => {
  const random = createRandom(5);
  const samples = Array.from({ length: 300 }, (_, i) =>
    sample(`s${i}`, 100 * i, 1 + random.int(20), 1 + random.int(30)),
  );
  const labels = samples.flatMap(({ labels: all }) => [...all].filter((label) => label !== -100));
  for (const packing of ['concatenated', 'block-diagonal', 'padded'] as const) {
    const { chunks, report } = pack(samples, { packing, maxSeqLen: 64, zeroLossChunks: 'keep' });
    const learnt = chunks.flatMap(({ targets, weights }) => [...targets].filter((_, t) => weights[t] === 1));
    expect(learnt.sort((a, b) => a - b)).toEqual(labels);
    expect(report.tokens).toBe(samples.reduce((sum, { ids }) => sum + ids.length, 0));
    expect(report.sources[0]!.lossTokens).toBe(labels.length);
    for (const chunk of chunks) {
      for (const { sample: index, start, end, offset } of chunk.spans) {
        expect(chunk.tokens.slice(start, end)).toEqual(samples[index]!.ids.slice(offset, offset + end - start));
      }
    }
    // Tight: first-fit-decreasing leaves no more than a few per cent, the stream only its tail.
    if (packing !== 'padded') expect(report.fillRate).toBeGreaterThan(0.97);
    expect(pack(samples, { packing, maxSeqLen: 64, zeroLossChunks: 'keep' }).report.sha256).toBe(report.sha256);
    const others = pack(samples.slice().reverse(), { packing, maxSeqLen: 64, zeroLossChunks: 'keep' });
    expect(others.report.sha256).not.toBe(report.sha256);
  }
});

test('first-fit-decreasing places as a plain search would', () => {
  const random = createRandom(6);
  const samples = Array.from({ length: 200 }, (_, i) => sample(`s${i}`, 1000 * i, 1, 1 + random.int(40)));
  const bins: { room: number; members: number[] }[] = [];
  const order = samples.map((_, i) => i).sort((a, b) => samples[b]!.ids.length - samples[a]!.ids.length || a - b);
  for (const index of order) {
    const size = samples[index]!.ids.length;
    let bin = bins.find(({ room }) => room >= size);
    if (!bin) {
      bin = { room: 50, members: [] };
      bins.push(bin);
    }
    bin.room -= size;
    bin.members.push(index);
  }
  const expected = bins
    .sort((a, b) => a.members[0]! - b.members[0]!)
    .map(({ members }) => members.sort((a, b) => a - b));
  const { chunks } = pack(samples, { packing: 'block-diagonal', maxSeqLen: 50 });
  expect(chunks.map(({ spans }) => spans.map((span) => span.sample))).toEqual(expected);
});

test('an over-long sample is refused by name, or cut and counted', () => {
  const samples = [sample('short', 10, 1, 2), sample('long', 20, 2, 4)];
  expect(() => pack(samples, { packing: 'block-diagonal' })).toThrow(
    'packing: sample 1 (id "long") has 6 tokens, more than maxSeqLen 4; raise maxSeqLen or set overlong: \'truncate\'',
  );
  const { chunks, report } = pack(samples, { packing: 'block-diagonal', overlong: 'truncate' });
  expect(report).toMatchObject({ truncated: 1, droppedTokens: 2, droppedLossTokens: 2 });
  expect(read(chunks[1]!)).toMatchObject({ tokens: '20 21 22 23', weights: '0 1 1 0' });
  const lost = [...samples, sample('lost', 30, 4, 4)];
  expect(() => pack(lost, { packing: 'block-diagonal', overlong: 'truncate' })).toThrow('chunk 2 (of sample "lost")');
  expect(pack(lost, { packing: 'block-diagonal', overlong: 'truncate', zeroLossChunks: 'drop' }).report).toMatchObject({
    truncated: 2,
    truncatedWithoutLoss: 1,
    chunks: 2,
    droppedZeroLoss: 1,
  });
});

test("the stream's last token opens no chunk of its own: it has nothing to predict", () => {
  const { chunks, report } = pack([sample('short', 10, 1, 2), sample('long', 20, 2, 4)]);
  expect(chunks).toHaveLength(2);
  expect(chunks[1]!.targets[3]).toBe(25);
  expect(report).toMatchObject({ samplesSplit: 1, tokens: 8, droppedTokens: 1, lossTokens: 6, droppedLossTokens: 0 });
});

test('a chunk without a response token is refused, dropped or kept, and counted', () => {
  const samples = [sample('a', 10, 1, 3), sample('b', 20, 5, 1)];
  expect(() => pack(samples)).toThrow(
    "packing: chunk 1 (of sample \"b\") must hold a response token, got none; raise maxSeqLen or set zeroLossChunks to 'drop' or 'keep'",
  );
  const dropped = pack(samples, { zeroLossChunks: 'drop' });
  expect(dropped.report).toMatchObject({ chunks: 2, zeroLoss: 1, droppedZeroLoss: 1, droppedTokens: 4, lossTokens: 4 });
  const kept = pack(samples, { zeroLossChunks: 'keep' });
  expect(kept.report).toMatchObject({ chunks: 3, zeroLoss: 1, droppedZeroLoss: 0 });
  expect(kept.report.lossTokensPerChunk).toEqual({ min: 0, median: 1, max: 3 });
});

test('impossible settings are refused', () => {
  expect(() => pack(drawing, { maxSeqLen: 1 })).toThrow(
    "packing: maxSeqLen must be an integer of 2 or more, got 1; the paper's is 4096",
  );
  expect(() => pack([])).toThrow('packing: there must be a sample to pack, got none; load training rows');
});

test.skipIf(!existsSync(REAL))('real rows pack at 4096 with every label learnt once', async () => {
  const tokenizer = await loadTokenizer('test/fixtures/llama-tokenizer');
  const { examples } = await loadTrainExamples(REAL);
  const some = createRandom(1).shuffle(examples).slice(0, 1500);
  const { samples, report } = await tokenizeExamples(some, tokenizer);
  expect(report.straddlingTokens).toBe(0);
  const { report: packed } = pack(samples, { maxSeqLen: 4096, zeroLossChunks: 'keep' });
  expect([packed.tokens, packed.lossTokens]).toEqual([report.tokens, report.lossTokens]);
  expect(packed.sources.reduce((sum, { lossTokens }) => sum + lossTokens, 0)).toBe(report.lossTokens);
});
