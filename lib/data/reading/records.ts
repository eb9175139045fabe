import type { Hash } from 'node:crypto';
import { basename } from 'node:path';
import { parseJson, requireRegularFile, requireShallow } from '../../json-file';
import type { RowPlace } from '../rows';
import { type Compression, compressionOf, decodeText, firstBytes, readBytes, refuseMisplaced } from './bytes';
import { readCsv } from './csv';
import { readJsonArray } from './json-array';
import { readLines } from './jsonl';
import { hashFile, readParquet } from './parquet';

/** One row as a file holds it, before its form is known. */
export interface RawRow {
  readonly fields: unknown;
  readonly place: RowPlace;
  /** A CSV's cells are all text: "2" may be a number. */
  readonly untyped: boolean;
  /** Why the row has no fields: its line alone is damaged, those after it are read. */
  readonly broken?: { readonly message: string; readonly reason: string };
}

/** What a file proved to be when it was opened. */
export interface OpenedFile {
  readonly format: 'JSON Lines' | 'JSON array' | 'CSV' | 'TSV' | 'Parquet';
  readonly compression: Compression;
  /** Said to the user, where name and content differ. */
  readonly note: string | undefined;
  readonly rows: AsyncGenerator<RawRow>;
}

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Opens a file of rows. What it is, its content says; its name only tells CSV and TSV from JSON.
 *
 * @param name how errors call the file
 * @param hash is fed the file's bytes as they lie on disk, once all rows are read
 * @throws when the file cannot be read, is damaged, or is no file of rows
 */
export async function openRecords(path: string, name: string, hash: Hash): Promise<OpenedFile> {
  if (!(await requireRegularFile(path, 'examples'))) {
    throw new Error(
      `examples: ${name} is a link to what is not there (the Hub's cache is made of links: copy its files with cp -L); ` +
        'bring the file itself, or delete the link',
    );
  }
  const first = await firstBytes(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`examples: ${name} cannot be read (${error.code}); check its permissions`, { cause: error });
  });
  const compression = compressionOf(first);
  const note = differs(name, compression);
  const isParquet = first.subarray(0, 4).toString('latin1') === 'PAR1';
  if (compression === 'none' && !isParquet) refuseMisplaced(first, name);
  if (isParquet) {
    const rows = async function* () {
      yield* typed(readParquet(path, name), name);
      await hashFile(path, hash);
    };
    return { format: 'Parquet', compression, note, rows: rows() };
  }
  if (/\.parquet$/i.test(name)) {
    throw new Error(`examples: ${name} must begin with PAR1 as every Parquet file does; it is damaged or another file`);
  }
  const { head, start, all } = await peek(readBytes(path, name, hash, compression));
  if (compression !== 'none') refuseMisplaced(start, name);
  const separator = /\.([ct])sv(\.\w+)?$/i.exec(name)?.[1]?.toLowerCase();
  if (separator !== undefined) {
    if (/^\s*[{[]\s*["{[]/.test(start.toString('latin1').replace(/^\xef\xbb\xbf/, ''))) {
      throw new Error(
        `examples: ${name} must hold cells with separators, begins as JSON does; call it .jsonl or .json`,
      );
    }
    const [format, delimiter] = separator === 'c' ? (['CSV', ','] as const) : (['TSV', '\t'] as const);
    return { format, compression, note, rows: readCsv(decodeText(all, name), name, delimiter) };
  }
  if (head === 0x5b)
    return { format: 'JSON array', compression, note, rows: typed(readJsonArray(decodeText(all, name), name), name) };
  return { format: 'JSON Lines', compression, note, rows: parsed(all, name) };
}

/** What is said where a file's name promises another compression than it has. */
function differs(name: string, compression: Compression): string | undefined {
  const ending = /\.(gz|zst)$/i.exec(name)?.[1]?.toLowerCase();
  const promised = ending === 'gz' ? 'gzip' : ending === 'zst' ? 'zstd' : 'none';
  if (promised === compression) return undefined;
  const is = compression === 'none' ? 'not compressed' : `compressed with ${compression}`;
  return `${name} is ${is}, whatever its name says; it was read as what it is`;
}

/** The first byte that is no white space, some bytes from the beginning on, and all bytes. */
async function peek(
  pieces: AsyncGenerator<Buffer>,
): Promise<{ readonly head: number | undefined; readonly start: Buffer; readonly all: AsyncGenerator<Buffer> }> {
  const seen: Buffer[] = [];
  let head: number | undefined;
  while (head === undefined) {
    const { value, done } = await pieces.next();
    if (done) break;
    const text = seen.length === 0 && value.subarray(0, 3).equals(BOM) ? value.subarray(3) : value;
    head = text.find((byte) => !SPACE.has(byte));
    seen.push(value);
  }
  const all = async function* () {
    yield* seen;
    yield* pieces;
  };
  return { head, start: Buffer.concat(seen.slice(0, 2)).subarray(0, 512), all: all() };
}

async function* typed(
  rows: AsyncIterable<{ readonly number: number; readonly fields: unknown }>,
  file: string,
): AsyncGenerator<RawRow> {
  for await (const { number, fields } of rows) {
    const at = `row ${number}`;
    try {
      requireShallow(fields);
    } catch (error) {
      throw new Error(`examples: ${file} ${at}: ${(error as Error).message}; fix or delete the row`);
    }
    yield { fields, place: { file, at }, untyped: false };
  }
}

async function* parsed(pieces: AsyncIterable<Buffer>, file: string): AsyncGenerator<RawRow> {
  for await (const { number, text } of readLines(pieces, file)) {
    const place = { file, at: `line ${number}` };
    let fields: unknown;
    try {
      fields = parseJson(text);
    } catch (error) {
      const one =
        text.trim() === '{'
          ? 'an object may not go over several lines here; write'
          : text.includes('\0')
            ? 'zero bytes stand in the line, as a write that was cut short leaves them: copy or write the file again,'
            : /[}\]]\r[{[]/.test(text)
              ? 'rows that \\r alone parts are one line: end lines with \\n, and write'
              : /[:[,]\s*-?(?:NaN|Infinity)\s*[,}\]]/.test(text)
                ? 'NaN and Infinity of Python are no JSON: write null, and'
                : 'fix or delete the line, or write';
      const message =
        `examples: ${file} line ${number}: invalid JSON (${(error as Error).message}); ` +
        `${one} one object a line, or an array of objects`;
      yield { fields: undefined, place, untyped: false, broken: { message, reason: 'invalid JSON' } };
      continue;
    }
    yield { fields, place, untyped: false };
  }
}

/**
 * A file's name without its folders and endings: what its rows are called where they do not say. A file in several parts, as
 * the Hub has them (`exam-00000-of-00002.parquet`), has one name, and so have the two ways in which systems write `é`.
 */
export const stemOf = (file: string): string =>
  basename(file)
    .replace(/\.(gz|zst)$/i, '')
    .replace(/\.(jsonl|ndjson|json|csv|tsv|parquet)$/i, '')
    .replace(/(?<=.)-\d{5}-of-\d{5}$/, '')
    .normalize('NFC');
