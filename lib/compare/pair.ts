import { mcNemarExact } from '../statistics/mc-nemar';
import { type Resamples, resampledMean } from '../statistics/paired-bootstrap';
import { type Pair, pairedDifference } from '../statistics/paired-difference';
import { detectableDifference } from '../statistics/power';
import { seedComparison } from '../statistics/seed-comparison';
import type { SeedSpread } from '../statistics/seed-variance';

type Interval = readonly [low: number, high: number];

/** What both kinds of comparison say. Accuracies and differences are shares, 0..1; differences are to - from. */
interface Compared {
  readonly n: number;
  readonly clusters: number;
  readonly accuracyFrom: number;
  readonly accuracyTo: number;
  readonly difference: number;
  /** Clustered; null where nothing can be told of the spread, so with interval, p and detectable. */
  readonly stderr: number | null;
  readonly interval: Interval | null;
  /** Student's t on the clustered standard error. */
  readonly p: number | null;
  /** Percentile interval over resampled clusters, seeds kept; null for a single cluster. */
  readonly bootstrap: Interval | null;
  /** The true difference that would be found four times out of five. */
  readonly detectable: number | null;
}

/** Two models, each of one training. */
export interface SeedPair extends Compared {
  readonly from: string;
  readonly to: string;
  readonly seed: number | null;
  /** Items that one of them alone got right. */
  readonly onlyFrom: number;
  readonly onlyTo: number;
  /** McNemar's exact p, which takes items as independent. */
  readonly mcNemar: number;
  /** Corrected over the tasks; null where the slice is not a task. */
  readonly mcNemarHolm: number | null;
}

/** Two kinds of model over all their seeds. */
export interface PooledSeeds extends Compared {
  readonly seedsFrom: number;
  readonly seedsTo: number;
  /** What stderr, interval and p count; see `seedComparison`. */
  readonly counts: 'items and seeds' | 'items';
  readonly stderrItems: number | null;
  readonly stderrSeeds: number | null;
  readonly df: number;
  /** p corrected over the tasks; null where the slice is not a task. */
  readonly pHolm: number | null;
  /** Of the seeds' accuracies; null for one seed. */
  readonly spreadFrom: SeedSpread | null;
  readonly spreadTo: SeedSpread | null;
  /** Seeds that both have, and among them those whose difference is above 0. */
  readonly pairs: number;
  readonly pairsAbove: number;
}

/** One model's answers to the slice's items, 1 right and 0 wrong. */
export interface Answers {
  readonly name: string;
  readonly seed: number | null;
  readonly correct: readonly number[];
}

/** The items of a slice: what they share, and how they are resampled; null for a single cluster. */
export interface SliceItems {
  readonly clusters: readonly (string | undefined)[];
  readonly resamples: Resamples | null;
}

export function seedPair(from: Answers, to: Answers, { clusters, resamples }: SliceItems): SeedPair {
  const pairs = from.correct.map((a, i) => ({ a, b: to.correct[i]!, cluster: clusters[i] }));
  const difference = pairedDifference(pairs);
  const onlyFrom = pairs.filter(({ a, b }) => a > b).length;
  const onlyTo = pairs.filter(({ a, b }) => b > a).length;
  return {
    from: from.name,
    to: to.name,
    seed: to.seed,
    n: difference.n,
    clusters: difference.clusters,
    accuracyFrom: difference.meanA,
    accuracyTo: difference.meanB,
    difference: difference.value,
    stderr: difference.stderr,
    interval: within(difference.interval),
    p: difference.p,
    bootstrap: bootstrapped(pairs, resamples),
    detectable: detectable(difference.stderr),
    onlyFrom,
    onlyTo,
    mcNemar: mcNemarExact(onlyFrom, onlyTo),
    mcNemarHolm: null,
  };
}

export function pooledSeeds(
  from: readonly Answers[],
  to: readonly Answers[],
  { clusters, resamples }: SliceItems,
  perSeed: readonly SeedPair[],
): PooledSeeds {
  const scores = (models: readonly Answers[]) => models.map(({ correct }) => correct);
  const fixedA = from.length === 1 && from[0]!.seed === null;
  const pooled = seedComparison(scores(from), scores(to), { clusters, fixedA });
  const meanOf = (models: readonly Answers[], i: number) =>
    models.reduce((total, { correct }) => total + correct[i]!, 0) / models.length;
  const pairs = clusters.map((cluster, i) => ({ a: meanOf(from, i), b: meanOf(to, i), cluster }));
  return {
    n: pooled.n,
    clusters: pooled.clusters,
    seedsFrom: pooled.seedsA,
    seedsTo: pooled.seedsB,
    accuracyFrom: pooled.meanA,
    accuracyTo: pooled.meanB,
    difference: pooled.value,
    stderr: pooled.stderr,
    stderrItems: pooled.stderrItems,
    stderrSeeds: pooled.stderrSeeds,
    counts: pooled.counts,
    df: pooled.df,
    interval: within(pooled.interval),
    p: pooled.p,
    pHolm: null,
    bootstrap: bootstrapped(pairs, resamples),
    detectable: detectable(pooled.stderr),
    spreadFrom: pooled.spreadA,
    spreadTo: pooled.spreadB,
    pairs: perSeed.length,
    pairsAbove: perSeed.filter(({ difference }) => difference > 0).length,
  };
}

function bootstrapped(pairs: readonly Pair[], resamples: Resamples | null): Interval | null {
  if (!resamples) return null;
  return resampledMean(
    pairs.map(({ a, b }) => b - a),
    resamples,
  ).interval;
}

/** Two accuracies differ by no more than 1, which Student's t on a few items does not know. */
function within(interval: Interval | null): Interval | null {
  return interval && [Math.max(-1, interval[0]), Math.min(1, interval[1])];
}

function detectable(stderr: number | null): number | null {
  return stderr === null ? null : detectableDifference(stderr);
}
