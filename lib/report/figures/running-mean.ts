/** How many values a running mean of n values spans: a thirtieth of them, so that a long run is not smoothed away. */
export function meanWindow(n: number): number {
  return Math.max(1, Math.round(n / 30));
}

/**
 * The mean of the value at each of `places` and up to `window - 1` before it; never of later ones, so a curve does not
 * know its future.
 *
 *     window 3, all places:  [4, 2, 6, 1]  ->  [4, 3, 4, 3]
 */
export function runningMean(values: readonly number[], window: number, places: readonly number[]): number[] {
  return places.map((place) => {
    const span = values.slice(Math.max(0, place - window + 1), place + 1);
    return span.reduce((sum, value) => sum + value, 0) / span.length;
  });
}

/** Every k-th of n places, with the last, so that a curve of at most about `most` points is left. */
export function thinned(n: number, most: number): { every: number; places: number[] } {
  const every = Math.max(1, Math.ceil(n / most));
  const places = Array.from({ length: Math.ceil(n / every) }, (_, i) => i * every);
  if (n > 0 && places.at(-1) !== n - 1) places.push(n - 1);
  return { every, places };
}
