import { existsSync, readFileSync } from 'node:fs';
import { copyFile, readdir, readFile, readlink, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { makeAside, writeFileAtomic } from '../../../files';

/**
 * The Hub's own cache, as huggingface_hub lays it out, so that either reads what the other has fetched:
 *
 *     HF_HUB_CACHE/datasets--org--name/
 *       blobs/ETAG                       the content: ETAG is its sha256 (LFS, Xet) or its git hash
 *       snapshots/COMMIT/data/x.parquet  -> ../../../blobs/ETAG
 *       refs/main                        COMMIT
 *       .med42/COMMIT                    the licence that its card stated: ours alone
 */

export type RepoKind = 'model' | 'dataset';

export interface RepoName {
  readonly type: RepoKind;
  /** 'org/name' */
  readonly id: string;
}

/** Loaded when it is needed: other commands than `fetch` only ask whether a model's name is a folder. */
const library = () => createRequire(__filename)('@huggingface/hub') as typeof import('@huggingface/hub');

/** HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub. */
export const hubCache = (): string => library().getHFHubCachePath();

const folderName = ({ type, id }: RepoName): string => library().getRepoFolderName({ type, name: id });

const repoFolder = (cache: string, repo: RepoName): string => join(cache, folderName(repo));

export const blobPath = (cache: string, repo: RepoName, etag: string): string =>
  join(repoFolder(cache, repo), 'blobs', etag);

export const snapshotFolder = (cache: string, repo: RepoName, commit: string): string =>
  join(repoFolder(cache, repo), 'snapshots', commit);

/** As huggingface_hub has them, beside its own locks. */
export const lockPath = (cache: string, repo: RepoName, etag: string): string =>
  join(cache, '.locks', folderName(repo), `${etag}.med42.lock`);

const COMMIT = /^[0-9a-f]{40}$/;
export const isCommit = (revision: string): boolean => COMMIT.test(revision);

/**
 * Refuses a name that would lie outside the folder that it is joined to: it comes from a server.
 *
 * @throws naming the file
 */
export function assertInside(path: string, what: string): void {
  const parts = path.split(/[\\/]/);
  if (path === '' || parts.some((part) => part === '..' || part === '' || /^[a-zA-Z]:/.test(part))) {
    throw new Error(`fetch: ${what} names the file ${JSON.stringify(path)}, which may not lie outside its folder`);
  }
}

/** Puts a blob into a snapshot under its name, by a relative link; by a copy where links cannot be made (Windows). */
export async function linkIntoSnapshot(blob: string, pointer: string): Promise<void> {
  const target = relative(dirname(pointer), blob);
  const there = await readlink(pointer).catch(() => undefined);
  if (there === target) return;
  // Made aside and renamed: of two processes neither sees the name missing.
  await makeAside(pointer, (aside) =>
    symlink(target, aside).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPERM' && error.code !== 'ENOSYS' && error.code !== 'ENOTSUP') throw error;
      await copyFile(blob, aside);
    }),
  );
}

/** Notes which commit a branch or tag stood for. */
export async function writeRef(cache: string, repo: RepoName, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  assertInside(revision, `the revision of ${repo.id}`);
  const file = join(repoFolder(cache, repo), 'refs', revision);
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known?.trim() !== commit) await writeFileAtomic(file, commit);
}

/** The commit that a revision stood for when it was last asked for; undefined where it never was. */
export function readRef(cache: string, repo: RepoName, revision: string): string | undefined {
  if (isCommit(revision)) return existsSync(snapshotFolder(cache, repo, revision)) ? revision : undefined;
  const file = join(repoFolder(cache, repo), 'refs', revision);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

const licenceFile = (cache: string, repo: RepoName, commit: string): string =>
  join(repoFolder(cache, repo), '.med42', commit);

const writing = new Map<string, Promise<void>>();

/** Keeps what a repository's card said, which is no file that is fetched. Files that come at the same time write it once. */
export async function writeLicence(cache: string, repo: RepoName, commit: string, licence: string): Promise<void> {
  if (readLicence(cache, repo, commit) === licence) return;
  const file = licenceFile(cache, repo, commit);
  const one = writing.get(file) ?? writeFileAtomic(file, licence).finally(() => writing.delete(file));
  writing.set(file, one);
  await one;
}

/** Undefined where the card said nothing, or another program filled the cache. */
export function readLicence(cache: string, repo: RepoName, commit: string): string | undefined {
  const file = licenceFile(cache, repo, commit);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

export interface CachedFile {
  /** Inside the repository, with forward slashes. */
  readonly path: string;
  readonly size: number;
}

/** The files of a snapshot whose content is there, in the order of their names. */
export async function cachedFiles(cache: string, repo: RepoName, commit: string): Promise<CachedFile[]> {
  const root = snapshotFolder(cache, repo, commit);
  const names = await readdir(root, { recursive: true }).catch(() => []);
  const found: CachedFile[] = [];
  for (const name of names.sort()) {
    const path = join(root, name);
    // A link whose blob is gone is no file.
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) found.push({ path: name.replaceAll('\\', '/'), size: info.size });
  }
  return found;
}
