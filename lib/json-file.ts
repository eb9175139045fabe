import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
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
  const kind = stats.isDirectory() ? 'folder' : stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'device';
  throw new Error(`${owner}: ${path} is a ${kind}; put the file itself there`);
}

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
