import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ARCHIVE, type GithubPlace, type HubPlace, type Place } from './catalogue/entry';
import type { RawFile } from './convert';
import { blobPath, isCommit, snapshotFolder } from './hub/cache';
import { download } from './hub/download';
import { type Client, FetchError } from './hub/http';
import { openCachedRepo, openRepo, type Repo, type RepoFile } from './hub/repo';
import { fetchRepoFile, matching, noteRevision } from './hub/snapshot';

/** One file that a source needs: whether it is here, and how it comes here. */
export interface Located {
  readonly place: Place;
  readonly path: string;
  /** Undefined where its server does not say. */
  readonly size: number | undefined;
  readonly isHere: boolean;
  /** Brings it here; a file that is here already is not asked for. */
  get(options: GetOptions): Promise<RawFile & { readonly fetched: number }>;
}

export interface GetOptions {
  readonly say?: ((line: string) => void) | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LocatedPlace {
  readonly place: Place;
  /** Of the files. */
  readonly commit: string;
  /** As its card says. */
  readonly licence: string | undefined;
  readonly files: readonly Located[];
  /** Optional files that this place lacks. */
  readonly lacking: readonly string[];
  /** Called once all its files are here. */
  done(): Promise<void>;
}

export interface Where {
  readonly client: Client;
  /** The Hub's cache. */
  readonly cache: string;
  /** For files that are not the Hub's. */
  readonly raw: string;
  readonly offline: boolean;
  /** Where GitHub's raw files are, and its archives. */
  readonly github: string;
  readonly archives: string;
  readonly say?: ((line: string) => void) | undefined;
}

/** GitHub's two hosts of files. */
export const GITHUB = { github: 'https://raw.githubusercontent.com', archives: 'https://codeload.github.com' } as const;

/**
 * Finds the files of a place, without fetching them: on the Hub, or in its cache where the network is not allowed,
 * not there, or not needed.
 *
 * @throws FetchError where the place cannot be had; naming the files that it should have and has not
 */
export const locate = (place: Place, where: Where): Promise<LocatedPlace> =>
  place.at === 'hub' ? locateHub(place, where) : locateGithub(place, where);

async function locateHub(place: HubPlace, where: Where): Promise<LocatedPlace> {
  const { client, cache, offline, say } = where;
  const name = { type: 'dataset', id: place.id } as const;
  const { revision = 'main' } = place;
  const cached = async () => {
    const { commit, licence, files } = await openCachedRepo(cache, name, revision);
    const root = snapshotFolder(cache, name, commit);
    return { commit, licence, ...choose(place, files, `the cache ${cache}`), root };
  };
  const fromCache = async (): Promise<LocatedPlace> => {
    const { commit, licence, chosen, lacking, root } = await cached();
    const files = chosen.map(({ path, size }): Located => {
      const file = { place, path, disk: join(root, ...path.split('/')), fetched: 0 };
      return { place, path, size, isHere: true, get: async () => file };
    });
    return { place, commit, licence, files, lacking, done: async () => {} };
  };
  if (offline) return fromCache();
  // A pinned commit cannot have changed: what the cache has whole needs no network.
  if (isCommit(revision) && place.optional === undefined && !place.files.some((file) => file.includes('*'))) {
    const whole = await fromCache().catch(() => undefined);
    if (whole) return whole;
  }
  let repo: Repo;
  try {
    repo = await openRepo(client, name, revision);
  } catch (error) {
    if (!(error instanceof FetchError) || error.status !== undefined) throw error;
    const whole = await fromCache().catch(() => undefined);
    if (!whole) throw error;
    say?.(
      `${place.id}: ${error.message.replace(/^fetch: /, '')}; the cache has it at ${whole.commit.slice(0, 7)}: that is used`,
    );
    return whole;
  }
  const { chosen, lacking } = choose(place, repo.files, `the Hub at ${repo.commit.slice(0, 7)}`);
  const files = chosen.map((file): Located => {
    const { path, size } = file;
    const get = async (options: GetOptions) => {
      const { path: disk, fetched } = await fetchRepoFile(client, cache, repo, file, options);
      return { place, path, disk, fetched };
    };
    return { place, path, size, isHere: existsSync(blobPath(cache, repo, file.etag)), get };
  });
  return { place, commit: repo.commit, licence: repo.licence, files, lacking, done: () => noteRevision(cache, repo) };
}

/** The files that a place names, in its order. */
function choose<File extends RepoFile | { readonly path: string; readonly size: number }>(
  { id, files, optional = [] }: HubPlace,
  there: readonly File[],
  where: string,
): { readonly chosen: File[]; readonly lacking: string[] } {
  const find = (pattern: string) => ({ pattern, found: matching(there, pattern) });
  const needed = files.map(find);
  const missing = needed.filter(({ found }) => found.length === 0).map(({ pattern }) => pattern);
  const others = optional.map(find);
  const chosen = [...needed, ...others].flatMap(({ found }) => found);
  for (const { pattern, found } of needed) {
    // A cache may hold some of a pattern's files; their names tell of how many.
    const shards = Number(/-of-(\d+)/.exec(found[0]?.path ?? '')?.[1] ?? found.length);
    if (pattern.includes('*') && found.length !== 0 && found.length !== shards) {
      throw new Error(`fetch: ${id} must have ${shards} files ${pattern}, ${where} has ${found.length} of them`);
    }
  }
  if (missing.length > 0 || chosen.length === 0) {
    const has = there.map(({ path }) => path).slice(0, 8);
    throw new Error(
      `fetch: ${id} must have ${(missing.length > 0 ? missing : optional).slice(0, 8).join(', ')}, which ${where} lacks; ` +
        `it has ${has.join(', ') || 'no file'}${there.length > has.length ? ` and ${there.length - has.length} more` : ''}`,
    );
  }
  return { chosen, lacking: others.filter(({ found }) => found.length === 0).map(({ pattern }) => pattern) };
}

async function locateGithub(place: GithubPlace, where: Where): Promise<LocatedPlace> {
  const { id, revision, optional = [] } = place;
  const files: Located[] = [];
  const lacking: string[] = [];
  for (const path of place.files) files.push(await locateGithubFile(place, path, where));
  for (const path of optional) {
    const found = await locateGithubFile(place, path, where).catch((error) => {
      if (where.offline || (error instanceof FetchError && error.status === 404)) return undefined;
      throw error;
    });
    if (found) files.push(found);
    else lacking.push(path);
  }
  if (files.length === 0) {
    throw new Error(
      where.offline
        ? `fetch: no file of ${id} is in ${where.raw}, and HF_HUB_OFFLINE forbids the network; unset it and fetch it once`
        : `fetch: ${id} must have ${optional.slice(0, 8).join(', ')}, which it lacks at ${revision.slice(0, 7)}`,
    );
  }
  return { place, commit: revision, licence: undefined, files, lacking, done: async () => {} };
}

async function locateGithubFile(
  place: GithubPlace,
  path: string,
  { client, raw, offline, github, archives }: Where,
): Promise<Located> {
  const { id, revision } = place;
  const disk = join(raw, 'github', ...id.split('/'), revision, ...path.split('/'));
  const here = existsSync(disk);
  if (!here && offline) {
    throw new Error(
      `fetch: ${id}/${path} is not in ${raw}, and HF_HUB_OFFLINE forbids the network; unset it and fetch it once`,
    );
  }
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const url = path === ARCHIVE ? `${archives}/${id}/tar.gz/${revision}` : `${github}/${id}/${revision}/${encoded}`;
  const size = here ? statSync(disk).size : await sizeOf(client, url);
  const wanted = { name: `${id}/${path}`, url, path: disk, lock: `${disk}.lock`, size };
  const get = async (options: GetOptions) => {
    const { fetched } = await download(client, wanted, options);
    return { place, path, disk, fetched };
  };
  return { place, path, size, isHere: here, get };
}

async function sizeOf(client: Client, url: string): Promise<number | undefined> {
  const response = await client.request(url, { method: 'HEAD' });
  const length = response.headers.get('content-length');
  return length === null ? undefined : Number(length);
}
