import { mean, sampleVariance, sum } from 'simple-statistics';
import { chiSquaredQuantile } from './distributions';
import { needsFinite } from './inputs';

/** Scores of one method: a row for each training seed, a column for each item, the same items in the same order. */
export type SeedScores = readonly (readonly number[])[];

/** A standard deviation over seeds, and how little a few seeds tell of it. */
export interface SeedSpread {
  /** Of the seeds' mean scores. */
  readonly sd: number;
  /** 95%, by chi-squared: of three seeds it reaches from half the value to six times it. */
  readonly interval: readonly [low: number, high: number];
}

/** Where the variance of single scores comes from. */
export interface SeedVariance {
  readonly seeds: number;
  readonly items: number;
  readonly means: readonly number[];
  readonly spread: SeedSpread;
  /** Variance between seeds that holds for all items alike: what retraining adds. Never below 0. */
  readonly betweenSeeds: number;
  /** Variance between items that holds for all seeds alike: easy ones and hard ones. Never below 0. */
  readonly betweenItems: number;
  /** What is left: items that one seed gets right and another wrong. */
  readonly residual: number;
}

/**
 * Training seeds beside items: the two-way analysis of variance with both taken as random, one score a cell.
 *
 *     score[seed, item] = mean + seed + item + residual
 *     betweenSeeds = (MS_seed - MS_residual) / items,   betweenItems = (MS_item - MS_residual) / seeds
 *
 * @throws for fewer than two seeds or items, rows of different lengths, or a value that is no number
 * Source: Searle, Casella and McCulloch 1992, section 4.3.
 */
export function seedVariance(scores: SeedScores): SeedVariance {
  const { seeds, items } = shapeOf('seedVariance', 'scores', scores);
  if (seeds < 2 || items < 2) {
    throw new Error(`seedVariance: needs two seeds and two items or more, got ${seeds} and ${items}`);
  }
  const means = scores.map((row) => mean([...row]));
  const itemMeans = itemMeansOf(scores);
  const grand = mean(means);
  const residuals = scores.flatMap((row, s) => row.map((x, i) => x - means[s]! - itemMeans[i]! + grand));
  const residual = sum(residuals.map((x) => x ** 2)) / ((seeds - 1) * (items - 1));
  return {
    seeds,
    items,
    means,
    spread: seedSpread(means),
    betweenSeeds: Math.max(0, sampleVariance(means) - residual / items),
    betweenItems: Math.max(0, sampleVariance(itemMeans) - residual / seeds),
    residual,
  };
}

/** @throws for fewer than two means */
export function seedSpread(means: readonly number[]): SeedSpread {
  const df = means.length - 1;
  if (df < 1) throw new Error(`seedSpread: needs two seeds or more, got ${means.length}`);
  const sd = Math.sqrt(sampleVariance([...means]));
  const bound = (p: number) => sd * Math.sqrt(df / chiSquaredQuantile(p, df));
  return { sd, interval: [bound(0.975), bound(0.025)] };
}

/** Mean over seeds of each item. */
export function itemMeansOf(scores: SeedScores): number[] {
  return scores[0]!.map((_, i) => mean(scores.map((row) => row[i]!)));
}

/** @throws on no seeds, no items, rows of different lengths or a value that is no number */
export function shapeOf(who: string, what: string, scores: SeedScores): { seeds: number; items: number } {
  const items = scores[0]?.length ?? 0;
  if (items === 0) throw new Error(`${who}: ${what} needs at least one seed and one item, got none`);
  for (const [s, row] of scores.entries()) {
    if (row.length !== items) {
      throw new Error(
        `${who}: ${what} needs the same items of every seed, got ${items} and ${row.length} of seed ${s}`,
      );
    }
    needsFinite(who, `${what}, seed ${s}, item`, row);
  }
  return { seeds: scores.length, items };
}
