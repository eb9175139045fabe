import { appendFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** The workbook's own folder, from lib/ and from dist/ alike. */
export const WORKBOOK_ROOT = join(__dirname, '..');

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
  const aside = `${path}.${process.pid}.tmp`;
  let file: FileHandle | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(aside, 'w');
    if (typeof content === 'function') await content(file);
    else await file.writeFile(content);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(aside, path);
  } catch (error) {
    await file?.close().catch(() => {});
    await unlink(aside).catch(() => {});
    throw describeWriteError(path, error);
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
 * A result file of this workbook, or its recorded copy FILE.gz; undefined where neither is there.
 *
 * @throws when the file is no JSON, or its `version` is another than this library's
 */
export async function readVersionedJson<T>(file: string, version: number): Promise<T | undefined> {
  const text = await readPlainOrGzip(file);
  if (text === undefined) return undefined;
  const value = parse(text, file) as { readonly version?: unknown } & T;
  if (value?.version !== version) {
    throw new Error(
      `results: ${file} is of form ${value?.version}, this library reads ${version}; make the run anew with \`npm run reproduce -- --fresh\``,
    );
  }
  return value;
}

/** Recorded runs are kept as FILE.gz. */
async function readPlainOrGzip(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return text;
  const packed = await readFile(`${file}.gz`).catch(() => undefined);
  return packed && gunzipSync(packed).toString('utf8');
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`results: ${file} is damaged (${(error as Error).message}); delete it and start the run again`);
  }
}

/**
 * What stands in a file in place of its content, from its first bytes, and what to do; undefined where it is no known
 * mistake. A download of such a file once more gives the same.
 */
export function misplacedContent(first: Uint8Array): string | undefined {
  const text = Buffer.from(first.subarray(0, 64)).toString('latin1').trimStart();
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    return 'is a Git LFS pointer, not the file; install git-lfs and run `git lfs pull` in the clone';
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

/**
 * The object of a JSON file, which may begin with a byte order mark.
 *
 * @param text its content
 * @param owner begins the message
 * @throws saying what the file holds where it is no JSON object
 */
export function parseJsonObject(text: string, file: string, owner: string): Record<string, unknown> {
  const mistake = misplacedContent(Buffer.from(text.slice(0, 64)));
  if (mistake !== undefined) throw new Error(`${owner}: ${file} ${mistake}`);
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new Error(`${owner}: ${file} is not JSON (${(error as Error).message}); download or save the file again`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${owner}: ${file} holds no JSON object; download or save the file again`);
  }
  return value as Record<string, unknown>;
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
