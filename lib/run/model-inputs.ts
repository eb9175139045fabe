import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvalItem } from '../data/examples';
import { type ChunkTensors, hashChunks } from '../data/packing/chunks';
import type { PackingReport } from '../data/packing/packing';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import type { HostTensor, Specs } from '../engine/tensors';
import type { RequestEncoder } from '../eval/encode-request';
import type { LoglikelihoodRequest } from '../eval/requests';
import { requestsToScore } from '../eval/score';
import { writeFileAtomic } from '../files';
import { sha256 } from '../hash';
import { type ModelFolder, openModelFolder } from '../model/folder';
import { readSafetensorsHeader, readTensor, writeSafetensors } from '../model/safetensors';
import { type StoredRequests, storedEncoder, storedRequests } from './encoded-requests';
import type { RunConfig } from './presets';

/**
 * What a model's process works with. The run prepares it once and writes it into its folder:
 *
 *     inputs/HASH/chunks.safetensors    train.tokens, held-out.tokens and so on, each [chunks, T]
 *     inputs/HASH/inputs.json           settings, items, quiz, their questions as token ids, and the hashes of the chunks
 *
 * HASH is that of inputs.json, so that a process reads just what it was started for.
 */
export interface ModelInputs {
  /** With chunks no longer than the model's context. */
  readonly config: RunConfig;
  readonly base: ModelFolder;
  readonly tokenizer: Tokenizer;
  readonly chunks: readonly ChunkTensors[];
  readonly heldOut: readonly ChunkTensors[];
  readonly packing: Pick<PackingReport, 'packing' | 'sha256'>;
  /** Items that can be scored. */
  readonly items: readonly EvalItem[];
  /** Questions outside medicine; null where there are none. */
  readonly quiz: readonly EvalItem[] | null;
  /** Of the requests of items and quiz. */
  readonly encode: RequestEncoder;
}

const CHUNKS_FILE = 'chunks.safetensors';
const INPUTS_FILE = 'inputs.json';
const PARTS = ['tokens', 'targets', 'weights', 'segments', 'positions'] as const;
const SETS = { train: 'chunks', 'held-out': 'heldOut' } as const;

interface Written extends Pick<ModelInputs, 'config' | 'packing' | 'items' | 'quiz'> {
  readonly heldOutSha256: string;
  readonly encoded: StoredRequests;
}

/**
 * Writes what the models of a run share; what lies there already of the same content stays.
 *
 * @param out the run's folder
 * @returns the folder written
 */
export async function writeModelInputs(inputs: Omit<ModelInputs, 'base' | 'tokenizer'>, out: string): Promise<string> {
  const { config, packing, items, quiz, heldOut } = inputs;
  const written: Written = {
    config,
    packing: { packing: packing.packing, sha256: packing.sha256 },
    heldOutSha256: hashChunks(heldOut),
    items,
    quiz,
    encoded: storedRequests(await inputs.encode(requestsOfBoth(inputs))),
  };
  const text = `${JSON.stringify(written)}\n`;
  const folder = join(out, 'inputs', sha256(text));
  // The JSON is written last: where it is, the chunks are whole.
  if ([INPUTS_FILE, CHUNKS_FILE].every((name) => existsSync(join(folder, name)))) return folder;
  const stacked = Object.entries(SETS).flatMap(([set, key]) => stack(set, inputs[key]));
  const tensors = new Map(stacked);
  const specs: Specs = Object.fromEntries(stacked.map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
  await writeSafetensors(join(folder, CHUNKS_FILE), specs, (name) => tensors.get(name)!, { format: 'workbook' });
  await writeFileAtomic(join(folder, INPUTS_FILE), text);
  return folder;
}

/**
 * Reads what `writeModelInputs` wrote, and opens the model and tokenizer that go with it.
 *
 * @throws naming the file, when it is gone or is not what was written
 */
export async function readModelInputs(folder: string, model: string): Promise<ModelInputs> {
  const file = join(folder, INPUTS_FILE);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`reproduce: ${file} cannot be read (${error.code}); start the run again`);
  });
  const damaged = (path: string) =>
    new Error(`reproduce: ${path} is not what the run wrote; start it anew with --fresh`);
  if (!folder.endsWith(sha256(text))) throw damaged(file);
  const { heldOutSha256, encoded, ...rest } = JSON.parse(text) as Written;
  const chunksFile = join(folder, CHUNKS_FILE);
  const { tensors } = await readSafetensorsHeader(chunksFile);
  const read = async (set: keyof typeof SETS) => {
    const parts = PARTS.map(async (part) => {
      const stored = tensors[`${set}.${part}`];
      if (!stored) throw damaged(chunksFile);
      return [part, await readTensor(stored)] as const;
    });
    return unstack(Object.fromEntries(await Promise.all(parts)) as Record<(typeof PARTS)[number], HostTensor>);
  };
  const [chunks, heldOut] = [await read('train'), await read('held-out')];
  if (hashChunks(chunks) !== rest.packing.sha256 || hashChunks(heldOut) !== heldOutSha256) throw damaged(chunksFile);
  const encode = storedEncoder(requestsOfBoth(rest), encoded);
  return {
    ...rest,
    chunks,
    heldOut,
    encode,
    base: await openModelFolder(model),
    tokenizer: await loadTokenizer(model),
  };
}

function requestsOfBoth({
  config,
  items,
  quiz,
}: Pick<ModelInputs, 'config' | 'items' | 'quiz'>): LoglikelihoodRequest[] {
  const { limitPerTask, seed } = config;
  const options = { seed, ...(limitPerTask === null ? {} : { limitPerTask }) };
  return [items, quiz ?? []].flatMap((asked) => requestsToScore(asked, options));
}

function stack(set: string, chunks: readonly ChunkTensors[]): [string, HostTensor][] {
  const length = chunks[0]?.tokens.length ?? 0;
  return PARTS.map((part): [string, HostTensor] => {
    const shape = [chunks.length, length];
    const fill = <T extends Int32Array | Float32Array>(data: T): T => {
      for (const [i, chunk] of chunks.entries()) data.set(chunk[part], i * length);
      return data;
    };
    const size = chunks.length * length;
    return part === 'weights'
      ? [`${set}.${part}`, { shape, dtype: 'float32', data: fill(new Float32Array(size)) }]
      : [`${set}.${part}`, { shape, dtype: 'int32', data: fill(new Int32Array(size)) }];
  });
}

/** Views of the tensors' rows, one chunk each; nothing is copied. */
function unstack(tensors: Readonly<Record<(typeof PARTS)[number], HostTensor>>): ChunkTensors[] {
  const [count = 0, length = 0] = tensors.tokens.shape;
  const row = (part: (typeof PARTS)[number], i: number) => tensors[part].data.subarray(i * length, (i + 1) * length);
  return Array.from({ length: count }, (_, i) => ({
    tokens: row('tokens', i) as Int32Array,
    targets: row('targets', i) as Int32Array,
    weights: row('weights', i) as Float32Array,
    segments: row('segments', i) as Int32Array,
    positions: row('positions', i) as Int32Array,
  }));
}
