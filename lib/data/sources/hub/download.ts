import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lockFile } from '../../../lock';
import { body, Cut, checkAnswer, grew } from './answer';
import { type Client, FetchError } from './http';

/** One file to be had, and by what it is known to be whole. */
export interface Wanted {
  /** How messages call it. */
  readonly name: string;
  readonly url: string;
  /** Where it goes. */
  readonly path: string;
  /** Held while it is fetched, so that two processes fetch it once. */
  readonly lock: string;
  /** Undefined where the server does not say it beforehand. */
  readonly size: number | undefined;
  /** Of LFS and Xet files, in hexadecimal. */
  readonly sha256?: string | undefined;
  /** Of files that lie in git itself: sha1 of 'blob SIZE\0' and the content. */
  readonly gitSha1?: string | undefined;
}

export interface DownloadOptions {
  readonly say?: ((line: string) => void) | undefined;
  /** Told the bytes that came, and negative ones where they had to be thrown away. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Downloaded {
  /** Bytes that came over the network now. */
  readonly fetched: number;
  readonly size: number;
}

/** Not huggingface_hub's name for its own unfinished files: that one writes them without asking for this lock. */
export const partPath = (path: string): string => `${path}.med42.incomplete`;
/** A day: the other process fetches as long as it takes. */
const PATIENCE_MS = 24 * 3600_000;

/**
 * Fetches a file into its place, where it is whole or not there: what has come lies beside it, and is carried on from
 * by a Range request, now or by the next process. Size and hash are checked before the file gets its name.
 *
 * @throws naming the file and what came of it; what is whole so far stays
 */
export async function download(client: Client, wanted: Wanted, options: DownloadOptions = {}): Promise<Downloaded> {
  const { name, path, lock } = wanted;
  const there = async () => (await stat(path).catch(() => undefined))?.size;
  const already = await there();
  if (already !== undefined) return { fetched: 0, size: already };
  await mkdir(dirname(path), { recursive: true });
  const { release } = await lockFile(
    lock,
    PATIENCE_MS,
    ({ pid, host }) =>
      new Error(
        `fetch: process ${pid} on ${host} has held ${name} for a day; if there is no such process, delete ${lock}`,
      ),
    ({ pid, host }) => options.say?.(`${name} is being fetched by process ${pid} on ${host}: waiting for it`),
  );
  try {
    const meanwhile = await there();
    if (meanwhile !== undefined) return { fetched: 0, size: meanwhile };
    return await fetchWhole(client, wanted, options);
  } finally {
    release();
  }
}

async function fetchWhole(client: Client, wanted: Wanted, options: DownloadOptions): Promise<Downloaded> {
  const { name, path } = wanted;
  const part = partPath(path);
  let fetched = 0;
  for (let again = false; ; again = true) {
    const { hashes, size, came } = await fillPart(client, wanted, part, options);
    fetched += came;
    const wrong = mismatch(wanted, hashes);
    if (wrong === undefined) {
      await rename(part, path);
      return { fetched, size };
    }
    await rm(part, { force: true });
    options.onBytes?.(-size);
    if (again) {
      throw new Error(
        `fetch: ${name} came twice with another content: ${wrong}; nothing of it is kept. Ask for it later, or of another HF_ENDPOINT`,
      );
    }
    options.say?.(`${name}: ${wrong}; fetching it again`);
  }
}

interface Hashes {
  readonly sha256: Hash;
  readonly gitSha1: Hash | undefined;
}

function mismatch({ sha256, gitSha1 }: Wanted, hashes: Hashes): string | undefined {
  const differs = (what: string, expected: string | undefined, hash: Hash | undefined) => {
    const got = expected === undefined ? undefined : hash?.digest('hex');
    return got === undefined || got === expected ? undefined : `${what} must be ${expected}, got ${got}`;
  };
  return differs('sha256', sha256, hashes.sha256) ?? differs('git hash', gitSha1, hashes.gitSha1);
}

