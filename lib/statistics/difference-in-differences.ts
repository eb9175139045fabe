import { mean } from 'simple-statistics';
import { clusterSums } from './clusters';
import { needsFinite } from './inputs';
import { type Estimate, estimateOf, type Pair } from './paired-difference';

export interface FlaggedPair extends Pair {
  /** Found too near to the training data. */
  readonly flagged: boolean;
}

export interface DifferenceInDifferences extends Estimate {
  /** What tuning changed on each kind of item: mean of b - a. */
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
 * It is the slope of the regression of b - a on the flag, its variance clustered. Interval and p are Student's t with as
 * many degrees of freedom as the smaller side has clusters, less one: a handful of flagged items must not borrow the
 * certainty of a thousand clean ones.
 *
 * Tasks differ in how much tuning helps and in how often they are flagged: compare within a task, or say that tasks are mixed.
 *
 * @throws unless there are two clusters or more on either side, or on a value that is no number
 * Source: Angrist and Pischke 2009, sections 5.2 and 8.2.
 */
export function differenceInDifferences(pairs: readonly FlaggedPair[], level = 0.95): DifferenceInDifferences {
  const differences = pairs.map((pair) => pair.b - pair.a);
  needsFinite('differenceInDifferences', 'difference', differences);
  const side = (flagged: boolean) => {
    const own = pairs.flatMap((pair, i) => (pair.flagged === flagged ? [i] : []));
    const clusters = clusterSums(
      own.map(() => 1),
      own.map((i) => pairs[i]!.cluster),
    ).length;
    if (clusters < 2) {
      throw new Error(
        `differenceInDifferences: needs two clusters or more of ${flagged ? 'flagged' : 'clean'} items, got ${clusters}`,
      );
    }
    return { n: own.length, clusters, change: mean(own.map((i) => differences[i]!)) };
  };
  const [flagged, clean] = [side(true), side(false)];
  const value = flagged.change - clean.change;
  // What each item moves the estimate by.
  const influence = pairs.map((pair, i) =>
    pair.flagged ? (differences[i]! - flagged.change) / flagged.n : -(differences[i]! - clean.change) / clean.n,
  );
  const sums = clusterSums(
    influence,
    pairs.map((pair) => pair.cluster),
  );
  const [g, n] = [sums.length, pairs.length];
  // statsmodels' correction for a regression with two coefficients.
  const correction = (g / (g - 1)) * ((n - 1) / (n - 2));
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
