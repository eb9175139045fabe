import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EvalItem } from '../data/examples';
import { type Chunk, type ChunkList, hashChunks } from '../data/packing/chunks';
import type { Packing, PackingReport } from '../data/packing/packing';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import type { RequestEncoder } from '../eval/encode-request';
import type { LoglikelihoodRequest } from '../eval/requests';
import { requestsToScore } from '../eval/score';
import { writeFileAtomic } from '../files';
import { sha256 } from '../hash';
import { type ModelFolder, openModelFolder } from '../model/folder';
import { type ChunkFile, openChunkFile, writeChunkFile } from '../train/chunk-file';
import { type StoredRequests, storedEncoder, storedRequests } from './encoded-requests';
import type { RunConfig } from './presets';

/**
 * What a model's process works with. The run prepares it once and writes it into its folder:
 *
 *     inputs/HASH/train.safetensors, held-out.safetensors    chunks, as `chunk-file.ts` describes them
 *     inputs/HASH/inputs.json     settings, items, quiz, their questions as token ids, the chunks' files and hashes
 *
 * HASH is that of inputs.json, so that a process reads just what it was started for. Chunks that lie in files already
 * (`mixed-training.ts`) stay there, and inputs.json says where.
 */
export interface ModelInputs {
  /** With chunks no longer than the model's context. */
  readonly config: RunConfig;
  readonly base: ModelFolder;
  readonly tokenizer: Tokenizer;
  readonly chunks: ChunkList;
  readonly heldOut: ChunkList;
  readonly packing: Pick<PackingReport, 'packing' | 'sha256'>;
  /** Items that can be scored. */
  readonly items: readonly EvalItem[];
  /** Questions outside medicine; null where there are none. */
  readonly quiz: readonly EvalItem[] | null;
  /** Of the requests of items and quiz. */
  readonly encode: RequestEncoder;
}

const INPUTS_FILE = 'inputs.json';
const SETS = { train: 'chunks', 'held-out': 'heldOut' } as const;

/** Chunks as a run has made them: with what each was made from, or in a file that says it. */
export type MadeChunks = readonly Chunk[] | ChunkFile;

/** What `writeModelInputs` is given. */
export type InputsToWrite = Omit<ModelInputs, 'base' | 'tokenizer' | 'chunks' | 'heldOut'> &
  Readonly<Record<(typeof SETS)[keyof typeof SETS], MadeChunks>>;

interface Written extends Pick<ModelInputs, 'config' | 'packing' | 'items' | 'quiz'> {
  readonly heldOutSha256: string;
  /** Of each set: from here, or wherever it lies. */
  readonly files: Readonly<Record<keyof typeof SETS, string>>;
  readonly encoded: StoredRequests;
}

/**
 * Writes what the models of a run share; what lies there already of the same content stays.
 *
 * @param out the run's folder
 * @returns the folder written
 */
export async function writeModelInputs(inputs: InputsToWrite, out: string): Promise<string> {
  const { config, packing, items, quiz, heldOut } = inputs;
  const written: Written = {
    config,
    packing: { packing: packing.packing, sha256: packing.sha256 },
    heldOutSha256: hashChunks(heldOut),
    files: { train: placeOf('train', inputs.chunks), 'held-out': placeOf('held-out', heldOut) },
    items,
    quiz,
    encoded: storedRequests(await inputs.encode(requestsOfBoth(inputs))),
  };
  const text = `${JSON.stringify(written)}\n`;
  const folder = join(out, 'inputs', sha256(text));
  const place = (set: keyof typeof SETS) => resolve(folder, written.files[set]);
  // The JSON is written last: where it is, the chunks are whole.
  if ([join(folder, INPUTS_FILE), place('train'), place('held-out')].every((file) => existsSync(file))) return folder;
  for (const set of Object.keys(SETS) as (keyof typeof SETS)[]) {
    const chunks = inputs[SETS[set]];
    if (isArray(chunks)) await writeChunks(place(set), packing.packing, chunks);
  }
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
  const { heldOutSha256, files, encoded, ...rest } = JSON.parse(text) as Written;
  const read = async (set: keyof typeof SETS, sha256: string): Promise<ChunkList> => {
    const chunks = await openChunkFile(resolve(folder, files[set]));
    if (hashChunks(chunks) !== sha256) throw damaged(chunks.file);
    return chunks;
  };
  const chunks = await read('train', rest.packing.sha256);
  const heldOut = await read('held-out', heldOutSha256);
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

const isArray = (chunks: MadeChunks): chunks is readonly Chunk[] => Array.isArray(chunks);

const placeOf = (set: string, chunks: MadeChunks): string => (isArray(chunks) ? `${set}.safetensors` : chunks.file);

function writeChunks(file: string, packing: Packing, chunks: readonly Chunk[]): Promise<void> {
  const sources: string[] = [];
  for (const { spans } of chunks) for (const { sample, source } of spans) sources[sample] = source;
  const length = chunks[0]?.tokens.length ?? 0;
  // A sample that no chunk holds has left a hole.
  const named = Array.from(sources, (source) => source ?? '');
  return writeChunkFile(file, { packing, length, count: chunks.length, sources: named }, chunks);
}
