import type { FileHandle } from 'node:fs/promises';
import { writeFileAtomic } from '../files';
import { safetensorsHeader } from './safetensors';

type Values = Int32Array | Float32Array | Uint8Array;

/** What a file of tensors is written from, where the tensors together are too large for memory. */
export interface RowedTensors {
  /** Shape and type of each, in the order of the file: [N, ...] for those that come row by row. */
  readonly specs: Parameters<typeof safetensorsHeader>[0];
  /** The tensors that are given whole. */
  readonly whole: Readonly<Record<string, Values>>;
  /** N times one row of each other tensor. */
  readonly rows: Iterable<Readonly<Record<string, Values>>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Told how many rows are written, now and then. */
  readonly onRows?: ((done: number) => void) | undefined;
}

/** Rows written between two calls of `onRows`. */
const ROWS_A_CALL = 256;

/**
 * Writes a safetensors file aside and renames it; of the tensors that come row by row, no more than a row is in memory.
 *
 * @throws when there are more or fewer rows than the shapes say
 */
export async function writeTensorRows(
  file: string,
  { specs, whole, rows, metadata, onRows }: RowedTensors,
): Promise<void> {
  const { header, offsets } = safetensorsHeader(specs, metadata);
  const rowed = Object.keys(specs).filter((name) => !Object.hasOwn(whole, name));
  const count = specs[rowed[0]!]!.shape[0]!;
  await writeFileAtomic(file, async (handle) => {
    await writeAt(handle, header, 0);
    for (const [name, values] of Object.entries(whole)) await writeAt(handle, values, offsets[name]!);
    let row = 0;
    for (const values of rows) {
      for (const name of rowed) {
        const own = values[name]!;
        await writeAt(handle, own, offsets[name]! + own.byteLength * row);
      }
      row++;
      if (row % ROWS_A_CALL === 0) onRows?.(row);
    }
    if (row !== count) throw new Error(`safetensors: ${file} was to hold ${count} rows and was given ${row}`);
  });
}

async function writeAt(handle: FileHandle, values: Values, place: number): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, place + done)).bytesWritten;
  }
}
