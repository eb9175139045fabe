import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../lib/random';
import { type Alternative, binomialTest } from '../../lib/statistics/binomial';
import { differenceInDifferences } from '../../lib/statistics/difference-in-differences';
import {
  chiSquaredQuantile,
  chiSquaredUpper,
  normalQuantile,
  normalTwoSided,
  studentQuantile,
  studentTwoSided,
} from '../../lib/statistics/distributions';
import { fisherExact } from '../../lib/statistics/fisher-exact';
import { holm } from '../../lib/statistics/holm';
import { mcNemarExact } from '../../lib/statistics/mc-nemar';
import { pairedBootstrap } from '../../lib/statistics/paired-bootstrap';
import { pairedDifference } from '../../lib/statistics/paired-difference';
import { detectablePaired, detectableUnpaired } from '../../lib/statistics/power';
import { proportion, wilsonInterval } from '../../lib/statistics/proportion';
import { seedComparison } from '../../lib/statistics/seed-comparison';
import { seedVariance } from '../../lib/statistics/seed-variance';
import { unpairedDifference } from '../../lib/statistics/two-proportions';
import { pythonReady } from './python';

type Interval = [number, number];
interface Items {
  readonly a: number[];
  readonly b: number[];
  readonly clusters: number[];
}
interface Compared {
  readonly value: number;
  readonly stderrItems: number;
  readonly stderrSeeds: number;
  readonly stderr: number;
  readonly df: number;
  readonly interval: Interval;
  readonly p: number;
}

/** What statistics_reference.py wrote: inputs, and what SciPy, statsmodels and NumPy make of them. */
interface Peer {
  readonly versions: Readonly<Record<string, string>>;
  readonly distributions: Readonly<Record<string, number[][]>>;
  readonly proportions: { count: number; n: number; stderr: number | null; wilson95: Interval; wilson99: Interval }[];
  readonly binomial: [number, number, number, Alternative, number][];
  readonly mcNemar: [number, number, number][];
  readonly fisher: [number, number, number, number, number][];
  readonly holm: [number[], number[]][];
  readonly unpaired: { a: Interval; b: Interval; z: number; p: number; interval: Interval }[];
  readonly paired: (Items & {
    readonly value: number;
    readonly stderr: number;
    readonly p: number;
    readonly interval: Interval;
    readonly bootstrap: { interval: Interval; stderr: number; scipy?: Interval };
  })[];
  readonly differenceInDifferences: (Items & {
    readonly flagged: number[];
    readonly strata: number[];
    readonly value: number;
    readonly stderr: number;
    readonly p: number;
  })[];
  readonly seeds: {
    readonly clusters: number[];
    readonly base: number[][];
    readonly lora: number[][];
    readonly full: number[][];
    readonly baseToLora: Compared;
    readonly loraToFull: Compared;
    readonly variance: {
      betweenSeeds: number;
      betweenItems: number;
      residual: number;
      sd: number;
      sdInterval: Interval;
    };
  };
  readonly power: { paired: [number, number, number, number][]; unpaired: [number, number, number][] };
}

const FIXTURE = join(__dirname, 'fixtures', 'statistics.json');
const peer = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Peer;

/** To a part in 10^digits, or to 10^-14 where the value is nothing. */
function expectClose(ours: number | null | undefined, theirs: number, digits = 10): void {
  expect(ours).not.toBeNull();
  expect(Math.abs(ours! - theirs), `${ours} for ${theirs}`).toBeLessThanOrEqual(
    10 ** -digits * Math.abs(theirs) + 1e-14,
  );
}

const expectInterval = (ours: readonly number[] | null, theirs: Interval, digits?: number): void => {
  for (const [i, end] of theirs.entries()) expectClose(ours?.[i], end, digits);
};

const pairsOf = ({ a, b, clusters }: Items) => a.map((x, i) => ({ a: x, b: b[i]!, cluster: String(clusters[i]) }));

