import { appendFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The workbook's own folder, from lib/ and from dist/ alike. */
export const WORKBOOK_ROOT = join(__dirname, '..');

/**
 * A path as people write it: a shell leaves `~/` as it is inside quotes, after `=`, and in files.
 */
export const withHome = (path: string): string => (/^~(?=$|[\\/])/.test(path) ? join(homedir(), path.slice(1)) : path);

/**
 * Writes a file so that it is never seen half-written: aside, fsync, rename.
 * When the writing fails (a full disk, say) the old file stays and the new one is removed.
 *
 * @param content the whole text or bytes, or a function that writes to the open file piece by piece
 * @throws with the path and what to do when the disk is full
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | ((file: FileHandle) => Promise<void>),
): Promise<void> {
  await makeAside(path, async (aside) => {
    const file = await open(aside, 'w');
    try {
      if (typeof content === 'function') await content(file);
      else await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/**
 * Puts a file in its place whole: what makes it is given a path beside that one. What killed processes left there is removed.
 *
 * @throws with the path and what to do when the disk is full; nothing is left beside then
 */
export async function makeAside(path: string, make: (aside: string) => Promise<void>): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeLeftOver(path);
    await make(aside);
    await rename(aside, path);
  } catch (error) {
    await unlink(aside).catch(() => {});
    throw describeWriteError(path, error);
  }
}

async function removeLeftOver(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (leftOverOf(name) === basename(path)) await unlink(join(folder, name)).catch(() => {});
  }
}

/** The file aside of which a killed process left one of this name; undefined where none did. */
export function leftOverOf(name: string): string | undefined {
  const [, of, pid] = /^(.+)\.(\d+)\.tmp$/.exec(name) ?? [];
  return pid === undefined || isRunning(Number(pid)) ? undefined : of;
}

/** Whether this machine has such a process. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Makes a folder and those above it. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw describeWriteError(path, error);
  });
}

/**
 * Appends a line to a log; a reader must expect a last line cut short by a kill. It is written at once, without a turn of
 * the event loop: between two short updates the turns would cost more than the line.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  try {
    appendFileSync(path, `${line}\n`);
  } catch (error) {
    throw describeWriteError(path, error);
  }
}

/**
 * What stands in a file in place of its content, from its first bytes, and what to do; undefined where it is no known
 * mistake. A download of such a file once more gives the same.
 */
export function misplacedContent(first: Uint8Array): string | undefined {
  const text = Buffer.from(first.subarray(0, 64)).toString('latin1').trimStart();
  if (/^version https:\/\/(git-lfs|hawser)\.github\.com\/spec\//.test(text)) {
    return 'is a Git LFS pointer, not the file; install git-lfs and run `git lfs pull` in the clone';
  }
  if (/^(\.\.\/)*(\.git)?\/?annex\/objects\//.test(text)) {
    return 'is a git-annex pointer, not the file; install git-annex and run `git annex get` in the clone';
  }
  if (/^<(!doctype|html|head)/i.test(text)) {
    return 'is a web page (HTML), not the file; take the file itself, not the page that shows it';
  }
  // The length of a safetensors header may begin with the same bytes; its JSON follows.
  const isSafetensors = first[8] === 0x7b;
  if (!isSafetensors && (text.startsWith('PK\x03\x04') || first[0] === 0x80)) {
    return 'is a pickle of PyTorch, whatever its name; load it with torch and save it with safetensors';
  }
  return undefined;
}

/** What went wrong when `path` was written, and what to do. */
export function describeWriteError(path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Error(`files: no space left to write ${path}; free some and run the same command again`, {
      cause: error,
    });
  }
  if (code === 'EFBIG') {
    return new Error(
      `files: ${path} grew past the largest file allowed here (EFBIG); raise \`ulimit -f\` or use another disk, and run ` +
        'the same command again',
      { cause: error },
    );
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new Error(
      `files: cannot write ${path}: a folder it would lie in is a file (${code}); choose another folder`,
      {
        cause: error,
      },
    );
  }
  if (code === 'ENOENT') {
    return new Error(`files: cannot write ${path}: its folder is gone; run the same command again`, { cause: error });
  }
  if (code === 'EISDIR') {
    return new Error(`files: cannot write ${path}: a folder has that name; delete or rename it`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new Error(`files: may not write ${path} (${code}); make its folder writable, or choose another one`, {
      cause: error,
    });
  }
  return error instanceof Error ? error : new Error(String(error));
}
