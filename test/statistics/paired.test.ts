import { describe, expect, it } from 'vitest';
import { createRandom } from '../../lib/random';
import { mcNemarExact } from '../../lib/statistics/mc-nemar';
import { pairedBootstrap } from '../../lib/statistics/paired-bootstrap';
import { type Pair, pairedDifference } from '../../lib/statistics/paired-difference';

const pairs = (a: string, b: string, clusters?: string): Pair[] =>
  [...a].map((x, i) => ({ a: Number(x), b: Number(b[i]), cluster: clusters?.[i] }));

describe('a paired difference', () => {
  it('by hand: +1, +1, 0, -1', () => {
    const own = pairedDifference(pairs('0001', '1100'));
    expect(own).toMatchObject({ value: 0.25, n: 4, clusters: 4, meanA: 0.25, meanB: 0.5, df: 3 });
    // s² = (2 · 0.75² + 0.25² + 1.25²) / 3 = 0.91667
    expect(own.stderr).toBeCloseTo(Math.sqrt(0.9166666667 / 4), 9);
    // t of 3 degrees of freedom, 97.5%: 3.182446
    expect(own.interval![1] - own.value).toBeCloseTo(3.182446 * own.stderr!, 6);
  });

  it('knows that repeated items say nothing new', () => {
    const once = pairs('01100101', '11010111');
    const twice = [...once, ...once].map((pair, i) => ({ ...pair, cluster: String(i % once.length) }));
    const naive = pairedDifference(twice.map(({ a, b }) => ({ a, b })));
    expect(pairedDifference(twice).stderr).toBeCloseTo(pairedDifference(once).stderr!, 12);
    expect(naive.stderr).toBeLessThan(0.75 * pairedDifference(once).stderr!);
  });

  it('says so where no spread can be told', () => {
    expect(pairedDifference(pairs('01', '10', 'xx'))).toMatchObject({ stderr: null, interval: null, p: null });
    expect(pairedDifference(pairs('01', '01'))).toMatchObject({ value: 0, stderr: 0, interval: null, p: 1 });
    expect(pairedDifference(pairs('00', '11'))).toMatchObject({ value: 1, stderr: 0, interval: null, p: null });
    // The same third everywhere is no spread, though its sum rounds.
    const thirds = Array.from({ length: 7 }, () => ({ a: 0, b: 1 / 3 }));
    expect(pairedDifference(thirds)).toMatchObject({ stderr: 0, p: null });
  });

  it('holds the truth in 95 of 100 worlds of clustered items', () => {
    const random = createRandom(3);
    let held = 0;
    for (let world = 0; world < 1000; world++) {
      const items = Array.from({ length: 25 }, (_, cluster) => {
        const shared = random.normal();
        return [0, 1, 2, 3].map(() => ({ a: 0, b: 0.2 + shared + random.normal(), cluster: `${cluster}` }));
      }).flat();
      const [low, high] = pairedDifference(items).interval!;
      held += Number(low <= 0.2 && 0.2 <= high);
    }
    // Binomial, four standard errors.
    expect(Math.abs(held / 1000 - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / 1000));
  });

  it('refuses what is no pair of numbers', () => {
    expect(() => pairedDifference([])).toThrow(/at least one pair/);
    expect(() => pairedDifference([{ a: 0, b: Number.NaN }])).toThrow(/b of pair 0 must be a finite number, got NaN/);
    // Below 0 the ends of the interval would change places.
    for (const level of [95, 1, 0, -0.5]) {
      expect(() => pairedDifference(pairs('01', '10'), level)).toThrow(/level must lie between 0 and 1/);
    }
  });
});

describe("McNemar's test", () => {
  it('by hand', () => {
    expect(mcNemarExact(0, 6)).toBeCloseTo(2 / 64, 12);
    expect(mcNemarExact(1, 5)).toBeCloseTo((2 * 7) / 64, 12);
    expect([mcNemarExact(0, 0), mcNemarExact(3, 3), mcNemarExact(0, 1)]).toEqual([1, 1, 1]);
  });

  it('refuses what is no count', () => {
    expect(() => mcNemarExact(0.5, 1)).toThrow(/whole numbers .* got 0.5 and 1/);
    expect(() => mcNemarExact(1, -1)).toThrow(/got 1 and -1/);
    expect(() => mcNemarExact(Number.NaN, 1)).toThrow(/got NaN/);
  });
});

describe('the paired bootstrap', () => {
  const items = pairs('0110010101101001', '1101011111101011', 'aabbccddeeffgghh');

  it('gives the same for a seed, and another for another', () => {
    const of = (seed: number) => pairedBootstrap(items, createRandom(seed), 500);
    expect(of(1)).toEqual(of(1));
    expect(of(1).stderr).not.toBe(of(2).stderr);
  });

  it('draws clusters, not items', () => {
    const alike = Array.from({ length: 40 }, (_, i) => ({ a: 0, b: i < 20 ? 1 : 0, cluster: i < 20 ? 'x' : 'y' }));
    const { interval } = pairedBootstrap(alike, createRandom(1), 1000);
    // Of two clusters, each all or nothing, resamples have 0, 1/2 or 1.
    expect(interval).toEqual([0, 1]);
    const single = alike.map(({ a, b }) => ({ a, b }));
    expect(pairedBootstrap(single, createRandom(1), 1000).interval[0]).toBeGreaterThan(0.3);
  });

  it('refuses what it cannot resample', () => {
    expect(() => pairedBootstrap([], createRandom(1))).toThrow(/two clusters or more, got 0/);
    expect(() => pairedBootstrap(pairs('01', '10', 'xx'), createRandom(1))).toThrow(/got 1/);
    expect(() => pairedBootstrap(items, createRandom(1), 10)).toThrow(/100 resamples or more, got 10/);
    expect(() => pairedBootstrap(items, createRandom(1), 500, 0)).toThrow(/level must lie between 0 and 1, got 0/);
    expect(() => pairedBootstrap([...items, { a: 1, b: Number.NaN }], createRandom(1))).toThrow(/difference 16/);
  });
});
