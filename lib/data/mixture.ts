import { SUBSETS, type SubsetKey, TOTALS } from '../paper/table-a1';
import type { Random } from '../random';
import type { TrainExample } from './rows';
import { mapSource } from './sources';

/** One subset's line of the mixture's report. Percents are of the whole set; points are differences of percents. */
export interface MixtureRow {
  readonly subset: SubsetKey;
  readonly name: string;
  readonly domain: 'medical' | 'general';
  readonly paperSamples: number;
  /** As table A1 prints it. */
  readonly paperPercent: number;
  /** The paper's share among the subsets that are present. */
  readonly targetPercent: number;
  /** Rows given to draw from. */
  readonly available: number;
  readonly drawn: number;
  readonly drawnPercent: number;
  /** drawnPercent - paperPercent. */
  readonly deviation: number;
  /** Rows drawn that stand in for the subset's own. */
  readonly standInRows: number;
  readonly standIn: boolean;
  /** True when the subset gave all its rows and that was less than its share. */
  readonly short: boolean;
}

export interface MixtureReport {
  readonly total: number;
  /** Present subsets, in table A1's order. */
  readonly rows: readonly MixtureRow[];
  /** Subsets of table A1 with no row given. */
  readonly missing: readonly SubsetKey[];
  readonly domains: Readonly<Record<'medical' | 'general', DomainShare>>;
  /** The largest total at which no present subset is short. */
  readonly totalWithoutShortfall: number;
}

export interface DomainShare {
  readonly drawn: number;
  readonly drawnPercent: number;
  readonly paperPercent: number;
}

export interface Mixture {
  readonly examples: readonly TrainExample[];
  readonly report: MixtureReport;
}

/**
 * Draws `total` rows in table A1's proportions, without replacement, in shuffled order.
 *
 * Shares are renormalised over the subsets that are PRESENT: a missing subset's share goes to all others in
 * proportion. A subset with fewer rows than its share gives all it has, and what it lacks is shared out in
 * proportion among the rest, so that `total` is always met; no present subset gets less than one row. In one formula,
 *
 *     rows of s = clamp(level x paper samples of s, 1, available rows of s)
 *
 * with the one level at which they add up to `total`; fractions are settled by the largest remainder
 * (ties in table A1's order).
 *
 * @param examples rows of any known source
 * @param total rows to draw, from the number of present subsets to the number of rows given
 * @throws on an unknown source, or a total out of that range
 * Source: paper, appendix A.3 and table A1 ('Mixture ratio (%)' is of samples, not of tokens).
 */
export function mixByPaper(examples: readonly TrainExample[], total: number, random: Random): Mixture {
  const pools = new Map<SubsetKey, TrainExample[]>();
  for (const example of examples) {
    const { subset } = mapSource(example.source);
    const pool = pools.get(subset);
    if (pool) pool.push(example);
    else pools.set(subset, [example]);
  }
  const present = SUBSETS.filter(({ key }) => pools.has(key));
  if (!Number.isInteger(total) || total < present.length || total > examples.length || present.length === 0) {
    throw new Error(
      `mixture: total must be an integer from ${present.length} (one row for each present subset) to ` +
        `${examples.length} (the rows given), got ${total}; change total or give more rows`,
    );
  }
  const weights: number[] = present.map(({ samples }) => samples);
  const available = present.map(({ key }) => pools.get(key)!.length);
  const counts = allocate(weights, available, total);
  const drawn = present.map(({ key }, i) => random.shuffle(pools.get(key)!).slice(0, counts[i]));

  const presentSamples = weights.reduce((a, b) => a + b);
  const percent = (part: number) => (100 * part) / total;
  const rows = present.map((subset, i): MixtureRow => {
    const count = counts[i]!;
    const standInRows = drawn[i]!.filter(({ source }) => mapSource(source).standIn).length;
    return {
      subset: subset.key,
      name: subset.name,
      domain: subset.domain,
      paperSamples: subset.samples,
      paperPercent: subset.percent,
      targetPercent: (100 * subset.samples) / presentSamples,
      available: available[i]!,
      drawn: count,
      drawnPercent: percent(count),
      deviation: percent(count) - subset.percent,
      standInRows,
      standIn: standInRows > 0,
      short: count === available[i] && count < Math.floor((total * subset.samples) / presentSamples),
    };
  });
  const domain = (name: 'medical' | 'general'): DomainShare => {
    const count = rows.filter((row) => row.domain === name).reduce((sum, row) => sum + row.drawn, 0);
    return { drawn: count, drawnPercent: percent(count), paperPercent: TOTALS[name].percent };
  };
  return {
    examples: random.shuffle(drawn.flat()),
    report: {
      total,
      rows,
      missing: SUBSETS.filter(({ key }) => !pools.has(key)).map(({ key }) => key),
      domains: { medical: domain('medical'), general: domain('general') },
      totalWithoutShortfall: Math.floor(
        Math.min(...present.map(({ samples }, i) => (available[i]! * presentSamples) / samples)),
      ),
    },
  };
}

/**
 * Whole numbers that add up to `total`, proportional to `weights` but each from 1 to its `available`.
 * The caller has seen to it that this is possible.
 */
function allocate(weights: readonly number[], available: readonly number[], total: number): number[] {
  const quotas = (level: number) => weights.map((weight, i) => Math.min(Math.max(level * weight, 1), available[i]!));
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  // The sum of quotas rises with the level: halve the interval until it has no middle.
  let low = 0;
  let high = Math.max(...weights.map((weight, i) => available[i]! / weight));
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (sum(quotas(middle)) < total) low = middle;
    else high = middle;
  }
  const exact = quotas(high);
  const counts = exact.map(Math.floor);
  const byRemainder = exact
    .map((quota, i) => ({ i, remainder: quota - Math.floor(quota) }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  const left = total - sum(counts);
  for (const { i } of byRemainder.slice(0, left)) counts[i]!++;
  return counts;
}
