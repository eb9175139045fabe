import { describe, expect, it } from 'vitest';
import { createRandom } from '../../lib/random';
import { binomialTest } from '../../lib/statistics/binomial';
import { differenceInDifferences } from '../../lib/statistics/difference-in-differences';
import {
  chiSquaredQuantile,
  normalQuantile,
  studentQuantile,
  studentTwoSided,
} from '../../lib/statistics/distributions';
import { fisherExact } from '../../lib/statistics/fisher-exact';
import { holm } from '../../lib/statistics/holm';
import { mcNemarExact } from '../../lib/statistics/mc-nemar';
import { detectableDifference, detectablePaired, detectableUnpaired } from '../../lib/statistics/power';
import { unpairedDifference } from '../../lib/statistics/two-proportions';

describe('distributions', () => {
  it('by the tables', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(studentQuantile(0.975, 2)).toBeCloseTo(4.302652729696142, 9);
    expect(studentQuantile(0.975, 1e9)).toBeCloseTo(1.96, 4);
    expect(chiSquaredQuantile(0.95, 1)).toBeCloseTo(3.841458820694124, 10);
    expect([normalQuantile(0.5), normalQuantile(0.025)]).toEqual([0, -normalQuantile(0.975)]);
  });

  it('refuse what is outside', () => {
    for (const p of [0, 1, -1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(/p must lie between 0 and 1/);
    expect(() => studentTwoSided(1, 0)).toThrow(/degrees of freedom above 0, got 0/);
  });
});

describe('exact tests', () => {
  it('by hand', () => {
    expect(binomialTest(0, 4, 0.5)).toBeCloseTo(2 / 16, 12);
    expect(binomialTest(3, 4, 0.5, 'greater')).toBeCloseTo(5 / 16, 12);
    expect(binomialTest(2, 2, 1)).toBe(1);
    expect(binomialTest(1, 2, 0)).toBe(0);
    // A lady tasting tea: all eight cups right, 1 of 70 ways, two-sided 2 of 70.
    expect(fisherExact({ count: 4, n: 4 }, { count: 0, n: 4 })).toBeCloseTo(2 / 70, 12);
  });

  it('refuse what is no count or no chance', () => {
    expect(() => binomialTest(3, 2, 0.5)).toThrow(/got 3 of 2/);
    expect(() => binomialTest(1, 2, 1.5)).toThrow(/chance must lie from 0 to 1, got 1.5/);
    expect(() => fisherExact({ count: 0, n: 0 }, { count: 1, n: 2 })).toThrow(/got 0 of 0/);
  });
});

describe("Holm's correction", () => {
  it('multiplies from the smallest on, and never falls', () => {
    // 4 · 0.005, 3 · 0.01, then 2 · 0.03 = 0.06 also for 0.04.
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.5, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  it('refuses what is no p-value', () => {
    expect(() => holm([0.1, 1.1])).toThrow(/p-value 1 must lie from 0 to 1, got 1.1/);
    expect(() => holm([Number.NaN])).toThrow(/p-value 0/);
  });
});

describe('difference in differences', () => {
  const items = (flagged: boolean, a: string, b: string) =>
    [...a].map((x, i) => ({ flagged, a: Number(x), b: Number(b[i]) }));

  it('takes off what tuning does on clean items', () => {
    // +3/4 on flagged items, +1/4 on clean ones.
    const own = differenceInDifferences([...items(true, '0000', '1110'), ...items(false, '0101', '0111')]);
    expect(own).toMatchObject({ value: 0.5, onFlagged: 0.75, onClean: 0.25, flagged: 4, clean: 4, df: 3 });
  });

  it('does not take hard items for contaminated ones: no effect is found in 95 of 100 worlds without one', () => {
    const random = createRandom(4);
    let found = 0;
    for (let world = 0; world < 500; world++) {
      const pairs = Array.from({ length: 200 }, (_, i) => {
        const flagged = i < 40;
        const ease = flagged ? 0.2 : 0.5;
        return { flagged, a: Number(random.next() < ease), b: Number(random.next() < ease + 0.2) };
      });
      found += Number(differenceInDifferences(pairs).p! < 0.05);
    }
    expect(found / 500).toBeLessThan(0.05 + 4 * Math.sqrt((0.05 * 0.95) / 500));
    expect(found).toBeGreaterThan(5);
  });

  it('compares within a task: one that gains more and is flagged more is not contaminated', () => {
    const gaining = [...items(true, '0000', '1111'), ...items(false, '00', '11')];
    const still = [...items(true, '01', '01'), ...items(false, '010101', '010101')];
    const own = differenceInDifferences([
      ...gaining.map((pair) => ({ ...pair, stratum: 'gaining' })),
      ...still.map((pair) => ({ ...pair, stratum: 'still' })),
    ]);
    expect(own.value).toBeCloseTo(0, 12);
    expect(own.onFlagged - own.onClean).toBeCloseTo(4 / 6 - 2 / 8, 12);
    const apart = [...items(true, '01', '11'), ...items(false, '01', '01')];
    expect(() => differenceInDifferences(apart.map((pair) => ({ ...pair, stratum: `${pair.flagged}` })))).toThrow(
      /no stratum has both/,
    );
  });

  it('needs more items than strata and one', () => {
    const strata = ['both', 'flagged', 'both', 'clean'];
    const four = [...items(true, '01', '11'), ...items(false, '01', '01')];
    expect(() => differenceInDifferences(four.map((pair, i) => ({ ...pair, stratum: strata[i] })))).toThrow(
      /4 items in 3 strata leave no spread to tell/,
    );
  });

  it('needs two flagged and two clean clusters', () => {
    const clean = items(false, '0101', '0111');
    expect(() => differenceInDifferences(clean)).toThrow(/two clusters or more of flagged items, got 0/);
    expect(() => differenceInDifferences([...clean, ...items(true, '0', '1')])).toThrow(/flagged items, got 1/);
    expect(() => differenceInDifferences(items(true, '01', '11'))).toThrow(/clean items, got 0/);
    expect(() => differenceInDifferences([...clean, { flagged: true, a: 0, b: Number.NaN }])).toThrow(/difference 4/);
  });
});

describe('smallest detectable differences', () => {
  it('are 2.8 standard errors', () => {
    expect(detectableDifference(0.01)).toBeCloseTo(0.02802, 5);
    expect(detectableDifference(0)).toBeNull();
    expect(() => detectableDifference(-1)).toThrow(/from 0 on, got -1/);
    expect(() => detectableDifference(Number.NaN)).toThrow(/got NaN/);
  });

  it("find McNemar's exact p below 0.05 four times out of five", () => {
    const [n, discordance] = [400, 0.3];
    const difference = detectablePaired(n, discordance)!;
    const random = createRandom(6);
    let found = 0;
    for (let study = 0; study < 2000; study++) {
      let [onlyA, onlyB] = [0, 0];
      for (let i = 0; i < n; i++) {
        const drawn = random.next();
        if (drawn < (discordance + difference) / 2) onlyB++;
        else if (drawn < discordance) onlyA++;
      }
      found += Number(mcNemarExact(onlyA, onlyB) < 0.05);
    }
    // The exact test is a little shy of its 5%.
    expect(found / 2000).toBeGreaterThan(0.74);
    expect(found / 2000).toBeLessThan(0.83);
  });

  it('grow with clusters, shrink with items, and may be out of reach', () => {
    const plain = detectablePaired(400, 0.3)!;
    expect(detectablePaired(400, 0.3, { designEffect: 2 })).toBeCloseTo(detectablePaired(200, 0.3)!, 12);
    expect(detectablePaired(1600, 0.3)! / plain).toBeCloseTo(0.5, 1);
    expect(detectablePaired(400, 0.3, { power: 0.9 })).toBeGreaterThan(plain);
    expect(detectablePaired(10, 0.1)).toBeNull();
    expect(detectableUnpaired(0.5, 3)).toBeNull();
    expect(detectableUnpaired(0.5, 1000)!).toBeGreaterThan(detectablePaired(1000, 0.3)!);
  });

  it('refuse what is no share, no number of items', () => {
    expect(() => detectablePaired(400, 1.3)).toThrow(/discordance must lie from 0 to 1, got 1.3/);
    expect(() => detectablePaired(0, 0.3)).toThrow(/n must be a whole number above 0, got 0/);
    expect(() => detectablePaired(400, 0.3, { designEffect: 0 })).toThrow(/designEffect must be above 0/);
    expect(() => detectableUnpaired(50, 100)).toThrow(/p must lie from 0 to 1, got 50/);
    expect(() => detectablePaired(400, 0.3, { power: 1 })).toThrow(/between 0 and 1/);
  });
});

describe('two printed accuracies', () => {
  it('by what the paper prints of MedMCQA', () => {
    const own = unpairedDifference({ p: 0.547, n: 4183 }, { p: 0.609, n: 4183 });
    expect(own.z).toBeCloseTo(5.74, 2);
    expect(own.pValue).toBeLessThan(1e-8);
    expect(own.interval[0]).toBeGreaterThan(0.04);
  });

  it('that both say nothing: none or all right', () => {
    expect(unpairedDifference({ p: 0, n: 10 }, { p: 0, n: 10 })).toMatchObject({ z: 0, pValue: 1 });
    expect(() => unpairedDifference({ p: 54.7, n: 10 }, { p: 0.5, n: 10 })).toThrow(/p must lie from 0 to 1, got 54.7/);
    expect(() => unpairedDifference({ p: 0.5, n: 10.5 }, { p: 0.5, n: 10 })).toThrow(/whole numbers/);
  });
});
