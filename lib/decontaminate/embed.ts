import { createRandom } from '../random';
import type { Encoder } from './encoder';
import type { VectorCache } from './vector-cache';

/** Texts embedded before the disk has them: what a kill costs. */
const WINDOW = 256;

/**
 * Sees to it that the cache holds every text. Those it lacks are embedded in windows of like length, so that little of
 * a batch is padding; the windows come in a drawn order, so that the rate so far tells the time left.
 *
 * @param at is told how many of the texts that were lacking are done
 */
export async function embedTexts(
  texts: readonly string[],
  encoder: Encoder,
  cache: VectorCache,
  at?: (done: number, total: number) => void,
): Promise<{ readonly embedded: number }> {
  const lacking = [...new Set(texts)].filter((text) => cache.find(text) === undefined);
  lacking.sort((a, b) => a.length - b.length);
  const windows = Array.from({ length: Math.ceil(lacking.length / WINDOW) }, (_, i) =>
    lacking.slice(i * WINDOW, (i + 1) * WINDOW),
  );
  let done = 0;
  if (windows.length > 0) at?.(0, lacking.length);
  for (const window of createRandom(0, 'windows').shuffle(windows)) {
    await cache.append(window, await encoder.encode(window, (n) => at?.(done + n, lacking.length)));
    done += window.length;
  }
  return { embedded: lacking.length };
}
