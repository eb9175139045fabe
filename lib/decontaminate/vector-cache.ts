import { createHash } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files';
import { requireRegularFile } from '../json-file';
import { looseFields, readFields, text, whole } from '../schema';
import type { Embedded } from './encoder';
import type { EncoderDescription } from './record';

/** Vectors on disk by the content of their texts: what one run embedded, the next does not. */
export interface VectorCache {
  readonly dimension: number;
  /** Bytes of unfinished or damaged records found at the end and cut off; their texts are embedded again. */
  readonly cutBytes: number;
  /** The record of a text, or undefined. */
  find(text: string): number | undefined;
  truncated(record: number): boolean;
  /** Adds records and waits until the disk has them. */
  append(texts: readonly string[], embedded: Embedded): Promise<void>;
  /** Vectors of `records`, one after the other; rising records are read in one go. */
  read(records: ArrayLike<number>, into: Float32Array): void;
  close(): Promise<void>;
}

const KEY = 16;
const FLAGS = 4;
const TRUNCATED = 1;
/** More records of the same append follow. */
const MORE = 2;
const CHECK = 8;
const READ_BYTES = 2 ** 22;

/**
 * Opens (or makes) the cache of one encoder in `folder`.
 *
 *     encoder.json    whose vectors these are
 *     vectors.bin     records of equal length: 16 bytes of the text's sha256, flags, E float32, 8 bytes of check
 *
 * A kill can leave a record, or the texts appended with it, unfinished: both are found, by the record's length or check and
 * by a flag that says that more follow, and cut off, for the texts embedded together round each other's vectors. One
 * process at a time may have a cache open.
 *
 * @throws when the folder holds another encoder's vectors
 */
export async function openVectorCache(folder: string, encoder: EncoderDescription): Promise<VectorCache> {
  await mkdir(folder, { recursive: true });
  await checkOwner(folder, encoder);
  await requireRegularFile(join(folder, 'vectors.bin'), 'vector cache');
  return openRecords(join(folder, 'vectors.bin'), encoder.dimension);
}

async function openRecords(path: string, dimension: number): Promise<VectorCache> {
  const size = KEY + FLAGS + dimension * 4 + CHECK;
  const reader = openSync(path, 'a+');
  const records = new Map<string, number>();
  const flags: number[] = [];
  const total = fstatSync(reader).size;
  const many = Math.max(1, Math.floor(READ_BYTES / size));
  const buffer = Buffer.alloc(many * size);
  let sound = true;
  for (let at = 0; sound && at < total; at += buffer.length) {
    const got = readSync(reader, buffer, 0, buffer.length, at);
    for (let start = 0; sound && start < got; start += size) {
      const record = buffer.subarray(start, start + size);
      sound = start + size <= got && record.subarray(size - CHECK).equals(checkOf(record.subarray(0, size - CHECK)));
      if (!sound) break;
      records.set(record.toString('latin1', 0, KEY), flags.length);
      flags.push(record.readUInt32LE(KEY));
    }
  }
  const whole = flags.findLastIndex((flag) => (flag & MORE) === 0) + 1;
  flags.length = whole;
  for (const [key, record] of records) if (record >= whole) records.delete(key);
  const kept = flags.length * size;
  if (kept < total) ftruncateSync(reader, kept);
  let writer: FileHandle | undefined = await open(path, 'a');

  return {
    dimension,
    cutBytes: total - kept,
    find: (text) => records.get(textKey(text)),
    truncated: (record) => (flags[record]! & TRUNCATED) !== 0,
    append: async (texts, { vectors, truncated }) => {
      const bytes = Buffer.alloc(texts.length * size);
      const flagsOf = (i: number) => (truncated[i] ? TRUNCATED : 0) | (i < texts.length - 1 ? MORE : 0);
      for (const [i, text] of texts.entries()) {
        const record = bytes.subarray(i * size, (i + 1) * size);
        record.write(textKey(text), 'latin1');
        record.writeUInt32LE(flagsOf(i), KEY);
        const vector = vectors.subarray(i * dimension, (i + 1) * dimension);
        Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).copy(record, KEY + FLAGS);
        checkOf(record.subarray(0, size - CHECK)).copy(record, size - CHECK);
      }
      await writer!.appendFile(bytes);
      await writer!.datasync();
      for (const [i, text] of texts.entries()) {
        records.set(textKey(text), flags.length);
        flags.push(flagsOf(i));
      }
    },
    read: (wanted, into) => {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      let piece = Buffer.alloc(0);
      for (let i = 0; i < wanted.length; ) {
        let run = 1;
        while (i + run < wanted.length && run < many && wanted[i + run] === wanted[i]! + run) run++;
        if (piece.length < run * size) piece = Buffer.alloc(run * size);
        const got = readSync(reader, piece, 0, run * size, wanted[i]! * size);
        if (got < run * size) throw new Error(`vector cache: ${path} ended while it was read; was it being replaced?`);
        for (let r = 0; r < run; r++) {
          const from = r * size + KEY + FLAGS;
          bytes.set(piece.subarray(from, from + dimension * 4), (i + r) * dimension * 4);
        }
        i += run;
      }
    },
    close: async () => {
      await writer?.close();
      if (writer) closeSync(reader);
      writer = undefined;
    },
  };
}

/** A text's name, of 16 characters. */
export const textKey = (text: string): string => createHash('sha256').update(text).digest().toString('latin1', 0, KEY);
const checkOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest().subarray(0, CHECK);

const OWNER = looseFields(
  { maxSeqLength: whole(1, 2 ** 31 - 1) },
  { name: text, dimension: whole(1, 2 ** 20), sha256: text },
);

async function checkOwner(folder: string, encoder: EncoderDescription): Promise<void> {
  const file = join(folder, 'encoder.json');
  const remedy = 'give another folder with --cache, or delete this one';
  const owner = await readFields(OWNER, file, 'vector cache', remedy);
  if (owner === undefined) {
    await writeFileAtomic(file, `${JSON.stringify(encoder, null, 2)}\n`);
    return;
  }
  if (owner.dimension !== encoder.dimension) {
    throw new Error(
      `vector cache: ${file}: the cache holds vectors of ${owner.dimension} numbers (${owner.name}), ` +
        `${encoder.name} makes ${encoder.dimension}; ${remedy}`,
    );
  }
  // Other files than those of the hash may say it.
  if ((owner.maxSeqLength ?? null) !== encoder.maxSeqLength) {
    const tokens = (length: number | null) => (length === null ? 'whole texts' : `texts of ${length} tokens at most`);
    throw new Error(
      `vector cache: ${file}: the cache holds vectors of ${tokens(owner.maxSeqLength ?? null)}, ${encoder.name} reads ` +
        `${tokens(encoder.maxSeqLength)}; ${remedy}`,
    );
  }
  if (owner.sha256 !== encoder.sha256) {
    throw new Error(
      `vector cache: ${file}: the cache holds vectors of ${owner.name} (sha256 ${owner.sha256.slice(0, 12)}), ` +
        `not of ${encoder.name} (${encoder.sha256.slice(0, 12)}); ${remedy}`,
    );
  }
}
