import { SUBSETS, TOTALS } from '../paper/table-a1';
import { mapSource } from './sources/names';

/**
 * By which shares rows are drawn: table A1's, in proportion to the rows that are there, or weights by the row's `source`.
 */
export type MixtureShareRule = 'paper' | 'all' | Readonly<Record<string, number>>;

/** One subset's or source's line of the mixture's report. Percents are of the whole set; points are differences of percents. */
export interface MixtureRow {
  /** A key of table A1, or a `source`. */
  readonly subset: string;
  readonly name: string;
  /** Null for a source that table A1 does not have. */
  readonly domain: 'medical' | 'general' | null;
  /** Null, as the paper's other columns, where table A1 was not asked. */
  readonly paperSamples: number | null;
  /** As table A1 prints it. */
  readonly paperPercent: number | null;
  /** The wanted share among the subsets that are present. */
  readonly targetPercent: number;
  /** Rows given to draw from. */
  readonly available: number;
  readonly drawn: number;
  readonly drawnPercent: number;
  /** drawnPercent - paperPercent. */
  readonly deviation: number | null;
  /** Rows drawn that stand in for the subset's own. */
  readonly standInRows: number;
  readonly standIn: boolean;
  /** True when the subset gave all its rows and that was less than its share. */
  readonly short: boolean;
}

export interface MixtureReport {
  readonly total: number;
  /** Whose shares were wanted. */
  readonly shares: 'paper' | 'all' | 'given';
  /** Present subsets, in table A1's order; sources in the order in which they appear. */
  readonly rows: readonly MixtureRow[];
  /** Subsets or sources that were wanted and have no row. */
  readonly missing: readonly string[];
  /** Null where table A1 was not asked. */
  readonly domains: Readonly<Record<'medical' | 'general', DomainShare>> | null;
  /** The largest total at which no present subset is short. */
  readonly totalWithoutShortfall: number;
}

export interface DomainShare {
  readonly drawn: number;
  readonly drawnPercent: number;
  readonly paperPercent: number;
}

/** A subset or source as the rule sees it: how much is wanted of it, and how much is there. */
export interface PlannedPool {
  readonly key: string;
  /** Rows given to draw from. */
  readonly available: number;
  readonly targetPercent: number;
  /** Rows that its share comes to. */
  readonly share: number;
  /** Rows to draw. */
  readonly count: number;
}

export interface MixturePlan {
  readonly total: number;
  /** Those that are present. */
  readonly pools: readonly PlannedPool[];
  readonly missing: readonly string[];
  readonly totalWithoutShortfall: number;
}

/** Which pool a row of that `source` is drawn from. */
export const poolOf = (shares: MixtureShareRule, source: string): string =>
  shares === 'paper' ? mapSource(source).subset : source;

/**
 * How many rows each subset or source gives: what every mixture is drawn by, in memory (`mixture.ts`) and on disk
 * (`mixing/`).
 *
 * Shares are renormalised over the subsets that are PRESENT: a missing subset's share goes to all others in
 * proportion. A subset with fewer rows than its share gives all it has, and what it lacks is shared out in
 * proportion among the rest, so that `total` is always met; no present subset gets less than one row. In one formula,
 *
 *     rows of s = clamp(level x weight of s, 1, available rows of s)
 *
 * with the one level at which they add up to `total`; fractions are settled by the largest remainder
 * (ties in table A1's order). The weights are table A1's samples (`paper`), the rows that are there (`all`), or those given.
 *
 * @param available rows of each pool that has any
 * @throws on a weight that is not above 0, a total out of range, or weights of which no source has a row
 */
export function planMixture(
  shares: MixtureShareRule,
  available: ReadonlyMap<string, number>,
  total: number,
): MixturePlan {
  const wanted = wantedBy(shares, available);
  const present = wanted.filter(({ key }) => available.has(key));
  const weights = present.map(({ weight }) => weight);
  const rows = present.map(({ key }) => available.get(key)!);
  const given = rows.reduce((a, b) => a + b, 0);
  if (!Number.isInteger(total) || total < present.length || total > given || present.length === 0) {
    throw new Error(
      `mixture: total must be an integer from ${present.length} (one row for each present subset) to ` +
        `${given} (the rows given), got ${total}; change total or give more rows`,
    );
  }
  const counts = allocate(weights, rows, total);
  const all = weights.reduce((a, b) => a + b);
  return {
    total,
    pools: present.map(({ key, weight }, i) => ({
      key,
      available: rows[i]!,
      targetPercent: (100 * weight) / all,
      share: Math.floor((total * weight) / all),
      count: counts[i]!,
    })),
    missing: wanted.filter(({ key }) => !available.has(key)).map(({ key }) => key),
    totalWithoutShortfall: Math.floor(Math.min(...present.map(({ weight }, i) => (rows[i]! * all) / weight))),
  };
}

function wantedBy(shares: MixtureShareRule, available: ReadonlyMap<string, number>) {
  if (shares === 'paper') return SUBSETS.map(({ key, samples }) => ({ key, weight: samples }));
  if (shares === 'all') return [...available].map(([key, rows]) => ({ key, weight: rows }));
  const wanted = Object.entries(shares).map(([key, weight]) => ({ key, weight }));
  const wrong = wanted.find(({ weight }) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong) {
    throw new Error(`mixture: the share of "${wrong.key}" must be above 0, got ${wrong.weight}; leave it out instead`);
  }
  if (!wanted.some(({ key }) => available.has(key))) {
    throw new Error(
      `mixture: no row has a source that shares are given for (${wanted.map(({ key }) => key).join(', ')}); ` +
        `sources there: ${[...available.keys()].join(', ')}`,
    );
  }
  return wanted;
}

/** @param standInRows of a subset's drawn rows */
export function reportMixture(
  shares: MixtureShareRule,
  { total, pools, missing, totalWithoutShortfall }: MixturePlan,
  standInRows: (subset: string) => number,
): MixtureReport {
  const rows = pools.map((pool): MixtureRow => {
    const { key, count, available, targetPercent, share } = pool;
    const counted = {
      subset: key,
      targetPercent,
      available,
      drawn: count,
      drawnPercent: (100 * count) / total,
      short: count === available && count < share,
    };
    return shares === 'paper'
      ? { ...counted, ...besidePaper(pool, total, standInRows(key)) }
      : { ...counted, ...alone(key) };
  });
  const domain = (name: 'medical' | 'general'): DomainShare => {
    const count = rows.filter((row) => row.domain === name).reduce((sum, row) => sum + row.drawn, 0);
    return { drawn: count, drawnPercent: (100 * count) / total, paperPercent: TOTALS[name].percent };
  };
  return {
    total,
    shares: shares === 'paper' || shares === 'all' ? shares : 'given',
    rows,
    missing,
    domains: shares === 'paper' ? { medical: domain('medical'), general: domain('general') } : null,
    totalWithoutShortfall,
  };
}

function besidePaper({ key, count }: PlannedPool, total: number, standInRows: number) {
  const subset = SUBSETS.find((one) => one.key === key)!;
  return {
    name: subset.name,
    domain: subset.domain,
    paperSamples: subset.samples,
    paperPercent: subset.percent,
    deviation: (100 * count) / total - subset.percent,
    standInRows,
    standIn: standInRows > 0,
  };
}

const alone = (key: string) => ({
  name: key,
  domain: null,
  paperSamples: null,
  paperPercent: null,
  deviation: null,
  standInRows: 0,
  standIn: false,
});

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
