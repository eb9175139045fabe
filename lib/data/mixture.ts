import type { Random } from '../random';
import { type MixtureReport, type MixtureShareRule, planMixture, poolOf, reportMixture } from './mixture-plan';
import type { TrainExample } from './rows';
import { KNOWN_SOURCES, mapSource } from './sources/names';

export type { MixtureReport, MixtureRow, MixtureShareRule } from './mixture-plan';

export interface Mixture {
  readonly examples: readonly TrainExample[];
  readonly report: MixtureReport;
}

/**
 * Draws `total` rows in table A1's proportions by `planMixture`'s rule, without replacement, in shuffled order.
 *
 * @param examples rows of any known source
 * @param total rows to draw, from the number of present subsets to the number of rows given
 * @throws on an unknown source, or a total out of that range
 * Source: paper, appendix A.3 and table A1 ('Mixture ratio (%)' is of samples, not of tokens).
 */
export const mixByPaper = (examples: readonly TrainExample[], total: number, random: Random): Mixture =>
  draw(examples, 'paper', total, random);

/**
 * Draws rows of any sources, without replacement, in shuffled order: as `mixByPaper` does by table A1's samples, in
 * proportion to the rows that are there (`all`), by a weight for each source, or as `chooseShares` settles it (`auto`). A
 * source without a weight gives no row.
 *
 * @param samples rows to draw, of fewer all; null: all
 * @throws on a weight that is not above 0, fewer samples than sources, or weights of which no source has a row
 */
export function mixRows(
  examples: readonly TrainExample[],
  rule: MixtureShareRule | 'auto',
  samples: number | null,
  random: Random,
): Mixture {
  const shares = chooseShares(
    rule,
    examples.map(({ source }) => source),
  );
  const own = typeof shares === 'string' ? examples : examples.filter(({ source }) => Object.hasOwn(shares, source));
  // Where no source has a weight, the refusal names those that are there.
  const wanted = own.length > 0 ? own : examples;
  return draw(wanted, shares, Math.min(samples ?? wanted.length, wanted.length), random);
}

function draw(examples: readonly TrainExample[], shares: MixtureShareRule, total: number, random: Random): Mixture {
  const pools = new Map<string, TrainExample[]>();
  for (const example of examples) {
    const key = poolOf(shares, example.source);
    const pool = pools.get(key);
    if (pool) pool.push(example);
    else pools.set(key, [example]);
  }
  const plan = planMixture(shares, new Map([...pools].map(([key, rows]) => [key, rows.length])), total);
  const drawn = plan.pools.map(({ key, count }) => random.shuffle(pools.get(key)!).slice(0, count));
  const standInRows = (key: string) =>
    drawn[plan.pools.findIndex((pool) => pool.key === key)]!.filter(({ source }) => mapSource(source).standIn).length;
  return { examples: random.shuffle(drawn.flat()), report: reportMixture(shares, plan, standInRows) };
}

/** `auto`: table A1's shares where every row is of one of its sets, else all rows alike. */
export function chooseShares(shares: MixtureShareRule | 'auto', sources: readonly string[]): MixtureShareRule {
  if (shares !== 'auto') return shares;
  const known = new Set(KNOWN_SOURCES);
  return sources.every((source) => known.has(source)) ? 'paper' : 'all';
}

/**
 * Takes rows of a folder that was mixed before (`mixing/`), by the same rule: of each pool the first that it is to give, in
 * the order in which they lie. So a smaller mixture of a folder is a part of a larger one.
 *
 * @param sources of the rows, in order
 * @param samples rows to take; null: all
 * @returns for each row 1 where it is taken, else 0
 */
export function takeInOrder(
  sources: readonly string[],
  shares: MixtureShareRule,
  samples: number | null,
): { readonly taken: Uint8Array; readonly report: MixtureReport } {
  const isWanted = (source: string) => typeof shares === 'string' || Object.hasOwn(shares, source);
  const hasWanted = sources.some(isWanted);
  const available = new Map<string, number>();
  let rows = 0;
  for (const source of sources) {
    if (hasWanted && !isWanted(source)) continue;
    const pool = poolOf(shares, source);
    available.set(pool, (available.get(pool) ?? 0) + 1);
    rows++;
  }
  const plan = planMixture(shares, available, Math.min(samples ?? rows, rows));
  const left = new Map(plan.pools.map(({ key, count }) => [key, count]));
  const standIns = new Map<string, number>();
  const taken = Uint8Array.from(sources, (source) => {
    const pool = poolOf(shares, source);
    const more = left.get(pool) ?? 0;
    if (more === 0) return 0;
    left.set(pool, more - 1);
    if (shares === 'paper' && mapSource(source).standIn) standIns.set(pool, (standIns.get(pool) ?? 0) + 1);
    return 1;
  });
  return { taken, report: reportMixture(shares, plan, (key) => standIns.get(key) ?? 0) };
}
