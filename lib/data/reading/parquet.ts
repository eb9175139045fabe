import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * The rows of a Parquet file in their order, some thousand at a time, by DuckDB: it reads on inside a row group, so that
 * a file that is one group of gigabytes takes no more memory than another.
 *
 * @throws when the file is damaged or has a compression that is not read
 */
export async function* readParquet(
  path: string,
  file: string,
): AsyncGenerator<{ readonly number: number; readonly fields: unknown }> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  try {
    const connection = await instance.connect();
    // In DuckDB's paths these characters stand for others.
    const literal = path.replace(/[*?[]/g, '[$&]');
    // Else a folder called `system=x` above the file would be a field of every row.
    const result = await connection.stream('SELECT * FROM read_parquet($1, hive_partitioning = false)', [literal]);
    let number = 0;
    for await (const rows of result.yieldRowObjectJs()) {
      for (const row of rows) yield { number: ++number, fields: plain(row) };
    }
  } catch (error) {
    // Of broken metadata the reader's code says nothing that a person could use.
    const message = (error as Error).message.replace(/\s*\n+LINE \d[\s\S]*$/, '');
    const isRaw = error instanceof TypeError || error instanceof RangeError || message.endsWith(' is undefined');
    const cause = isRaw ? 'its metadata does not fit its content' : message;
    throw new Error(
      `examples: ${file} cannot be read as Parquet (${cause}); it is damaged or cut short: copy or fetch it again`,
      { cause: error },
    );
  } finally {
    instance.closeSync();
  }
}

/** 64-bit integers as numbers where these are exact, else as text; text that its writer did not mark as text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return textOf(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

function textOf(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

/** Feeds a file's bytes to `hash`. */
export async function hashFile(path: string, hash: Hash): Promise<void> {
  for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) hash.update(bytes);
}
