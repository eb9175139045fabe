import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJsonObject } from '../json-file';
import { list, withoutWeights } from './folder-advice';
import { readSafetensorsHeader, type StoredTensor } from './safetensors';

const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * Every tensor of a model folder, under the name it was saved. As transformers has it, a whole model.safetensors counts
 * before an index of shards: an index beside it may be left over from an earlier save.
 *
 * @throws saying what lies there where there are no weights, or which shards are missing
 */
export async function storedWeights(folder: string): Promise<Record<string, StoredTensor>> {
  const files = existsSync(join(folder, WHOLE)) ? [WHOLE] : await shards(folder);
  const tensors: Record<string, StoredTensor> = {};
  for (const file of files) Object.assign(tensors, (await readSafetensorsHeader(join(folder, file))).tensors);
  return tensors;
}

async function shards(folder: string): Promise<string[]> {
  const index = join(folder, INDEX);
  if (!existsSync(index)) throw new Error(`model: ${folder} has no ${WHOLE}: ${await withoutWeights(folder)}`);
  const { weight_map: map } = parseJsonObject(await readFile(index, 'utf8'), index, 'model');
  const names = [...new Set(Object.values((map ?? {}) as object))];
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
    throw new Error(`model: ${index}: "weight_map" must name a file for each weight; take the index of the same model`);
  }
  const missing = names.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) {
    const wanted = `${INDEX} names ${missing.length} of ${names.length} files that are not there (${list(missing)})`;
    const advice =
      missing.length < names.length
        ? 'fetch these shards too'
        : `fetch them, or remove the index if it is left over: ${await withoutWeights(folder)}`;
    throw new Error(`model: ${folder}: ${wanted}; ${advice}`);
  }
  return names;
}
