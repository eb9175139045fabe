import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../lib/random';
import { seedComparison } from '../../lib/statistics/seed-comparison';
import { type SeedScores, seedSpread, seedVariance } from '../../lib/statistics/seed-variance';

/** Scores of several seeds: item, seed and the two together each add a normal number. */
function simulated(random: Random, items: readonly number[], seeds: number, gain: number, sdSeed: number): number[][] {
  return Array.from({ length: seeds }, () => {
    const seed = sdSeed * random.normal();
    return items.map((item) => gain + item + seed + 0.4 * random.normal());
  });
}

describe('the variance of scores', () => {
  it('by hand: two seeds, three items, nothing but seeds and items', () => {
    const scores = [
      [0, 1, 2],
      [3, 4, 5],
    ];
    const own = seedVariance(scores);
    expect(own.means).toEqual([1, 4]);
    // Seeds differ by 3: 4.5. Items are 1.5, 2.5, 3.5: 1. Nothing is left.
    expect([own.betweenSeeds, own.betweenItems, own.residual]).toEqual([4.5, 1, 0]);
  });

  it('is found again in what was simulated', () => {
    const random = createRandom(1);
    const items = Array.from({ length: 400 }, () => 0.3 * random.normal());
    const own = seedVariance(simulated(random, items, 60, 0, 0.2));
    expect(Math.sqrt(own.betweenSeeds)).toBeCloseTo(0.2, 1);
    expect(Math.sqrt(own.betweenItems)).toBeCloseTo(0.3, 1);
    expect(Math.sqrt(own.residual)).toBeCloseTo(0.4, 1);
  });

  it('between three seeds is hardly known', () => {
    const { sd, interval } = seedSpread([0.5, 0.52, 0.54]);
    expect(sd).toBeCloseTo(0.02, 12);
    expect(interval[0] / sd).toBeCloseTo(0.5207, 4);
    expect(interval[1] / sd).toBeCloseTo(6.2847, 4);
  });

  it('refuses what has no rows and columns', () => {
    expect(() => seedVariance([])).toThrow(/at least one seed and one item/);
    expect(() => seedVariance([[1, 0]])).toThrow(/two seeds and two items or more, got 1 and 2/);
    expect(() => seedVariance([[1, 0], [1]])).toThrow(/got 2 and 1 of seed 1/);
    const broken: SeedScores = [
      [1, 0],
      [1, Number.NaN],
    ];
    expect(() => seedVariance(broken)).toThrow(/seed 1, item 1 must be a finite number, got NaN/);
    expect(() => seedSpread([0.5])).toThrow(/two seeds or more, got 1/);
  });
});

describe('two methods over seeds', () => {
  const random = createRandom(5);
  const items = Array.from({ length: 50 }, () => 0.3 * random.normal());
  const [base, lora, full] = [
    simulated(random, items, 1, 0, 0),
    simulated(random, items, 3, 0.2, 0.1),
    simulated(random, items, 3, 0.25, 0.1),
  ];

  it('count items and seeds, both parts shown', () => {
    const own = seedComparison(lora, full);
    expect(own.counts).toBe('items and seeds');
    expect(own.stderr! ** 2).toBeCloseTo(own.stderrItems! ** 2 + own.stderrSeeds! ** 2, 12);
    expect(own.df).toBeGreaterThan(2);
    expect(own.value).toBeCloseTo(own.meanB - own.meanA, 12);
    expect([own.seedsA, own.seedsB, own.n]).toEqual([3, 3, 50]);
  });

  it('count items alone where a method has one seed, and say so', () => {
    expect(seedComparison(base, lora)).toMatchObject({ counts: 'items', stderrSeeds: null, spreadA: null });
    // The base was not trained: it has no seeds to vary.
    const fixed = seedComparison(base, lora, { fixedA: true });
    expect(fixed.counts).toBe('items and seeds');
    expect(fixed.stderr).toBeGreaterThan(fixed.stderrItems!);
  });

  it('hold the truth where items alone do not', () => {
    const world = createRandom(9);
    let [both, alone] = [0, 0];
    for (let i = 0; i < 400; i++) {
      const shared = Array.from({ length: 20 }, () => 0.3 * world.normal());
      const clusters = shared.flatMap((_, g) => [0, 1, 2].map(() => `${g}`));
      const gains = shared.flatMap((x) => [x, x, x]);
      const zeros = gains.map(() => 0);
      const own = seedComparison(simulated(world, zeros, 3, 0, 0.1), simulated(world, gains, 3, 0.1, 0.1), {
        clusters,
      });
      const off = Math.abs(own.value - 0.1);
      both += Number(off <= (own.interval![1] - own.interval![0]) / 2);
      alone += Number(off <= 2.09 * own.stderrItems!);
    }
    expect(both / 400).toBeGreaterThan(0.93);
    expect(alone / 400).toBeLessThan(0.9);
  });

  it('refuse what does not match', () => {
    expect(() => seedComparison(lora, [[1]])).toThrow(/a has 50 items, b 1/);
    expect(() => seedComparison(lora, full, { clusters: ['x'] })).toThrow(/50 items need 50 clusters, got 1/);
    expect(() => seedComparison(lora, full, { fixedA: true })).toThrow(/fixedA needs one row of a, got 3/);
    expect(() => seedComparison([], full)).toThrow(/a needs at least one seed/);
  });

  it('without any spread have no interval', () => {
    const own = seedComparison([[0, 1]], [[0, 1]], { fixedA: true });
    expect(own).toMatchObject({ value: 0, stderr: 0, interval: null, p: 1 });
    expect(seedComparison([[0]], [[1]])).toMatchObject({ stderr: null, interval: null, p: null });
  });
});
