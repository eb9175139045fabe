import * as tf from './tf';
import { tracesBlocks } from './trace/trace';

/** Numbers of a tensor that is joined with others: a node costs as much as a pass over some thousands. */
const SMALL = 16_384;
/** Numbers of such a group: they stay within a core's second-level cache. */
const GROUP = 131_072;

/**
 * Applies an elementwise `fn` to many items, each a list of tensors of one shape; small items are joined first, so that
 * a chain of ops runs once for all of them.
 *
 *     items [p, g], [p', g'], ...  ->  fn([p | p' | ..., g | g' | ...])  ->  cut again, item by item
 *
 * Same numbers as `items.map(fn)`; on devices without blocks it is just that.
 *
 * @param fn takes as many tensors as an item has; scalars that it needs are captured from outside
 * @returns what `fn` returns for each item
 */
export function together(
  fn: (tensors: readonly tf.Tensor[]) => readonly tf.Tensor[],
  items: readonly (readonly tf.Tensor[])[],
): (readonly tf.Tensor[])[] {
  if (!tracesBlocks()) return items.map(fn);
  const results: (readonly tf.Tensor[])[] = [];
  for (const group of groups(items.map((item) => item[0]!.size))) {
    if (group.length === 1) {
      results[group[0]!] = fn(items[group[0]!]!);
      continue;
    }
    const shapes = group.map((i) => items[i]![0]!.shape);
    const joined = items[group[0]!]!.map((_, part) => tf.concat(group.map((i) => items[i]![part]!.flatten())));
    const sizes = group.map((i) => items[i]![0]!.size);
    const cut = fn(joined).map((tensor) => tf.split(tensor, sizes));
    group.forEach((item, i) => {
      results[item] = cut.map((parts) => parts[i]!.reshape(shapes[i]!));
    });
  }
  return results;
}

/** Places of the sizes, small ones in groups. */
function groups(sizes: readonly number[]): number[][] {
  const all: number[][] = [];
  let open: number[] | undefined;
  let total = 0;
  for (const [i, size] of sizes.entries()) {
    if (size > SMALL) all.push([i]);
    else if (open && total + size <= GROUP) {
      open.push(i);
      total += size;
    } else {
      open = [i];
      total = size;
      all.push(open);
    }
  }
  return all;
}
