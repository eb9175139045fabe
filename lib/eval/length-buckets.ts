/** Rows of similar length, computed together: every row of a bucket is padded to `length`. */
export interface Bucket {
  readonly length: number;
  readonly batchSize: number;
  /** Indices of the rows, batch after batch. */
  readonly batches: readonly (readonly number[])[];
}

/** Each length is a graph to compile: few enough that compiling stays small beside running. */
const MOST_BUCKETS = 6;
/** Tokens of a batch: enough to keep two cores busy, little memory. */
const TOKENS_PER_BATCH = 2048;

export interface BucketOptions {
  /** The most distributions that a batch may ask for; a row that asks for more stands alone. */
  readonly mostPlaces: number;
  /** What a row of n tokens costs. */
  readonly rowCost: (length: number) => number;
  /** What compiling one more graph costs. */
  readonly graphCost: number;
  /** Bucket lengths are multiples of this. */
  readonly granularity?: number;
}

/**
 * Sorts rows into at most six lengths, chosen so that padded rows and graphs cost least in all.
 *
 * @param lengths tokens of each row, at least 1
 * @param places how many distributions each row asks for
 */
export function lengthBuckets(
  lengths: readonly number[],
  places: readonly number[],
  { mostPlaces, rowCost, graphCost, granularity = 16 }: BucketOptions,
): Bucket[] {
  const rounded = lengths.map((n) => Math.ceil(n / granularity) * granularity);
  const ends = bestEnds(rounded, rowCost, graphCost);
  const rows = ends.map(() => [] as number[]);
  lengths.forEach((length, row) => {
    rows[ends.findIndex((end) => length <= end)]!.push(row);
  });
  return ends.map((length, i) => {
    const members = rows[i]!.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    const most = Math.max(1, Math.floor(TOKENS_PER_BATCH / length));
    // As many batches as must be, equally full: a graph computes its whole batch, filled or not.
    const batchSize = Math.ceil(members.length / Math.ceil(members.length / most));
    const batches: number[][] = [];
    let asked = 0;
    for (const row of members) {
      const last = batches.at(-1);
      if (last && last.length < batchSize && asked + places[row]! <= mostPlaces) {
        last.push(row);
        asked += places[row]!;
      } else {
        batches.push([row]);
        asked = places[row]!;
      }
    }
    return { length, batchSize, batches };
  });
}

/** Dynamic programme over the distinct lengths: cost[k][i] = least cost of the i shortest with at most k buckets. */
function bestEnds(lengths: readonly number[], rowCost: (n: number) => number, graphCost: number): number[] {
  const counts = new Map<number, number>();
  for (const n of lengths) counts.set(n, (counts.get(n) ?? 0) + 1);
  const distinct = [...counts.keys()].sort((a, b) => a - b);
  const rowsUpTo = [0];
  for (const n of distinct) rowsUpTo.push(rowsUpTo.at(-1)! + counts.get(n)!);
  let cost = distinct.map((n, i) => graphCost + rowsUpTo[i + 1]! * rowCost(n));
  const cuts: number[][] = [];
  for (let k = 1; k < Math.min(MOST_BUCKETS, distinct.length); k++) {
    const from: number[] = [];
    cost = distinct.map((n, i) => {
      let best = cost[i]!;
      from[i] = -1;
      for (let j = 0; j < i; j++) {
        const total = cost[j]! + graphCost + (rowsUpTo[i + 1]! - rowsUpTo[j + 1]!) * rowCost(n);
        if (total < best) {
          best = total;
          from[i] = j;
        }
      }
      return best;
    });
    cuts.push(from);
  }
  const ends: number[] = [];
  let i = distinct.length - 1;
  for (let k = cuts.length - 1; k >= 0 && i >= 0; k--) {
    const j = cuts[k]![i]!;
    if (j === -1) continue;
    ends.push(distinct[i]!);
    i = j;
  }
  if (i >= 0) ends.push(distinct[i]!);
  return ends.reverse();
}
