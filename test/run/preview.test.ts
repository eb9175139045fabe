import { expect, test } from 'vitest';
import { mixRows } from '../../lib/data/mixture';
import type { PackingReport } from '../../lib/data/packing/report';
import { createRandom } from '../../lib/random';
import { previewRows } from '../../lib/run/preview';

/** What is said of rows that are drawn by weights of one's own. */

const rows = (source: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `${source} ${i}`, source, prompt: `${source} ${i}?`, response: 'r' }));
const all = [...rows('a', 10), ...rows('b', 90)];
const packing = { samples: 90, tokens: 1, chunks: 1, maxSeqLen: 8, lossTokens: 1 } as PackingReport;
const said = (weights: Readonly<Record<string, number>>, samples: number | null) => {
  const { report: mixture } = mixRows(all, weights, samples, createRandom(1, 'rows'));
  return previewRows({ mixture, rows: 100, packing } as unknown as Parameters<typeof previewRows>[0]).slice(2);
};

test('weights that do not hold, as all rows are drawn, are said with the most rows at which they do', () => {
  expect(said({ a: 9, b: 1 }, null)).toEqual([
    'warning: the weights do not hold: a gives all its rows, 10.0 % of those drawn where its weight is 90.0 %; use --samples 11 or fewer',
  ]);
  expect(said({ a: 9, b: 1 }, 11)).toEqual([]);
});

test('a weight of a source that no row has is said, and refused with the sources that are there where all are so', () => {
  expect(said({ a: 1, bb: 1 }, 5)).toEqual(['warning: no row is of the source "bb", which has a weight']);
  expect(() => said({ aa: 1, bb: 1 }, 5)).toThrow('(aa, bb); sources there: a, b');
});
