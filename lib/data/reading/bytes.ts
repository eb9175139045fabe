import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { misplacedContent } from '../../files';

/** How a file's bytes are compressed, as its first bytes say. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** The first bytes of a file: enough to tell what it is. */
export async function firstBytes(path: string, count = 512): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What a file's content says of its compression, whatever its name says. */
export function compressionOf(first: Buffer): Compression {
  if (first[0] === 0x1f && first[1] === 0x8b) return 'gzip';
  // A frame to be skipped may stand first: pzstd writes one before each of the others.
  if (first.length >= 4 && [0xfd2fb528, 0x184d2a50].includes(zstdMagic(first))) return 'zstd';
  return 'none';
}

/** The last of a skippable frame's four bytes may be any of sixteen. Source: RFC 8878, 3.1.2 */
function zstdMagic(first: Buffer): number {
  const magic = first.readUInt32LE(0);
  return (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 0x184d2a50 : magic;
}

/** What files of other kinds begin with, as Latin-1, and what they are. */
const OTHER_KINDS: readonly (readonly [start: string, is: string])[] = [
  ...['PK\x03\x04', 'PK\x05\x06'].map(
    (start) => [start, 'is a zip archive (as an .xlsx is one); unpack it, or save it as CSV'] as const,
  ),
  ['\xd0\xcf\x11\xe0', 'is a file of an older Office, as an .xls is; save it as CSV'],
  ['BZh', 'is compressed with bzip2; unpack it, or pack it as .gz or .zst'],
  ['\xfd7zXZ\0', 'is compressed with xz; unpack it, or pack it as .gz or .zst'],
  ['7z\xbc\xaf', 'is a 7z archive; unpack it'],
  ['Rar!', 'is a RAR archive; unpack it'],
  ['\x1f\x8b', 'is compressed twice; unpack it once'],
  ['\x28\xb5\x2f\xfd', 'is compressed twice; unpack it once'],
  ['ARROW1', 'is an Arrow file; write it as Parquet, with Dataset.to_parquet or pyarrow'],
  ['PAR1', 'is a Parquet file that was compressed again; unpack it'],
  ['SQLite format 3', 'is a database of SQLite; export the table as CSV'],
];
/** Where a tar archive says what it is. */
const TAR = { at: 257, text: 'ustar' };

/**
 * @param first the first bytes, unpacked where the file is compressed
 * @throws when the file is something else in a file's place: a Git LFS pointer, a web page, an archive, UTF-16
 */
export function refuseMisplaced(first: Buffer, name: string): void {
  const start = first.toString('latin1');
  const isTar = start.startsWith(TAR.text, TAR.at);
  const kind = isTar ? 'is a tar archive; unpack it' : OTHER_KINDS.find(([begin]) => start.startsWith(begin))?.[1];
  const wide = wideEncoding(first);
  const mistake = kind ?? (wide ? `must be UTF-8, is ${wide}; save it as UTF-8` : misplacedContent(first));
  if (mistake !== undefined) throw new Error(`examples: ${name} ${mistake}`);
}

/** The encoding of a text whose characters are two or four bytes: by its mark, or by the zero byte that each begins or ends with. */
function wideEncoding(first: Buffer): 'UTF-16' | 'UTF-32' | undefined {
  const start = first.subarray(0, 4).toString('latin1');
  if (start === '\xff\xfe\0\0' || start === '\0\0\xfe\xff') return 'UTF-32';
  if (/^(?:\xff\xfe|\xfe\xff)/.test(start)) return 'UTF-16';
  return /^(?:\0[\t\n\r -~]|[\t\n\r -~]\0){2}$/.test(start) ? 'UTF-16' : undefined;
}

/**
 * A file's bytes, decompressed, piece by piece: the file is never in memory as a whole.
 *
 * @param name how errors call the file
 * @param hash is fed the bytes as they lie on disk
 * @throws when the file cannot be read or is cut short
 */
export async function* readBytes(
  path: string,
  name: string,
  hash: Hash,
  compression: Compression,
): AsyncGenerator<Buffer> {
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      hash.update(bytes);
      yield bytes;
    }
  }
  const plain = (): AsyncIterable<Buffer> => {
    if (compression === 'zstd') return unzstd(hashed());
    // The reader of the pipeline sees its errors; the callback only keeps them from being reported twice.
    if (compression === 'gzip') return pipeline(Readable.from(hashed()), createGunzip(), () => {});
    return hashed();
  };
  try {
    for await (const bytes of plain()) yield bytes;
  } catch (error) {
    throw new Error(
      `examples: ${name} cannot be read (${(error as Error).message}); it is damaged or cut short: copy or fetch it again`,
      { cause: error },
    );
  }
}

async function* unzstd(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const out: Uint8Array[] = [];
  let ended = false;
  const stream = new Decompress((data, final) => {
    out.push(data);
    ended ||= final ?? false;
  });
  const drain = () => out.splice(0).map((bytes) => Buffer.from(bytes));
  for await (const bytes of packed) {
    stream.push(bytes);
    yield* drain();
  }
  stream.push(new Uint8Array(0), true);
  yield* drain();
  if (!ended) throw new Error('unexpected end of file');
}

/**
 * Bytes as text.
 *
 * @throws when they are not UTF-8
 */
export async function* decodeText(pieces: AsyncIterable<Buffer>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (error) {
      throw new Error(`examples: ${name}: not valid UTF-8; save the file as UTF-8`, { cause: error });
    }
  };
  for await (const bytes of pieces) yield decode(bytes);
  const rest = decode();
  if (rest !== '') yield rest;
}
