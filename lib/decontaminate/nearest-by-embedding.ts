import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../engine/device';
import { embedTexts } from './embed';
import type { Encoder } from './encoder';
import { type Neighbours, nearestRows } from './neighbours';
import type { Truncation } from './record';
import type { TextList } from './text-list';
import { openVectorCache } from './vector-cache';

/**
 * Embeds what the cache lacks, then searches.
 *
 * @param rows different texts
 * @param folder the cache; without one the vectors lie in a temporary folder
 */
export async function nearestByEmbedding(
  items: readonly string[],
  rows: TextList,
  k: number,
  encoder: Encoder,
  device: Device,
  folder: string | undefined,
  at: ((stage: 'embedding' | 'searching', done: number, total: number) => void) | undefined,
): Promise<{
  readonly neighbours: Neighbours;
  readonly truncation: { readonly evaluation: Truncation; readonly training: Truncation };
}> {
  const temporary = folder === undefined ? await mkdtemp(join(tmpdir(), 'vectors-')) : undefined;
  const cache = await openVectorCache(folder ?? temporary!, encoder.description);
  try {
    await embedTexts([items, rows], encoder, cache, (done, total) => at?.('embedding', done, total));
    const { dimension } = cache;
    const itemVectors = new Float32Array(items.length * dimension);
    cache.read(
      items.map((text) => cache.find(text)!),
      itemVectors,
    );
    // In the order in which they lie on disk, which is read through once.
    const records = new Float64Array(rows.length);
    let place = 0;
    let truncated = 0;
    for (const text of rows) {
      const record = cache.find(text)!;
      if (cache.truncated(record)) truncated++;
      records[place++] = record;
    }
    const ids = Uint32Array.from(records, (_, i) => i).sort((a, b) => records[a]! - records[b]!);
    const sorted = records.slice().sort();
    const vectors = {
      ids,
      read: (start: number, into: Float32Array) =>
        cache.read(sorted.subarray(start, start + into.length / dimension), into),
    };
    const searching = (done: number, total: number) => at?.('searching', done, total);
    const neighbours = await nearestRows(itemVectors, dimension, vectors, k, device, searching);
    return {
      neighbours,
      truncation: {
        evaluation: truncation(items.length, items.filter((text) => cache.truncated(cache.find(text)!)).length),
        training: truncation(rows.length, truncated),
      },
    };
  } finally {
    await cache.close();
    if (temporary) await rm(temporary, { recursive: true, force: true });
  }
}

const truncation = (texts: number, truncated: number): Truncation => ({
  texts,
  truncated,
  percent: (100 * truncated) / texts,
});
