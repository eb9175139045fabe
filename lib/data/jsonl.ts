import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** One line of a JSON Lines file; `number` counts from 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a `.jsonl` or `.jsonl.gz` file, streamed: the file is never in memory as a whole.
 * Lines end at the byte 0x0A alone. (`node:readline` would also cut at U+2028, which JSON allows inside a string.)
 * Blank lines are counted but not yielded; a byte-order mark is ignored.
 *
 * @param name how errors call the file
 * @param hash is fed the file's bytes as they lie on disk (compressed, for `.gz`)
 * @throws when the file cannot be read, is cut short, or is not UTF-8
 */
export async function* readLines(path: string, name: string, hash: Hash): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  const decode = (bytes: Uint8Array): string => {
    number++;
    try {
      return decoder.decode(bytes);
    } catch (error) {
      throw new Error(`examples: ${name} line ${number}: not valid UTF-8; save the file as UTF-8`, { cause: error });
    }
  };
  let rest = Buffer.alloc(0);
  for await (const piece of readBytes(path, name, hash)) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      const text = decode(bytes.subarray(start, end));
      if (text.trim() !== '') yield { number, text };
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
  }
  if (rest.length > 0) {
    const text = decode(rest);
    if (text.trim() !== '') yield { number, text };
  }
}

async function* readBytes(path: string, name: string, hash: Hash): AsyncGenerator<Buffer> {
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(bytes);
      yield bytes;
    }
  }
  // The reader of `unzipped` sees its errors; the callback only keeps them from being reported twice.
  const unzipped = path.endsWith('.gz') ? pipeline(Readable.from(hashed()), createGunzip(), () => {}) : hashed();
  try {
    for await (const bytes of unzipped as AsyncIterable<Buffer>) yield bytes;
  } catch (error) {
    throw new Error(`examples: ${name} cannot be read (${(error as Error).message}); fetch the file again`, {
      cause: error,
    });
  }
}
