import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ModelFolder } from './folder';

/** sha256 over the bytes of a model's weight files, in name order. */
export async function hashWeights(base: ModelFolder): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [...new Set(Object.values(base.weights).map((w) => w.file))].sort()) {
    for await (const bytes of createReadStream(file) as AsyncIterable<Buffer>) hash.update(bytes);
  }
  return hash.digest('hex');
}
