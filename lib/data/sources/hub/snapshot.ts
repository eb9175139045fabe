import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { blobPath, linkIntoSnapshot, lockPath, type RepoName, snapshotFolder, writeLicence, writeRef } from './cache';
import { type DownloadOptions, download } from './download';
import type { Client } from './http';
import { explain, type Repo, type RepoFile } from './repo';

/**
 * The token that huggingface_hub would use: HF_TOKEN, else the file that `hf auth login` writes.
 */
export async function hubToken(): Promise<string | undefined> {
  const given = process.env.HF_TOKEN?.trim();
  if (given) return given;
  const home = process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const text = await readFile(process.env.HF_TOKEN_PATH ?? join(home, 'token'), 'utf8').catch(() => '');
  return text.trim() || undefined;
}

/** Whether HF_HUB_OFFLINE forbids the network, in the words that huggingface_hub takes. */
export const isOffline = (): boolean => /^(1|true|yes|on)$/i.test(process.env.HF_HUB_OFFLINE ?? '');

/**
 * The paths that a pattern names: itself, or, where it has a `*`, all that fit (`*` stands for no slash).
 */
export function matching<File extends { readonly path: string }>(files: readonly File[], pattern: string): File[] {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  const form = new RegExp(`^${escaped}$`);
  return files.filter(({ path }) => form.test(path));
}

/**
 * Fetches one file of a repository into the Hub's cache, and links it into the snapshot. A Xet file comes by the same
 * address as an LFS one, for plain HTTP can go on from any byte.
 *
 * Differs: @huggingface/hub's own `downloadFileToCacheDir` begins anew each time, checks no hash, tries once, and gives
 * two processes one unfinished file.
 *
 * @returns its path in the snapshot, and the bytes that came over the network
 */
export async function fetchRepoFile(
  client: Client,
  cache: string,
  repo: Repo,
  file: RepoFile,
  options: DownloadOptions = {},
): Promise<{ readonly path: string; readonly fetched: number }> {
  const { type, id, commit, licence } = repo;
  const blob = blobPath(cache, repo, file.etag);
  const encoded = file.path.split('/').map(encodeURIComponent).join('/');
  try {
    // Before any file: the licence must be known wherever the files are.
    if (licence !== undefined) await writeLicence(cache, repo, commit, licence);
    const { fetched } = await download(
      client,
      {
        name: `${id}/${file.path}`,
        url: `${client.endpoint}/${type === 'dataset' ? 'datasets/' : ''}${id}/resolve/${commit}/${encoded}`,
        path: blob,
        lock: lockPath(cache, repo, file.etag),
        size: file.size,
        sha256: file.sha256,
        gitSha1: file.gitSha1,
      },
      options,
    );
    const path = join(snapshotFolder(cache, repo, commit), ...file.path.split('/'));
    await linkIntoSnapshot(blob, path);
    return { path, fetched };
  } catch (error) {
    throw explain(error, client, repo, repo.revision);
  }
}

/** Notes which commit the revision was, once its files are there. */
export const noteRevision = (cache: string, repo: Repo): Promise<void> =>
  writeRef(cache, repo as RepoName, repo.revision, repo.commit);
