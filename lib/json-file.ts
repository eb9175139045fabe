import type { Stats } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { misplacedContent } from './files';

/** Bytes of a JSON file that are read at most: the largest tokenizer has a tenth. */
const MAX_BYTES = 2 ** 28;
/** A tokenizer's native library reads 127 levels. */
const MAX_DEPTH = 100;

/**
 * Refuses what is there and no file, links followed: from a FIFO or a device a reader would wait without end.
 *
 * @param owner begins the message
 * @returns undefined where nothing is there
 * @throws saying what lies there; with the system's own error where the path cannot be followed
 */
export async function requireRegularFile(path: string, owner: string): Promise<Stats | undefined> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (stats === undefined || stats.isFile()) return stats;
  throw new Error(`${owner}: ${path} is a ${kindOf(stats)}; put the file itself there`);
}

/**
 * As `requireRegularFile`, where a file must be.
 *
 * @throws besides, when nothing is there, or a link that leads nowhere
 */
export async function requireFile(path: string, owner: string): Promise<Stats> {
  const stats = await requireRegularFile(path, owner);
  if (stats !== undefined) return stats;
  const link = await lstat(path).catch(() => undefined);
  throw new Error(
    `${owner}: ${path} is ${link ? 'a link to what is not there' : 'not there'}; put the file itself there`,
  );
}

/** What is there in place of a file. */
const kindOf = (stats: Stats): string =>
  stats.isDirectory() ? 'folder' : stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'device';

/**
 * A small file whole.
 *
 * @throws when it is a folder, FIFO or device, or larger than any such file; with the system's error when it cannot be read
 */
export async function readSmallFile(path: string, owner: string): Promise<Buffer> {
  const stats = await requireRegularFile(path, owner);
  if (stats !== undefined && stats.size > MAX_BYTES) {
    throw new Error(
      `${owner}: ${path} has ${stats.size} bytes, more than the ${MAX_BYTES} that such a file may have; put the file itself there`,
    );
  }
  return readFile(path);
}

/**
 * A text file; undefined where nothing is there.
 *
 * @throws when something other than a file is there, or it cannot be read
 */
export const readTextIfThere = async (path: string, owner: string): Promise<string | undefined> =>
  (await readIfThere(path, owner))?.toString('utf8');

async function readIfThere(path: string, owner: string): Promise<Buffer | undefined> {
  try {
    if (await requireRegularFile(path, owner)) return await readFile(path);
    // What a link leads to may lie on a disk that is not there now: its file is not simply missing.
    const link = await lstat(path).catch(() => undefined);
    if (link !== undefined) {
      throw new Error(`${owner}: ${path} is a link to what is not there; bring that back, or delete the link`);
    }
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(`${owner}: ${path} cannot be read (${code}); check its permissions, or the disk`, { cause: error });
  }
}

/**
 * As JSON.parse, for text from outside.
 *
 * @throws when the text is no JSON, or nests deeper than what people write
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  requireShallow(value);
  return value;
}

/** @throws when lists and objects of a value nest deeper than what people write */
export function requireShallow(value: unknown): void {
  if (typeof value === 'object' && value !== null && isDeeper(value, MAX_DEPTH)) {
    throw new Error(`it nests more than ${MAX_DEPTH} levels`);
  }
}

/**
 * A result file of this workbook, or its recorded copy FILE.gz; undefined where neither is there.
 *
 * @param messages who complains, and what is to be done; default of a run's results
 * @throws when the file is no JSON, or its `version` is another than this library's
 */
export async function readVersionedJson(
  file: string,
  version: number,
  messages?: { readonly owner: string; readonly remedy: string },
): Promise<unknown> {
  const { owner, remedy } = messages ?? { owner: 'results', remedy: undefined };
  const text = await readPlainOrGzip(file);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    const again = remedy ?? 'delete it and start the run again';
    throw new Error(`${owner}: ${file} is damaged (${(error as Error).message}); ${again}`);
  }
  const { version: own } = (value ?? {}) as { readonly version?: unknown };
  if (own !== version) {
    throw new Error(
      `${owner}: ${file} is of form ${JSON.stringify(own)?.slice(0, 40) ?? 'none'}, this library reads ${version}; ` +
        (remedy ?? 'make the run anew with `npm run reproduce -- --fresh`'),
    );
  }
  return value;
}

/** Recorded runs are kept as FILE.gz. */
async function readPlainOrGzip(file: string): Promise<string | undefined> {
  const text = await readTextIfThere(file, 'results');
  if (text !== undefined) return text;
  const packed = await readIfThere(`${file}.gz`, 'results');
  try {
    return packed && gunzipSync(packed).toString('utf8');
  } catch (error) {
    throw new Error(`results: ${file}.gz is damaged (${(error as Error).message}); copy or fetch it again`);
  }
}

/**
 * The object of a JSON file, which may begin with a byte order mark.
 *
 * @param text its content
 * @param owner begins the message
 * @throws saying what the file holds where it is no JSON object, or nests deeper than any such file
 */
export function parseJsonObject(text: string, file: string, owner: string): Record<string, unknown> {
  const mistake = misplacedContent(Buffer.from(text.slice(0, 64)));
  if (mistake !== undefined) throw new Error(`${owner}: ${file} ${mistake}`);
  const again = 'download or save the file again';
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    // Python writes these, though JSON has not got them.
    const [, field, number] = /"([^"\\]*)"\s*:\s*(NaN|-?Infinity)\b/.exec(text) ?? [];
    if (number !== undefined) {
      throw new Error(`${owner}: ${file}: "${field}" is ${number}, which JSON has not; write a number there`);
    }
    throw new Error(`${owner}: ${file} is not JSON (${(error as Error).message}); ${again}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${owner}: ${file} holds no JSON object; ${again}`);
  }
  if (isDeeper(value, MAX_DEPTH)) {
    throw new Error(`${owner}: ${file} nests more than ${MAX_DEPTH} levels, as no such file does; ${again}`);
  }
  return value as Record<string, unknown>;
}

/** Level by level: code that calls itself for each would run out of stack. */
function isDeeper(value: object, limit: number): boolean {
  let level: object[] = [value];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limit) return true;
    const next: object[] = [];
    for (const one of level) {
      for (const inner of Object.values(one)) if (typeof inner === 'object' && inner !== null) next.push(inner);
    }
    level = next;
  }
  return false;
}
