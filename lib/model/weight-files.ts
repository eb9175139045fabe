import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import * as v from 'valibot';
import { parseJsonObject, readSmallFile } from '../json-file';
import { checkFields, looseFields, record, text } from '../schema';
import { list, withoutWeights } from './folder-advice';
import { readSafetensorsHeader, type StoredTensor } from './safetensors';

export const WHOLE = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/**
 * `total_size` is not compared with the shards: savers count tied or converted tensors in different ways, and every
 * tensor's size is checked by itself.
 */
const INDEX_FIELDS = looseFields(
  {
    metadata: looseFields({ total_size: v.pipe(v.number('a number of bytes'), v.minValue(0, 'a number of bytes')) }),
  },
  { weight_map: record(v.pipe(text, v.nonEmpty('the name of a file')), 'an object of files by weight') },
);

/**
 * Every tensor of a model folder, under the name it was saved. As transformers has it, a whole model.safetensors counts
 * before an index of shards: an index beside it may be left over from an earlier save.
 *
 * @param isUsed whether the model has a weight that a name stands for
 * @param isOptional whether the model can do without it: an index may list a tied output matrix that no shard has
 * @throws saying what lies there where there are no weights, which shards are missing, or what the index says wrongly
 */
export async function storedWeights(
  folder: string,
  { isUsed, isOptional }: Readonly<Record<'isUsed' | 'isOptional', (name: string) => boolean>>,
): Promise<Record<string, StoredTensor>> {
  if (existsSync(join(folder, WHOLE))) return (await readSafetensorsHeader(join(folder, WHOLE))).tensors;
  const file = join(folder, INDEX);
  if (!existsSync(file)) throw new Error(`model: ${folder} has no ${WHOLE}: ${await withoutWhole(folder)}`);
  const map = await readIndex(folder, file);
  const tensors: Record<string, StoredTensor> = {};
  const shardOf = new Map<string, string>();
  const refuse = (what: string): never => {
    throw new Error(`model: ${file} ${what}; take the index and all shards from the same model`);
  };
  for (const shard of new Set(map.values())) {
    for (const [name, tensor] of Object.entries((await readSafetensorsHeader(join(folder, shard))).tensors)) {
      const other = shardOf.get(name);
      if (other !== undefined) refuse(`names two shards that hold "${name}", ${other} and ${shard}`);
      shardOf.set(name, shard);
      tensors[name] = tensor;
    }
  }
  for (const [name, shard] of map) {
    const place = shardOf.get(name);
    if (place === shard || !isUsed(name) || (place === undefined && isOptional(name))) continue;
    refuse(`says that "${name}" is in ${shard}, which has it not${place === undefined ? '' : ` (it is in ${place})`}`);
  }
  for (const [name, shard] of shardOf) {
    if (!map.has(name) && isUsed(name)) refuse(`does not list "${name}", which is in ${shard}`);
  }
  return tensors;
}

/** The shard of each weight; every shard is there, in the folder or below it. */
async function readIndex(folder: string, file: string): Promise<Map<string, string>> {
  const json = parseJsonObject((await readSmallFile(file, 'model')).toString('utf8'), file, 'model');
  const advice = 'take the index of the same model';
  const map = new Map(Object.entries(checkFields(INDEX_FIELDS, json, `model: ${file}`, advice).weight_map));
  if (map.size === 0) throw new Error(`model: ${file}: "weight_map" must name a file for each weight; ${advice}`);
  const names = [...new Set(map.values())];
  const outside = names.find((name) => isAbsolute(name) || /^[A-Za-z]:|^\\/.test(name) || isAbove(name));
  if (outside !== undefined) {
    throw new Error(`model: ${file}: "weight_map" must name files in its own folder, got "${outside}"; ${advice}`);
  }
  const missing = names.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) {
    const wanted = `${INDEX} names ${missing.length} of ${names.length} files that are not there (${list(missing)})`;
    const remedy =
      missing.length < names.length
        ? 'fetch these shards too'
        : `fetch them, or remove the index if it is left over: ${await withoutWeights(folder)}`;
    throw new Error(`model: ${folder}: ${wanted}; ${remedy}`);
  }
  return map;
}

const isAbove = (name: string): boolean => normalize(name).split(/[\\/]/).includes('..');

/** Where model.safetensors is not there, or is a link that leads nowhere. */
async function withoutWhole(folder: string): Promise<string> {
  const entry = await lstat(join(folder, WHOLE)).catch(() => undefined);
  if (entry?.isSymbolicLink()) return `${WHOLE} is a link to a file that is not there; fetch the model again`;
  return withoutWeights(folder);
}
