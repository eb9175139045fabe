import { createHash } from 'node:crypto';
import type { Random } from '../random';
import type { TrainExample } from './rows';

export interface DevelopmentSplit {
  readonly train: readonly TrainExample[];
  readonly development: readonly TrainExample[];
}

/**
 * Holds out a development set of about `fraction` of the rows, at least one. Rows with the same prompts, or the same
 * plain text (apart from case and white space), stay together, so that no development prompt was trained on: the number held out is therefore
 * at most `fraction` rounded, and more only where the smallest group is larger than that. Both sides keep the order.
 *
 * @param fraction strictly between 0 and 1
 * @throws when the fraction is out of range, or there are fewer than two different prompts
 * Differs: the paper does not mention a development set; this one is for choosing rates without looking at table 1's sets.
 */
export function splitDevelopment(
  examples: readonly TrainExample[],
  fraction: number,
  random: Random,
): DevelopmentSplit {
  const held = heldOutRows(examples.map(promptKey), fraction, random);
  return {
    train: examples.filter((_, i) => !held.has(i)),
    development: examples.filter((_, i) => held.has(i)),
  };
}

/** What rows that must stay on one side have in common, short enough to be kept for every row of a large set. */
export function promptKey({ history = [], prompt, response, plain }: TrainExample): string {
  const asked = [...history.map((exchange) => exchange.prompt), plain ? response : prompt];
  return createHash('md5').update(asked.join('\n').trim().replace(/\s+/g, ' ').toLowerCase()).digest('base64');
}

/**
 * The numbers of the rows that `splitDevelopment` holds out.
 *
 * @param keys `promptKey` of each row
 */
export function heldOutRows(keys: readonly string[], fraction: number, random: Random): ReadonlySet<number> {
  if (!(fraction > 0 && fraction < 1)) {
    throw new Error(`development: the fraction must lie between 0 and 1, got ${fraction}; 0.01 is usual`);
  }
  const groups = new Map<string, number[]>();
  for (const [i, key] of keys.entries()) {
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  }
  if (groups.size < 2) {
    throw new Error(`development: a split needs two different prompts or more, got ${groups.size}; add rows`);
  }
  const wanted = Math.max(1, Math.round(fraction * keys.length));
  const shuffled = random.shuffle([...groups.values()]);
  const held = new Set<number>();
  let left = groups.size;
  for (const group of shuffled) {
    if (held.size + group.length > wanted || left === 1) continue;
    for (const i of group) held.add(i);
    left--;
  }
  if (held.size === 0) {
    const smallest = shuffled.reduce((best, group) => (group.length < best.length ? group : best));
    for (const i of smallest) held.add(i);
  }
  return held;
}