describe(`SciPy ${peer.versions.scipy} and statsmodels ${peer.versions.statsmodels}: the same`, () => {
  const functions: Readonly<Record<string, (x: number, df: number) => number>> = {
    normalTwoSided,
    studentTwoSided,
    normalQuantile,
    studentQuantile,
    chiSquaredUpper,
    chiSquaredQuantile,
  };

  it.each(Object.keys(functions))('%s', (name) => {
    const cases = peer.distributions[name]!;
    expect(cases.length).toBeGreaterThan(5);
    for (const row of cases) expectClose(functions[name]!(row[0]!, row[1]!), row.at(-1)!, 10);
  });

  it("proportions: the harness's standard error, Wilson's interval", () => {
    for (const { count, n, stderr, wilson95, wilson99 } of peer.proportions) {
      const own = proportion(count, n);
      if (stderr === null) expect(own.stderr).toBeNull();
      else expectClose(own.stderr, stderr);
      expectInterval(own.interval, wilson95);
      expectInterval(wilsonInterval(count, n, 0.99), wilson99);
    }
  });

  it('exact tests: binomial, McNemar, Fisher', () => {
    for (const [count, n, chance, kind, p] of peer.binomial) expectClose(binomialTest(count, n, chance, kind), p, 9);
    for (const [onlyA, onlyB, p] of peer.mcNemar) expectClose(mcNemarExact(onlyA, onlyB), p, 9);
    for (const [count, n, otherCount, otherN, p] of peer.fisher) {
      expectClose(fisherExact({ count, n }, { count: otherCount, n: otherN }), p, 9);
    }
  });

  it("Holm's correction", () => {
    for (const [pValues, adjusted] of peer.holm) {
      const own = holm(pValues);
      expect(own).toHaveLength(adjusted.length);
      for (const [i, p] of adjusted.entries()) expectClose(own[i], p, 12);
    }
  });

  it('two proportions known by p and n: z, p and Newcombe interval', () => {
    for (const { a, b, z, p, interval } of peer.unpaired) {
      const own = unpairedDifference({ p: a[0] / a[1], n: a[1] }, { p: b[0] / b[1], n: b[1] });
      expectClose(own.z, z);
      expectClose(own.pValue, p);
      expectInterval(own.interval, interval);
    }
  });

  it('paired differences: clustered standard error, interval, p', () => {
    for (const one of peer.paired) {
      const own = pairedDifference(pairsOf(one));
      expectClose(own.value, one.value);
      expectClose(own.stderr, one.stderr);
      expectClose(own.p, one.p);
      expectInterval(own.interval, one.interval);
    }
  });

  it('paired bootstrap, within what its randomness allows', () => {
    const resamples = 20_000;
    for (const one of peer.paired) {
      const own = pairedBootstrap(pairsOf(one), createRandom(1), resamples);
      expectClose(own.value, one.value);
      // An end of a 95% interval of N normal means has a standard error of 2.67 / sqrt(N) of theirs; five are allowed,
      // and one step of the mean, which is a multiple of 1/n where clusters have one size.
      const off = (5 * 2.67 * one.stderr) / Math.sqrt(resamples) + 1 / one.a.length;
      for (const theirs of [one.bootstrap.interval, one.bootstrap.scipy ?? one.bootstrap.interval]) {
        for (const [i, end] of theirs.entries()) expect(Math.abs(own.interval[i]! - end)).toBeLessThan(off);
      }
      expect(Math.abs(own.stderr / one.bootstrap.stderr - 1)).toBeLessThan(0.03);
    }
  });

  it('difference in differences', () => {
    for (const one of peer.differenceInDifferences) {
      const pairs = pairsOf(one).map((pair, i) => ({
        ...pair,
        flagged: one.flagged[i] === 1,
        stratum: String(one.strata[i]),
      }));
      const own = differenceInDifferences(pairs);
      expectClose(own.value, one.value);
      expectClose(own.stderr, one.stderr);
      expectClose(own.p, one.p);
    }
  });

  it('training seeds: comparison and decomposition', () => {
    const { base, lora, full, variance } = peer.seeds;
    const clusters = peer.seeds.clusters.map(String);
    const compared = [
      [seedComparison(base, lora, { clusters, fixedA: true }), peer.seeds.baseToLora],
      [seedComparison(lora, full, { clusters }), peer.seeds.loraToFull],
    ] as const;
    for (const [own, theirs] of compared) {
      for (const key of ['value', 'stderrItems', 'stderrSeeds', 'stderr', 'df', 'p'] as const) {
        expectClose(own[key], theirs[key]);
      }
      expectInterval(own.interval, theirs.interval);
    }
    const own = seedVariance(lora);
    for (const key of ['betweenSeeds', 'betweenItems', 'residual'] as const) expectClose(own[key], variance[key]);
    expectClose(own.spread.sd, variance.sd);
    expectInterval(own.spread.interval, variance.sdInterval);
  });

  it('smallest detectable differences, and the power they are said to have', () => {
    for (const [n, discordance, difference, exactPower] of peer.power.paired) {
      expectClose(detectablePaired(n, discordance), difference, 9);
      expect(Math.abs(exactPower - 0.8)).toBeLessThan(0.02);
    }
    for (const [p, n, difference] of peer.power.unpaired) expectClose(detectableUnpaired(p, n), difference, 4);
  });
});

describe.skipIf(!pythonReady)('run again', () => {
  it('the peers give what is written', () => {
    const python = resolve(__dirname, '..', '..', '.venv-parity', 'bin', 'python');
    const again = execFileSync(python, [join(__dirname, 'statistics_reference.py')], { maxBuffer: 2 ** 24 });
    const { versions, ...values } = JSON.parse(again.toString()) as Peer;
    const { versions: written, ...known } = peer;
    expect([versions.scipy, versions.statsmodels, versions.numpy]).toEqual([
      written.scipy,
      written.statsmodels,
      written.numpy,
    ]);
    expectSame(values, known, '');
  });
});

/** Equal, numbers to nine digits: another machine's linear algebra may differ in the last ones. */
function expectSame(again: unknown, written: unknown, path: string): void {
  if (typeof written === 'number') expectClose(again as number, written, 9);
  else if (typeof written !== 'object' || written === null) expect(again, path).toBe(written);
  else {
    expect(Object.keys(again as object), path).toEqual(Object.keys(written));
    for (const [key, value] of Object.entries(written)) {
      expectSame((again as Readonly<Record<string, unknown>>)[key], value, `${path}.${key}`);
    }
  }
}
