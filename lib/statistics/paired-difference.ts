import { mean } from 'simple-statistics';
import { clusteredStandardError } from './clusters';
import { studentQuantile, studentTwoSided } from './distributions';
import { needsFinite, needsLevel } from './inputs';

/** One item as two models answered it: 1 right, 0 wrong, or any score. */
export interface Pair {
  readonly a: number;
  readonly b: number;
  /** What it shares with others: a fact, a passage. Items without one stand alone. */
  readonly cluster?: string | undefined;
}

/** An estimate with its uncertainty. */
export interface Estimate {
  readonly value: number;
  /** Null where it cannot be told: a single cluster. */
  readonly stderr: number | null;
  /** Degrees of freedom of the t distribution that interval and p rest on; need not be whole. */
  readonly df: number;
  /** Null where nothing varies, so that no spread can be told. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Two-sided, against 0; 1 where every difference is 0, null where they all are the same other number. */
  readonly p: number | null;
}

export interface PairedDifference extends Estimate {
  readonly n: number;
  readonly clusters: number;
  readonly meanA: number;
  readonly meanB: number;
}

/**
 * The mean of b - a over items that both models answered, with its clustered standard error and a t interval of
 * clusters - 1 degrees of freedom.
 *
 * @throws without pairs, on a value that is no number, or a level outside 0..1
 * Source: Miller 2024 (arXiv 2411.00640), section 4.2.
 * Differs: t instead of 1.96, which with few clusters is too narrow.
 */
export function pairedDifference(pairs: readonly Pair[], level = 0.95): PairedDifference {
  if (pairs.length === 0) throw new Error('pairedDifference: needs at least one pair, got none');
  const [a, b] = [pairs.map((pair) => pair.a), pairs.map((pair) => pair.b)];
  needsFinite('pairedDifference', 'a of pair', a);
  needsFinite('pairedDifference', 'b of pair', b);
  const differences = pairs.map((pair) => pair.b - pair.a);
  const value = mean(differences);
  const { stderr, clusters } = clusteredStandardError(
    differences.map((difference) => difference - value),
    pairs.map((pair) => pair.cluster),
  );
  const estimate = estimateOf(value, stderr, clusters - 1, level);
  return { ...estimate, n: pairs.length, clusters, meanA: mean(a), meanB: mean(b) };
}

/** Interval and p-value of an estimate by Student's t. @throws unless level lies between 0 and 1 */
export function estimateOf(value: number, stderr: number | null, df: number, level = 0.95): Estimate {
  needsLevel('estimate', level);
  if (stderr === null) return { value, stderr, df, interval: null, p: null };
  // Below this it is rounding: means over three seeds of equal differences, say.
  const nothing = 1e-12 * Math.max(1, Math.abs(value));
  if (stderr <= nothing) return { value, stderr: 0, df, interval: null, p: Math.abs(value) <= nothing ? 1 : null };
  const half = studentQuantile((1 + level) / 2, df) * stderr;
  return { value, stderr, df, interval: [value - half, value + half], p: studentTwoSided(value / stderr, df) };
}
