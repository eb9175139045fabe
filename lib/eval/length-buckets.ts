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

/**
 * Sorts rows into at most six lengths, chosen so that the padding over all rows is least.
 *
 * @param lengths tokens of each row, at least 1
 * @param places how many distributions each row asks for
 * @param mostPlaces the most a batch may ask for; a row that asks for more stands alone
 * @param granularity bucket lengths are multiples of this
 */
export function lengthBuckets(
  lengths: readonly number[],
  places: readonly number[],
  mostPlaces: number,
  granularity = 16,
): Bucket[] {
  const rounded = lengths.map((n) => Math.ceil(n / granularity) * granularity);
  const ends = bestEnds(rounded);
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

/** Dynamic programme over the distinct lengths: cost[k][i] = least total length of the i shortest with k buckets. */
function bestEnds(lengths: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const n of lengths) counts.set(n, (counts.get(n) ?? 0) + 1);
  const distinct = [...counts.keys()].sort((a, b) => a - b);
  const rowsUpTo = [0];
  for (const n of distinct) rowsUpTo.push(rowsUpTo.at(-1)! + counts.get(n)!);
  let cost = distinct.map((n, i) => rowsUpTo[i + 1]! * n);
  const cuts: number[][] = [];
  for (let k = 1; k < Math.min(MOST_BUCKETS, distinct.length); k++) {
    const from: number[] = [];
    cost = distinct.map((n, i) => {
      let best = cost[i]!;
      from[i] = -1;
      for (let j = 0; j < i; j++) {
        const total = cost[j]! + (rowsUpTo[i + 1]! - rowsUpTo[j + 1]!) * n;
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
