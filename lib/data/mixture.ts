import { SUBSETS, TOTALS } from '../paper/table-a1';
import type { Random } from '../random';
import type { TrainExample } from './rows';
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
  const drawn = draw(
    groupBy(examples, ({ source }) => mapSource(source).subset),
    SUBSETS.map(({ key, samples }) => ({ key, weight: samples })),
    total,
    random,
  );
  const rows = drawn.groups.map((group): MixtureRow => {
    const subset = SUBSETS.find(({ key }) => key === group.key)!;
    const standInRows = group.rows.filter(({ source }) => mapSource(source).standIn).length;
    return {
      ...rowOf(group, total),
      name: subset.name,
      domain: subset.domain,
      paperSamples: subset.samples,
      paperPercent: subset.percent,
      deviation: (100 * group.rows.length) / total - subset.percent,
      standInRows,
      standIn: standInRows > 0,
    };
  });
  const domain = (name: 'medical' | 'general'): DomainShare => {
    const count = rows.filter((row) => row.domain === name).reduce((sum, row) => sum + row.drawn, 0);
    return { drawn: count, drawnPercent: (100 * count) / total, paperPercent: TOTALS[name].percent };
  };
  return {
    examples: drawn.examples,
    report: {
      total,
      shares: 'paper',
      rows,
      missing: drawn.missing,
      domains: { medical: domain('medical'), general: domain('general') },
      totalWithoutShortfall: drawn.totalWithoutShortfall,
    },
  };
}

/**
 * Draws `total` rows of any sources, without replacement, in shuffled order: in proportion to the rows that are there
 * (`all`), or by a weight for each source, as `mixByPaper` does by table A1's. A source without a weight gives no row.
 *
 * @throws on a weight that is not above 0, a total out of range, or weights of which no source has a row
 */
export function mixBySource(
  examples: readonly TrainExample[],
  shares: Exclude<MixtureShareRule, 'paper'>,
  total: number,
  random: Random,
): Mixture {
  const pools = groupBy(examples, ({ source }) => source);
  const wanted =
    shares === 'all'
      ? [...pools].map(([key, rows]) => ({ key, weight: rows.length }))
      : Object.entries(shares).map(([key, weight]) => ({ key, weight }));
  const wrong = wanted.find(({ weight }) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong) {
    throw new Error(`mixture: the share of "${wrong.key}" must be above 0, got ${wrong.weight}; leave it out instead`);
  }
  if (!wanted.some(({ key }) => pools.has(key))) {
    throw new Error(
      `mixture: no row has a source that shares are given for (${wanted.map(({ key }) => key).join(', ')}); ` +
        `sources there: ${[...pools.keys()].join(', ')}`,
    );
  }
  const drawn = draw(pools, wanted, total, random);
  const rows = drawn.groups.map(
    (group): MixtureRow => ({
      ...rowOf(group, total),
      name: group.key,
      domain: null,
      paperSamples: null,
      paperPercent: null,
      deviation: null,
      standInRows: 0,
      standIn: false,
    }),
  );
  const { missing, totalWithoutShortfall } = drawn;
  const report = { total, shares: shares === 'all' ? 'all' : 'given', rows, missing, domains: null } as const;
  return { examples: drawn.examples, report: { ...report, totalWithoutShortfall } };
}

interface DrawnGroup {
  readonly key: string;
  readonly rows: readonly TrainExample[];
  readonly available: number;
  readonly targetPercent: number;
  /** Rows that its share comes to. */
  readonly share: number;
}

function rowOf({ key, rows, available, targetPercent, share }: DrawnGroup, total: number) {
  return {
    subset: key,
    targetPercent,
    available,
    drawn: rows.length,
    drawnPercent: (100 * rows.length) / total,
    short: rows.length === available && rows.length < share,
  };
}

function groupBy(examples: readonly TrainExample[], keyOf: (example: TrainExample) => string) {
  const pools = new Map<string, TrainExample[]>();
  for (const example of examples) {
    const key = keyOf(example);
    const pool = pools.get(key);
    if (pool) pool.push(example);
    else pools.set(key, [example]);
  }
  return pools;
}

function draw(
  pools: ReadonlyMap<string, readonly TrainExample[]>,
  wanted: readonly { readonly key: string; readonly weight: number }[],
  total: number,
  random: Random,
) {
  const present = wanted.filter(({ key }) => pools.has(key));
  const weights = present.map(({ weight }) => weight);
  const available = present.map(({ key }) => pools.get(key)!.length);
  const given = available.reduce((a, b) => a + b, 0);
  if (!Number.isInteger(total) || total < present.length || total > given || present.length === 0) {
    throw new Error(
      `mixture: total must be an integer from ${present.length} (one row for each present subset) to ` +
        `${given} (the rows given), got ${total}; change total or give more rows`,
    );
  }
  const counts = allocate(weights, available, total);
  const all = weights.reduce((a, b) => a + b);
  const groups = present.map(
    ({ key, weight }, i): DrawnGroup => ({
      key,
      rows: random.shuffle(pools.get(key)!).slice(0, counts[i]),
      available: available[i]!,
      targetPercent: (100 * weight) / all,
      share: Math.floor((total * weight) / all),
    }),
  );
  return {
    groups,
    examples: random.shuffle(groups.flatMap(({ rows }) => rows)),
    missing: wanted.filter(({ key }) => !pools.has(key)).map(({ key }) => key),
    totalWithoutShortfall: Math.floor(Math.min(...present.map(({ weight }, i) => (available[i]! * all) / weight))),
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
