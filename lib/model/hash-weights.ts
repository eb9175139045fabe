import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { nonFiniteWeight, notFinite } from './finite';
import type { ModelFolder } from './folder';

/**
 * sha256 over the bytes of a model's weight files, in name order. All that takes long begins with it, so it refuses weights
 * that would make every number NaN.
 *
 * @throws naming a weight with NaN or an infinity in it
 */
export async function hashWeights(base: ModelFolder): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [...new Set(Object.values(base.weights).map((w) => w.file))].sort()) {
    for await (const bytes of createReadStream(file) as AsyncIterable<Buffer>) hash.update(bytes);
  }
  const broken = await nonFiniteWeight(base.weights);
  if (broken !== undefined) throw new Error(`model: ${base.weights[broken]!.file}: ${notFinite(broken)}`);
  return hash.digest('hex');
}
