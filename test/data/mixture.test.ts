import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { splitDevelopment } from '../../lib/data/development';
import { loadTrainExamples, type TrainExample } from '../../lib/data/examples';
import { mixByPaper } from '../../lib/data/mixture';
import { KNOWN_SOURCES, mapSource } from '../../lib/data/sources/names';
import { SUBSETS, TOTALS } from '../../lib/paper/table-a1';
import { createRandom } from '../../lib/random';

const REAL = '../shared/data';

function rows(counts: Readonly<Record<string, number>>): TrainExample[] {
  return Object.entries(counts).flatMap(([source, count]) =>
    Array.from({ length: count }, (_, i) => ({
      id: `${source}-${i}`,
      source,
      prompt: `${source} ${i}?`,
      response: 'r',
    })),
  );
}

const drawn = (counts: Readonly<Record<string, number>>, total: number, seed = 1) => {
  const { report } = mixByPaper(rows(counts), total, createRandom(seed));
  return Object.fromEntries(report.rows.map((row) => [row.subset, row.drawn]));
};

test("table A1's rows add up to its totals, and its ratios are its samples' (but for MMLU's rounding)", () => {
  expect(SUBSETS).toHaveLength(17);
  for (const domain of ['medical', 'general'] as const) {
    const samples = SUBSETS.filter((subset) => subset.domain === domain).reduce((sum, row) => sum + row.samples, 0);
    expect(samples).toBe(TOTALS[domain].samples);
  }
  for (const { percent, samples } of SUBSETS)
    expect(Math.abs((100 * samples) / 706_713 - percent)).toBeLessThan(0.0051);
});

test('a source value maps to its subset, and an unknown one is refused with the known ones', () => {
  expect(mapSource('medmcqa')).toMatchObject({ subset: 'medmcqa', standIn: false });
  expect(mapSource('openorca_t0_standin')).toMatchObject({ subset: 'openorca_t0', standIn: true });
  expect(mapSource('mmlu_standin')).toMatchObject({ subset: 'mmlu', standIn: true });
  expect(mapSource('openorca')).toMatchObject({ subset: 'openorca_flan', standIn: true });
  expect(() => mapSource('medmqca')).toThrow(
    `sources: source "medmqca" is not a subset of table A1; use one of ${KNOWN_SOURCES.join(', ')}`,
  );
});

test('with enough rows of all subsets the draw is the table itself', () => {
  const { report, examples } = mixByPaper(
    rows(Object.fromEntries(SUBSETS.map(({ key }) => [key, 3000]))),
    10_000,
    createRandom(1),
  );
  expect(examples).toHaveLength(10_000);
  expect(new Set(examples.map(({ id }) => id)).size).toBe(10_000);
  for (const row of report.rows) expect(Math.abs(row.deviation!)).toBeLessThan(0.0101);
  expect(report.missing).toEqual([]);
  expect(report.domains?.medical).toEqual({ drawn: 5817, drawnPercent: 58.17, paperPercent: 58.17 });
});

test('shares are renormalised over the present subsets and settled by the largest remainder', () => {
  // 180,462 : 11,290 : 110,905 of 10 = 5.96 : 0.37 : 3.67; medqa is held at 1, which leaves 5.57 : 3.43 of 9.
  expect(drawn({ medmcqa: 50, medqa: 50, openorca_t0_standin: 50 }, 10)).toEqual({
    medmcqa: 6,
    medqa: 1,
    openorca_t0: 3,
  });
  const { report } = mixByPaper(rows({ medmcqa: 50, openorca_t0_standin: 50 }), 10, createRandom(1));
  expect(report.missing).toHaveLength(15);
  expect(report.rows.map((row) => [row.standIn, row.standInRows])).toEqual([
    [false, 0],
    [true, 4],
  ]);
  expect(report.rows[0]!.targetPercent).toBeCloseTo((100 * 180_462) / 291_367, 10);
  expect(report.rows[0]!.deviation).toBeCloseTo(60 - 25.54, 10);
});

