import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { float32Specs, type HostTensor, sizeOf } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import { writeSafetensors } from './safetensors';
import { INDEX, WHOLE } from './weight-files';

/** The bytes of a shard, as Hugging Face's programs have it. */
const SHARD_BYTES = 5e9;

/**
 * Writes weights in float32 as one model.safetensors, or as shards of at most `shardBytes` with their index. A tensor that is
 * larger has a shard of its own. One tensor is in memory at a time. Weight files of an earlier save are removed at the end.
 *
 * @returns the paths of the files with the weights
 * Source: huggingface_hub serialization/_base.py, split_state_dict_into_shards_factory (order, names, index)
 */
export async function saveWeights(
  folder: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  read: (name: string) => Promise<HostTensor> | HostTensor,
  shardBytes = SHARD_BYTES,
): Promise<string[]> {
  if (!(shardBytes > 0)) throw new Error(`model: shardBytes must be a positive number of bytes, got ${shardBytes}`);
  const specs = float32Specs(shapes);
  const bytesOf = (name: string) => 4 * sizeOf(shapes[name]!);
  const groups = grouped(Object.keys(shapes), bytesOf, shardBytes);
  const number = (i: number) => String(i).padStart(5, '0');
  const files = groups.map((_, i) =>
    groups.length === 1 ? WHOLE : `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`,
  );
  for (const [i, names] of groups.entries()) {
    const own = Object.fromEntries(names.map((name) => [name, specs[name]!]));
    await writeSafetensors(join(folder, files[i]!), own, read);
  }
  if (groups.length > 1) {
    const map = groups.flatMap((names, i) => names.map((name) => [name, files[i]!] as const));
    const index = {
      metadata: {
        total_parameters: Object.values(shapes).reduce((sum, shape) => sum + sizeOf(shape), 0),
        total_size: Object.keys(shapes).reduce((sum, name) => sum + bytesOf(name), 0),
      },
      weight_map: Object.fromEntries(map.sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    await writeFileAtomic(join(folder, INDEX), `${JSON.stringify(index, null, 2)}\n`);
  }
  const kept = groups.length > 1 ? [...files, INDEX] : files;
  for (const name of await readdir(folder)) {
    const isWeights = name === WHOLE || name === INDEX || /^model-\d{5}-of-\d{5}\.safetensors$/.test(name);
    if (isWeights && !kept.includes(name)) await unlink(join(folder, name));
  }
  return files.map((name) => join(folder, name));
}

/** Names in their order, as many in a group as its bytes allow. */
function grouped(names: readonly string[], bytesOf: (name: string) => number, most: number): string[][] {
  const groups: string[][] = [[]];
  let bytes = 0;
  for (const name of names) {
    if (bytes > 0 && bytes + bytesOf(name) > most) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(name);
    bytes += bytesOf(name);
  }
  return groups;
}
