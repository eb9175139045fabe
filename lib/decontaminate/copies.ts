/** A text is a near copy of an item when it has this part of the item's different words, and at most twice as many in all. */
const HELD = 0.9;
const LONGEST = 2;

/**
 * Tells of one text after the other which items it is a near copy of. Exact.
 *
 * A text that has nine tenths of an item's words has one of the item's rarest: of n words the first n - ceil(0.9 n) + 1, in
 * any order. Only items with such a word in common are counted out.
 *
 * @param items the different features of each
 * Source: Chaudhuri et al. 2006, 'A primitive operator for similarity joins in data cleaning' (prefix filter)
 */
export function nearCopies(items: readonly ReadonlySet<number>[]): (text: ReadonlySet<number>) => number[] {
  const holders = new Map<number, number>();
  for (const item of items) for (const feature of item) holders.set(feature, (holders.get(feature) ?? 0) + 1);
  const index = new Map<number, number[]>();
  for (const [i, item] of items.entries()) {
    const rarestFirst = [...item].sort((a, b) => holders.get(a)! - holders.get(b)!);
    for (const feature of rarestFirst.slice(0, item.size - Math.ceil(HELD * item.size) + 1)) {
      const list = index.get(feature);
      if (list) list.push(i);
      else index.set(feature, [i]);
    }
  }
  return (text) => {
    const candidates = new Set([...text].flatMap((feature) => index.get(feature) ?? []));
    return [...candidates].filter((i) => {
      const item = items[i]!;
      if (text.size < HELD * item.size || text.size > LONGEST * item.size) return false;
      let shared = 0;
      for (const feature of item) if (text.has(feature)) shared++;
      return shared >= HELD * item.size;
    });
  };
}
