import { normalTwoSided } from './distributions';
import { needsCounts, needsShare } from './inputs';
import { wilsonFromShare } from './proportion';

/** An accuracy of which only the share and the number of items are known. */
export interface Reported {
  /** 0..1 */
  readonly p: number;
  readonly n: number;
}

export interface UnpairedDifference {
  /** b - a */
  readonly value: number;
  readonly z: number;
  /** Two-sided. */
  readonly pValue: number;
  /** Newcombe's hybrid score interval, 95%. */
  readonly interval: readonly [low: number, high: number];
}

/**
 * What two printed accuracies say about their difference. The items may be the same, but who answered which is not
 * known, so the test cannot be paired and sees less than a paired one would.
 *
 *     z = (b - a) / sqrt(m (1 - m) (1/n_a + 1/n_b)),   m the pooled share
 *
 * @throws on a p outside 0..1 or an n that is no whole number above 0
 * Source: Newcombe 1998 (Statistics in Medicine 17, 873), method 10, for the interval.
 */
export function unpairedDifference(a: Reported, b: Reported): UnpairedDifference {
  for (const { p, n } of [a, b]) {
    needsShare('unpairedDifference', 'p', p);
    needsCounts('unpairedDifference', 0, n);
  }
  const value = b.p - a.p;
  const pooled = (a.p * a.n + b.p * b.n) / (a.n + b.n);
  const stderr = Math.sqrt(pooled * (1 - pooled) * (1 / a.n + 1 / b.n));
  const z = stderr === 0 ? 0 : value / stderr;
  const [intervalA, intervalB] = [wilsonFromShare(a.p, a.n), wilsonFromShare(b.p, b.n)];
  return {
    value,
    z,
    pValue: normalTwoSided(z),
    interval: [
      value - Math.hypot(b.p - intervalB[0], intervalA[1] - a.p),
      value + Math.hypot(intervalB[1] - b.p, a.p - intervalA[0]),
    ],
  };
}