/** Brings the part to its whole length, over as many requests as that takes. */
async function fillPart(
  client: Client,
  wanted: Wanted,
  part: string,
  { say, onBytes, signal }: DownloadOptions,
): Promise<{ readonly hashes: Hashes; readonly size: number; readonly came: number }> {
  const { name, url } = wanted;
  let size = wanted.size;
  let have = (await stat(part).catch(() => undefined))?.size ?? 0;
  // Without a size there is no telling whether a part is the whole, nor of which version it is.
  const keep = size !== undefined && have <= size;
  const file = await open(part, keep ? 'a' : 'w');
  if (!keep) have = 0;
  try {
    const hashes = startHashes(wanted);
    if (have > 0) {
      for await (const bytes of createReadStream(part, { end: have - 1 }) as AsyncIterable<Buffer>) feed(hashes, bytes);
      say?.(`${name}: ${have} of ${size} bytes are there; going on from them`);
      onBytes?.(have);
    }
    if (size !== undefined) await assertRoom(part, name, size - have);
    let came = 0;
    for (let attempt = 0; size === undefined || have < size; attempt++) {
      const before = have;
      let why: string;
      try {
        const response = await client.request(url, {
          headers: have > 0 ? { range: `bytes=${have}-` } : {},
          ...(signal ? { signal } : {}),
        });
        const answer = await checkAnswer(response, name, have, size);
        size = answer.size;
        let skip = answer.skip;
        for await (const piece of body(response, client.patience)) {
          const bytes = piece.subarray(skip);
          skip -= piece.length - bytes.length;
          if (size !== undefined && have + bytes.length > size) throw grew(name, size, `more than ${size} bytes`);
          await write(file, bytes, name, part, have, size);
          feed(hashes, bytes);
          have += bytes.length;
          came += bytes.length;
          onBytes?.(bytes.length);
        }
        if (size === undefined) break;
        why = `${name} ended after ${have} of ${size} bytes`;
      } catch (error) {
        if (!(error instanceof Cut)) throw error;
        why = `${name} was cut off after ${have}${size === undefined ? '' : ` of ${size}`} bytes (${error.message})`;
      }
      if (have === size) break;
      if (have > before) attempt = -1;
      if (attempt >= client.retries) {
        throw new FetchError(
          `fetch: ${why}, ${attempt + 1} times without one more; they are kept: the same command goes on from there`,
          undefined,
          undefined,
        );
      }
      if (size === undefined)
        throw new FetchError(
          `fetch: ${why}; its server cannot go on from there: run the same command again`,
          undefined,
          undefined,
        );
      await client.wait(Math.max(attempt, 0), why);
    }
    await file.sync();
    return { hashes, size: have, came };
  } finally {
    await file.close();
  }
}

function startHashes({ size, gitSha1 }: Wanted): Hashes {
  const git = gitSha1 === undefined || size === undefined ? undefined : createHash('sha1').update(`blob ${size}\0`);
  return { sha256: createHash('sha256'), gitSha1: git };
}

function feed({ sha256, gitSha1 }: Hashes, bytes: Uint8Array): void {
  sha256.update(bytes);
  gitSha1?.update(bytes);
}

async function write(
  file: FileHandle,
  bytes: Uint8Array,
  name: string,
  part: string,
  have: number,
  size: number | undefined,
): Promise<void> {
  try {
    await file.writeFile(bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') throw error;
    throw noRoom(part, name, size === undefined ? undefined : size - have, code, error);
  }
}

/** Bytes that a folder's disk has left; the folder itself need not be there yet. */
export async function freeBytes(folder: string): Promise<number> {
  const free = await statfs(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(folder) === folder) throw error;
    return undefined;
  });
  return free ? free.bavail * free.bsize : freeBytes(dirname(folder));
}

/** @throws where the disk has less room than the file needs, before a byte is asked for */
async function assertRoom(part: string, name: string, needed: number): Promise<void> {
  const free = await freeBytes(dirname(part));
  if (free < needed) throw noRoom(part, name, needed, `${free} bytes are free`);
}

const noRoom = (part: string, name: string, needed: number | undefined, why: string, cause?: unknown): Error =>
  new Error(
    `fetch: no space for ${name} in ${dirname(part)}: ${needed ?? 'more'} bytes are needed (${why}); free some, or set HF_HUB_CACHE to another disk, and run the same command again`,
    { cause },
  );
