import { mean } from 'simple-statistics';
import { clusterSums } from './clusters';
import { needsFinite } from './inputs';
import { type Estimate, estimateOf, type Pair } from './paired-difference';

export interface FlaggedPair extends Pair {
  /** Found too near to the training data. */
  readonly flagged: boolean;
  /** Items are compared with items of the same stratum only: its task. All are of one without. */
  readonly stratum?: string | undefined;
}

export interface DifferenceInDifferences extends Estimate {
  /** What tuning changed on each kind of item: mean of b - a. With several strata `value` is not their difference. */
  readonly onFlagged: number;
  readonly onClean: number;
  readonly flagged: number;
  readonly clean: number;
  readonly clustersFlagged: number;
  readonly clustersClean: number;
}

/**
 * Did contamination help? a is the base, b the tuned model, both on the same items:
 *
 *     (b - a on flagged items) - (b - a on clean items)
 *
 * Flagged items may be easier or harder than others: the base, which did not see the training rows, takes that off.
 * Above 0, tuning helped more where an item had a near copy in the training data. That a removal of flagged items lowers
 * an accuracy shows no such thing.
 *
 * It is the coefficient of the flag in the regression of b - a on it and on the strata, its variance clustered. Tasks
 * differ in how much tuning helps and in how often they are flagged; as strata they cannot pass for contamination.
 *
 * Interval and p are Student's t with as many degrees of freedom as the smaller side has clusters, less one: a handful
 * of flagged items must not borrow the certainty of a thousand clean ones.
 *
 * @throws unless there are two clusters or more on either side, a stratum with both and more items than coefficients, or
 * on a value that is no number
 * Source: Angrist and Pischke 2009, sections 5.2 and 8.2.
 */
export function differenceInDifferences(pairs: readonly FlaggedPair[], level = 0.95): DifferenceInDifferences {
  const differences = pairs.map((pair) => pair.b - pair.a);
  needsFinite('differenceInDifferences', 'difference', differences);
  const [flagged, clean] = [sideOf(pairs, differences, true), sideOf(pairs, differences, false)];
  const strata = pairs.map((pair) => pair.stratum ?? '');
  // Taking the strata's means off both sides leaves a regression with one coefficient (Frisch, Waugh and Lovell).
  const x = withinStrata(
    pairs.map((pair) => Number(pair.flagged)),
    strata,
  );
  const y = withinStrata(differences, strata);
  const squares = x.reduce((total, value) => total + value ** 2, 0);
  if (squares < 1e-12) {
    throw new Error('differenceInDifferences: no stratum has both flagged and clean items; compare over larger ones');
  }
  const value = x.reduce((total, xi, i) => total + xi * y[i]!, 0) / squares;
  const influence = x.map((xi, i) => (xi * (y[i]! - value * xi)) / squares);
  const sums = clusterSums(
    influence,
    pairs.map((pair) => pair.cluster),
  );
  const [g, n, coefficients] = [sums.length, pairs.length, new Set(strata).size + 1];
  if (n <= coefficients) {
    throw new Error(
      `differenceInDifferences: ${n} items in ${coefficients - 1} strata leave no spread to tell; compare over larger strata`,
    );
  }
  // statsmodels' small-sample correction.
  const correction = (g / (g - 1)) * ((n - 1) / (n - coefficients));
  const stderr = Math.sqrt(correction * sums.reduce((total, one) => total + one ** 2, 0));
  return {
    ...estimateOf(value, stderr, Math.min(flagged.clusters, clean.clusters) - 1, level),
    onFlagged: flagged.change,
    onClean: clean.change,
    flagged: flagged.n,
    clean: clean.n,
    clustersFlagged: flagged.clusters,
    clustersClean: clean.clusters,
  };
}

function sideOf(pairs: readonly FlaggedPair[], differences: readonly number[], flagged: boolean) {
  const own = pairs.flatMap((pair, i) => (pair.flagged === flagged ? [i] : []));
  const ones = own.map(() => 1);
  const clusters = clusterSums(
    ones,
    own.map((i) => pairs[i]!.cluster),
  ).length;
  if (clusters < 2) {
    throw new Error(
      `differenceInDifferences: needs two clusters or more of ${flagged ? 'flagged' : 'clean'} items, got ${clusters}`,
    );
  }
  return { n: own.length, clusters, change: mean(own.map((i) => differences[i]!)) };
}

/** Each value less the mean of its stratum. */
function withinStrata(values: readonly number[], strata: readonly string[]): number[] {
  const sums = new Map<string, { sum: number; n: number }>();
  for (const [i, value] of values.entries()) {
    const { sum, n } = sums.get(strata[i]!) ?? { sum: 0, n: 0 };
    sums.set(strata[i]!, { sum: sum + value, n: n + 1 });
  }
  return values.map((value, i) => value - sums.get(strata[i]!)!.sum / sums.get(strata[i]!)!.n);
}
