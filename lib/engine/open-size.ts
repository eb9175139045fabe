/**
 * Lengths that a program leaves open. A trace needs numbers: each open length is traced as a prime that no other size is
 * a multiple of, so that its multiples in a shape are known as that length's.
 *
 *     [1, 11, 576] -> [1, 11, 9, 64] -> [1, 9, 11, 64]     traced, with 11 for the tokens of a run
 *     [1, ?, 576]     Reshape [1, -1, 9, 64]               written
 */
export const isOpen = (size: number, open: readonly number[]): boolean =>
  size !== 0 && open.some((prime) => size % prime === 0);

/**
 * Primes to stand for open lengths.
 *
 * @param fixed every size of the model that is not open: none is a multiple of what is returned, nor is their product
 */
export function openSizes(count: number, fixed: readonly number[]): number[] {
  const chosen: number[] = [];
  for (let size = 11; chosen.length < count; size++) {
    const isPrime = Array.from({ length: size - 2 }, (_, i) => i + 2).every((d) => size % d !== 0);
    if (isPrime && !fixed.some((other) => other !== 0 && other % size === 0)) chosen.push(size);
  }
  return chosen;
}

/**
 * A Reshape's target: 0 keeps the size at that place, -1 is what the others leave.
 *
 * @throws when two open sizes would have to be found out
 */
export function reshapeTarget(from: readonly number[], to: readonly number[], open: readonly number[]): number[] {
  const target = to.map((size, i) => (!isOpen(size, open) ? size : from[i] === size ? 0 : -1));
  if (target.filter((size) => size === -1).length > 1) {
    throw new Error(`engine: [${from}] to [${to}] leaves two lengths open (of ${open}); reshape in two steps`);
  }
  return target;
}