test('a subset too small gives all it has, and the rest share what it lacks', () => {
  const { report } = mixByPaper(
    rows({ medmcqa: 3, medqa: 1, openorca_t0: 90, openorca_cot: 90 }),
    100,
    createRandom(1),
  );
  // 96 rows left for 110,905 : 73,890 = 57.6 : 38.4
  expect(report.rows.map((row) => [row.subset, row.drawn, row.short])).toEqual([
    ['medmcqa', 3, true],
    ['medqa', 1, true],
    ['openorca_t0', 58, false],
    ['openorca_cot', 38, false],
  ]);
  expect(report.totalWithoutShortfall).toBe(Math.floor((3 * (180_462 + 11_290 + 110_905 + 73_890)) / 180_462));
});

test('the extremes: one row of each, and all rows', () => {
  const counts = { medmcqa: 7, mmlu: 4, pubmedqa: 2, openorca_cot: 9 };
  expect(Object.values(drawn(counts, 4))).toEqual([1, 1, 1, 1]);
  expect(drawn(counts, 22)).toEqual({ medmcqa: 7, pubmedqa: 2, mmlu: 4, openorca_cot: 9 });
  const least = mixByPaper(rows(counts), 4, createRandom(1)).report;
  expect(least.rows.some((row) => row.short)).toBe(false);
  expect(() => drawn(counts, 3)).toThrow(
    'mixture: total must be an integer from 4 (one row for each present subset) to 22 (the rows given), got 3; change total or give more rows',
  );
  expect(() => drawn(counts, 23)).toThrow('got 23');
  for (let total = 4; total <= 22; total++) {
    expect(Object.values(drawn(counts, total)).reduce((a, b) => a + b)).toBe(total);
  }
});

test('the seed decides the draw and its order', () => {
  const ids = (seed: number) =>
    mixByPaper(rows({ medmcqa: 40, openorca: 40 }), 30, createRandom(seed)).examples.map(({ id }) => id);
  expect(ids(1)).toEqual(ids(1));
  expect(ids(1)).not.toEqual(ids(2));
  expect(
    ids(1)
      .slice(0, 15)
      .some((id) => id.startsWith('openorca')),
  ).toBe(true);
});

test('a development split is disjoint, seeded, and keeps equal prompts together', () => {
  const examples = rows({ medquad: 100 }).map((row, i) => ({ ...row, prompt: `Prompt ${i % 40}` }));
  const spaced = [...examples, { id: 'same', source: 'medquad', prompt: ' prompt  0\n', response: 'r' }];
  const { train, development } = splitDevelopment(spaced, 0.1, createRandom(3));
  expect(train.length + development.length).toBe(101);
  expect(development.length).toBeGreaterThan(5);
  expect(development.length).toBeLessThanOrEqual(10);
  const key = ({ prompt }: TrainExample) => prompt.trim().replace(/\s+/g, ' ').toLowerCase();
  const prompts = new Set(train.map(key));
  expect(development.some((example) => prompts.has(key(example)))).toBe(false);
  expect(splitDevelopment(spaced, 0.1, createRandom(3)).development).toEqual(development);
  expect(splitDevelopment(spaced, 0.1, createRandom(4)).development).not.toEqual(development);
});

test('a development split holds out at least one row and leaves at least one', () => {
  const examples = rows({ medquad: 3 });
  expect(splitDevelopment(examples, 0.01, createRandom(1)).development).toHaveLength(1);
  expect(splitDevelopment(examples, 0.99, createRandom(1)).train).toHaveLength(1);
  const pairs = [...examples, ...examples];
  expect(splitDevelopment(pairs, 0.01, createRandom(1)).development).toHaveLength(2);
  expect(() => splitDevelopment(examples, 1, createRandom(1))).toThrow(
    'development: the fraction must lie between 0 and 1, got 1',
  );
  expect(() => splitDevelopment([examples[0]!, examples[0]!], 0.5, createRandom(1))).toThrow(
    'needs two different prompts or more, got 1',
  );
});

test.skipIf(!existsSync(REAL))('real rows mix to table A1 renormalised, up to the first shortfall', async () => {
  const { examples } = await loadTrainExamples(REAL);
  const { totalWithoutShortfall: total } = mixByPaper(examples, 100, createRandom(1)).report;
  const { report } = mixByPaper(examples, total, createRandom(1));
  expect(report.rows.some((row) => row.short)).toBe(false);
  for (const row of report.rows) expect(Math.abs(row.drawnPercent - row.targetPercent)).toBeLessThan(0.6);
});
