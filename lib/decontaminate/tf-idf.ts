import { nearCopies } from './copies';
import { emptyNeighbours, type Neighbours } from './neighbours';
import { caseless } from './text-form';
import type { TextList } from './text-list';
import { wordHash, wordsOf } from './words';

/** Features are hashed into this many places, so that memory does not grow with the vocabulary. */
const PLACES = 2 ** 22;

export interface TfIdfOptions {
  /** Words and pairs of neighbouring words, or words alone. */
  readonly pairs: boolean;
  /** A feature in more than this share of the texts says little and is left out of texts that have others. */
  readonly maxShare: number;
}

/**
 * Form and threshold with the best F1 on development pairs, 0.75: `npx med42 choose-tf-idf` prints all that were tried, and
 * a test holds these to its answer.
 */
export const TF_IDF: TfIdfOptions = { pairs: false, maxShare: 0.02 };
export const TF_IDF_THRESHOLD = 0.76;
/** So many near copies of an item count as texts with its features. */
const COPIES_COUNTED = 2;
/** A feature in no more texts than these is kept, however few texts there are. */
const ALWAYS_KEPT = 10;

/**
 * The k nearest rows of each item by the cosine of TF-IDF vectors: what stands in where there is no encoder.
 *
 *     idf = ln((1 + texts) / (1 + texts with it)) + 1,  weight = count * idf,  vectors of length 1
 *
 * Exact: rows are read one after the other, twice, against an index of the items' features.
 */
export function nearestByTfIdf(
  items: readonly string[],
  rows: TextList,
  k: number,
  options: TfIdfOptions = TF_IDF,
  at?: (done: number, total: number) => void,
): Neighbours {
  const documents = documentFrequencies(items, rows, options);
  const texts = items.length + rows.length;
  const most = Math.max(ALWAYS_KEPT, options.maxShare * texts);
  const idf = (place: number): number => Math.log((1 + texts) / (1 + documents[place]!)) + 1;
  const vectorOf = (text: string): [number, number][] => {
    const counts = [...featureCounts(text, options)];
    const kept = counts.filter(([place]) => documents[place]! <= most);
    // Of a text that has common features alone nothing would be left to compare.
    return unit((kept.length > 0 ? kept : counts).map(([place, n]) => [place, n * idf(place)]));
  };

  const index = new Map<number, { items: number[]; weights: number[] }>();
  for (const [item, text] of items.entries()) {
    for (const [place, weight] of vectorOf(text)) {
      const postings = index.get(place) ?? { items: [], weights: [] };
      index.set(place, postings);
      postings.items.push(item);
      postings.weights.push(weight);
    }
  }
  const found = emptyNeighbours(items.length, Math.min(k, rows.length));
  const cosines = new Float64Array(items.length);
  let row = -1;
  for (const text of rows) {
    row++;
    cosines.fill(0);
    for (const [place, weight] of vectorOf(text)) {
      const postings = index.get(place);
      if (!postings) continue;
      const { items: holders, weights } = postings;
      for (let i = 0; i < holders.length; i++) cosines[holders[i]!]! += weight * weights[i]!;
    }
    for (let item = 0; item < items.length; item++) {
      if (cosines[item]! >= found.least[item]!) found.offer(item, row, cosines[item]!);
    }
    if (row % 256 === 255 || row + 1 === rows.length) at?.(row + 1, rows.length);
  }
  return found;
}

/**
 * Place -> texts with it. What stands in the rows many times over would count as common and lose its weight, and with it
 * the item that it is a copy of: so of an item's near copies among the rows the first two alone count for the item's
 * features, and equal items count once.
 *
 * A choice: with two, no cosine of the bundled rows changes, and the development pairs choose the same form and threshold
 * with the same F1. Where no item has a third near copy, this is the document frequency of the field.
 */
function documentFrequencies(items: readonly string[], rows: TextList, options: TfIdfOptions): Uint32Array {
  const documents = new Uint32Array(PLACES);
  const features = [...new Set(items.map(caseless))].map((text) => new Set(featureCounts(text, options).keys()));
  for (const item of features) for (const place of item) documents[place]!++;
  const copied = nearCopies(features);
  /** Of each item, in how many near copies a feature was counted. */
  const counted = features.map(() => new Map<number, number>());
  for (const text of rows) {
    const row = new Set(featureCounts(text, options).keys());
    const originals = copied(row);
    for (const place of row) {
      const holders = originals.filter((i) => features[i]!.has(place));
      if (!holders.some((i) => (counted[i]!.get(place) ?? 0) >= COPIES_COUNTED)) documents[place]!++;
      for (const i of holders) counted[i]!.set(place, (counted[i]!.get(place) ?? 0) + 1);
    }
  }
  return documents;
}

/** Place -> how often. */
function featureCounts(text: string, { pairs }: TfIdfOptions): Map<number, number> {
  const counts = new Map<number, number>();
  const words = wordsOf(text);
  const add = (feature: string) => {
    const place = placeOf(feature);
    counts.set(place, (counts.get(place) ?? 0) + 1);
  };
  for (const [i, word] of words.entries()) {
    add(word);
    if (pairs && i > 0) add(`${words[i - 1]} ${word}`);
  }
  return counts;
}

/** A feature's place. */
function placeOf(feature: string): number {
  const hash = wordHash(feature);
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}

function unit(weighted: [number, number][]): [number, number][] {
  const length = Math.sqrt(weighted.reduce((sum, [, weight]) => sum + weight * weight, 0));
  return weighted.map(([place, weight]) => [place, weight / length]);
}
