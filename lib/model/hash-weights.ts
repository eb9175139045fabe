import { hashFiles } from '../hash';
import { nonFiniteWeight, notFinite } from './finite';
import type { ModelFolder } from './folder';

/**
 * sha256 over the bytes of a model's weight files, in name order. All that takes long begins with it, so it refuses weights
 * that would make every number NaN. What is computed with the weights follows from `base.config` too.
 *
 * @throws naming a weight with NaN or an infinity in it
 */
export async function hashWeights(base: ModelFolder): Promise<string> {
  const hash = await hashFiles([...new Set(Object.values(base.weights).map((w) => w.file))].sort());
  const broken = await nonFiniteWeight(base.weights);
  if (broken !== undefined) throw new Error(`model: ${base.weights[broken]!.file}: ${notFinite(broken)}`);
  return hash;
}
