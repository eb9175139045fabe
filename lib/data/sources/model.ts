import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { looseFields, readFields, record, text } from '../../schema';
import { hubCache, readRef, snapshotFolder } from './hub/cache';
import type { DownloadOptions } from './hub/download';
import type { Client } from './hub/http';
import { openRepo, type Repo, type RepoFile } from './hub/repo';
import { fetchRepoFile, noteRevision } from './hub/snapshot';

/** What a checkpoint needs beside its weights, where it has it. */
const BESIDE = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'LICENSE',
  'LICENSE.txt',
  'LICENSE.md',
  'USE_POLICY.md',
]);
const INDEX = 'model.safetensors.index.json';
const INDEX_FIELDS = looseFields({}, { weight_map: record(text, 'an object of files by weight') });
const WHOLE = 'model.safetensors';

/** A checkpoint's files on the Hub, chosen but not fetched. */
export interface ModelPlan {
  readonly repo: Repo;
  /** Config, tokenizer and index. */
  readonly small: readonly RepoFile[];
  /** Safetensors: pickles are never fetched. */
  readonly weights: readonly RepoFile[];
  /** Of all of them. */
  readonly bytes: number;
}

/**
 * Chooses a checkpoint's files: config, tokenizer, and the safetensors at the repository's top.
 *
 * @throws when the repository has no config or no safetensors
 */
export async function planModel(client: Client, id: string, revision?: string): Promise<ModelPlan> {
  const repo = await openRepo(client, { type: 'model', id }, revision);
  const has = (path: string) => repo.files.find((file) => file.path === path);
  if (!has('config.json')) throw new Error(`fetch: ${id} has no config.json; it is no Hugging Face checkpoint`);
  const shards = repo.files.filter(({ path }) => /^model-\d+-of-\d+\.safetensors$/.test(path));
  const whole = has(WHOLE);
  const weights = has(INDEX) ? shards : whole ? [whole] : [];
  if (weights.length === 0) {
    const pickles = repo.files.filter(({ path }) => /\.(bin|pth|pt)$/.test(path)).map(({ path }) => path);
    throw new Error(
      `fetch: ${id} has no ${WHOLE} and no ${INDEX} with its shards` +
        `${pickles.length > 0 ? `, only pickles (${pickles.slice(0, 3).join(', ')}), which are not read` : ''}; ` +
        'ask for a revision that has safetensors with --revision, or convert it with transformers',
    );
  }
  const small = repo.files.filter(({ path }) => BESIDE.has(path) || (path === INDEX && weights === shards));
  return { repo, small, weights, bytes: [...small, ...weights].reduce((sum, { size }) => sum + size, 0) };
}

/**
 * Fetches a planned checkpoint into the Hub's cache.
 *
 * @returns its snapshot's folder, which other commands take as a model
 * @throws when the index names a shard that the repository has not
 */
export async function fetchModel(
  client: Client,
  plan: ModelPlan,
  atOnce: number,
  options: DownloadOptions = {},
  cache: string = hubCache(),
): Promise<{ readonly folder: string; readonly fetched: number }> {
  const { repo, small, weights } = plan;
  let fetched = 0;
  const get = async (file: RepoFile) => {
    fetched += (await fetchRepoFile(client, cache, repo, file, options)).fetched;
  };
  for (const file of small) await get(file);
  const folder = snapshotFolder(cache, repo, repo.commit);
  const wanted = await namedByIndex(folder, weights, repo.id);
  const queue = [...wanted];
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) await get(file);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, wanted.length) }, worker));
  await noteRevision(cache, repo);
  return { folder, fetched };
}

/** The shards that the index names; without one the only file. */
async function namedByIndex(folder: string, weights: readonly RepoFile[], id: string): Promise<readonly RepoFile[]> {
  const file = join(folder, INDEX);
  if (weights[0]!.path === WHOLE || !existsSync(file)) return weights;
  const remedy = 'ask whoever publishes the model, or fetch another revision';
  const index = await readFields(INDEX_FIELDS, file, 'fetch', remedy);
  const names = [...new Set(Object.values(index?.weight_map ?? {}))].sort();
  return names.map((name) => {
    const shard = weights.find(({ path }) => path === name);
    if (!shard)
      throw new Error(`fetch: the index of ${id} names the shard ${JSON.stringify(name)}, which the repository lacks`);
    return shard;
  });
}

/** 'org/name', with a revision after an @ where one is wanted. */
export const HUB_ID = /^(\w[\w.-]*\/\w[\w.-]*)(?:@([\w./-]+))?$/;

/**
 * The folder that a model's name stands for: a folder by its path, or a Hub id by what the cache has of it.
 *
 * @param given as the user wrote it: a path, or 'org/name' with or without '@revision'
 * @param from what a path is relative to
 * @param at the cache; default the Hub's own
 * @throws when it is no folder, looks like a Hub id, and the cache does not have it
 */
export function modelFolderOf(given: string, from: string, at?: string): string {
  const found = modelOrName(given, from, at);
  const [, id] = HUB_ID.exec(given) ?? [];
  if (found !== given || id === undefined) return found;
  throw new Error(
    `model: there is no folder ${resolve(from, given)}, and the cache ${at ?? hubCache()} has no model ${given}; give a ` +
      `folder, or fetch it with \`med42 fetch --model ${id}\``,
  );
}

/** As `modelFolderOf`; a Hub id that the cache does not have comes back as it was given. */
export function modelOrName(given: string, from: string, at?: string): string {
  const folder = resolve(from, given);
  const [, id, revision = 'main'] = HUB_ID.exec(given) ?? [];
  if (existsSync(folder) || id === undefined) return folder;
  const repo = { type: 'model', id } as const;
  const cache = at ?? hubCache();
  const commit = readRef(cache, repo, revision);
  return commit === undefined ? given : snapshotFolder(cache, repo, commit);
}
