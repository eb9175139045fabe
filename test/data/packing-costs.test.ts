import { expect, test } from 'vitest';
import type { Chunk } from '../../lib/data/packing/chunks';
import { packingCost } from '../../lib/data/packing/costs';
import { type Packing, packSamples } from '../../lib/data/packing/packing';
import type { Sample } from '../../lib/data/samples';
import { createRandom } from '../../lib/random';

function sample(id: string, prompt: number, loss: number): Sample {
  const ids = Int32Array.from({ length: prompt + loss }, (_, i) => 10 + i);
  return { id, source: 'medquad', ids, labels: ids.slice().fill(-100, 0, prompt) };
}

const pack = (samples: readonly Sample[], packing: Packing, maxSeqLen: number) =>
  packSamples(samples, { packing, maxSeqLen, zeroLossChunks: 'keep' });

const drawing = [sample('a', 1, 2), sample('b', 2, 2), sample('c', 1, 3)];

test('three samples in chunks of four, counted by hand', () => {
  const cost = (packing: Packing) => packingCost(pack(drawing, packing, 4), drawing);
  // a0 A1 A2 b0 | b1 B2 B3 c0 | C1 C2 C3 .
  expect(cost('concatenated')).toEqual({
    packing: 'concatenated',
    chunks: 3,
    positions: 12,
    fillRate: 11 / 12,
    lossTokens: 7,
    samplesSplit: 2,
    lossTokensCutOff: 4, // B2 B3, and C2 C3; C1 is predicted by c0, which sees all before it
    attendedPairs: 10 + 10 + 6,
    crossingPairs: 3 + 3,
  });
  expect(cost('block-diagonal')).toMatchObject({ chunks: 3, samplesSplit: 0, lossTokensCutOff: 0, crossingPairs: 0 });
  expect(cost('padded')).toMatchObject({
    chunks: 3,
    samplesSplit: 0,
    fillRate: 11 / 12,
    lossTokens: 7,
    attendedPairs: 6 + 10 + 10,
  });
});

/** Pairs counted one by one from what the attention mask is made of. */
function countPairs(chunks: readonly Chunk[]) {
  let attended = 0;
  let crossing = 0;
  for (const { spans, segments } of chunks) {
    const owner = new Map<number, number>();
    for (const { sample: own, start, end } of spans) for (let t = start; t < end; t++) owner.set(t, own);
    for (const t of owner.keys()) {
      for (let s = 0; s <= t; s++) {
        if (segments[s] !== segments[t]) continue;
        attended++;
        if (owner.get(s) !== owner.get(t)) crossing++;
      }
    }
  }
  return { attendedPairs: attended, crossingPairs: crossing };
}

test.for(['concatenated', 'block-diagonal', 'padded'] as const)(
  '%s: pairs and tokens as the mask has them',
  (packing) => {
    const random = createRandom(5);
    const samples = Array.from({ length: 40 }, (_, i) => sample(`s${i}`, 1 + random.int(9), 1 + random.int(6)));
    const packed = pack(samples, packing, 16);
    const { chunks } = packed;
    const cost = packingCost(packed, samples);
    expect(cost).toMatchObject(countPairs(chunks));
    const labels = samples.flatMap((one) => [...one.labels]).filter((label) => label >= 0).length;
    expect(cost.lossTokens).toBe(labels);
    expect(cost.positions).toBe(16 * chunks.length);
    if (packing === 'padded') expect(chunks.map(({ spans }) => spans[0]!.sample)).toEqual(samples.map((_, i) => i));
    else expect(cost.chunks).toBeLessThan(samples.length);
  },
);
