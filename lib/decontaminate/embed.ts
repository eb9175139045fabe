import type { Encoder } from './encoder';
import type { TextList } from './text-list';
import { textKey, type VectorCache } from './vector-cache';

/** Texts embedded before the disk has them: what a kill costs. */
const WINDOW = 256;

/**
 * Sees to it that the cache holds every text of the lists. Those it lacks are embedded in windows of like length, so that little of
 * a batch is padding; the windows come in the order of a hash, so that the rate so far tells the time left, and one that was
 * killed goes on in the same order with the same windows.
 *
 * @param at is told how many of the texts that were lacking are done
 */
export async function embedTexts(
  texts: readonly TextList[],
  encoder: Encoder,
  cache: VectorCache,
  at?: (done: number, total: number) => void,
): Promise<{ readonly embedded: number }> {
  const lacking = lackingTexts(texts, cache);
  lacking.sort((a, b) => a.length - b.length);
  const windows = Array.from({ length: Math.ceil(lacking.length / WINDOW) }, (_, i) => {
    const places = lacking.slice(i * WINDOW, (i + 1) * WINDOW);
    const [first] = places;
    return { places, key: textKey(first!.list.at(first!.index)!) };
  }).sort((a, b) => (a.key < b.key ? -1 : 1));
  let done = 0;
  if (windows.length > 0) at?.(0, lacking.length);
  for (const { places } of windows) {
    const window = places.map(({ list, index }) => list.at(index)!);
    await cache.append(window, await encoder.encode(window, (n) => at?.(done + n, lacking.length)));
    done += window.length;
  }
  return { embedded: lacking.length };
}

/** Where the texts stand that the cache has not, each once: of a text in a file, memory has no more. */
function lackingTexts(lists: readonly TextList[], cache: VectorCache) {
  const lacking: { readonly list: TextList; readonly index: number; readonly length: number }[] = [];
  const seen = new Set<string>();
  for (const list of lists) {
    let index = -1;
    for (const text of list) {
      index++;
      if (cache.find(text) !== undefined) continue;
      const key = textKey(text);
      if (seen.has(key)) continue;
      seen.add(key);
      lacking.push({ list, index, length: text.length });
    }
  }
  return lacking;
}
