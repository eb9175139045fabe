import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Rows decoded at once. */
const BATCH = 4096;

/**
 * The rows of a Parquet file, some thousand at a time.
 *
 * @throws when the file is damaged or has a compression that is not read
 */
export async function* readParquet(
  path: string,
  file: string,
): AsyncGenerator<{ readonly number: number; readonly fields: unknown }> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const buffer = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(buffer);
    const total = Number(metadata.num_rows);
    for (let start = 0; start < total; start += BATCH) {
      const rowEnd = Math.min(start + BATCH, total);
      const rows = await parquetReadObjects({ file: buffer, metadata, compressors, rowStart: start, rowEnd });
      for (const [i, row] of rows.entries()) yield { number: start + i + 1, fields: plain(row) };
    }
  } catch (error) {
    // Of broken metadata the reader's code says nothing that a person could use.
    const { message } = error as Error;
    const isRaw = error instanceof TypeError || error instanceof RangeError || message.endsWith(' is undefined');
    const cause = isRaw ? 'its metadata does not fit its content' : message;
    throw new Error(
      `examples: ${file} cannot be read as Parquet (${cause}); it is damaged or cut short: copy or fetch it again`,
      { cause: error },
    );
  }
}

/** 64-bit integers as numbers; the columns of rows are small. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array || value instanceof Date) return value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

/** Feeds a file's bytes to `hash`. */
export async function hashFile(path: string, hash: Hash): Promise<void> {
  for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) hash.update(bytes);
}
