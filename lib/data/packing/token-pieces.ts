import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../../files';
import { IGNORED, type Sample, type SampleList } from '../samples';

/**
 * Samples in files, some thousand a piece: what lies between tokenizing and packing when all rows are too many for memory.
 * A piece is 4 bytes of the header's length, the header as JSON, the tokens of its samples, 4 bytes each (the id of a token
 * that is learnt, and -1 - id of one that is not), and the sha256 of all that, 32 bytes.
 */
interface PieceHeader {
  readonly ids: readonly string[];
  readonly sources: readonly string[];
  /** Of each sample: the place of its row among the rows that were read, from 0. */
  readonly rows: readonly number[];
  /** Tokens of each sample. */
  readonly lengths: readonly number[];
  /** Samples whose first response token also holds the end of the prompt. */
  readonly straddlingTokens: number;
  /** Samples whose system prompt the chat template leaves out. */
  readonly lostSystems: number;
}

const pieceFile = (folder: string, piece: number): string => join(folder, `tokens-${String(piece).padStart(5, '0')}`);

/** Whether a piece was written: a file is there whole or not at all. */
export const hasPiece = (folder: string, piece: number): boolean => existsSync(pieceFile(folder, piece));

/** What `writePiece` is given. */
export interface Piece extends Pick<PieceHeader, 'rows' | 'straddlingTokens' | 'lostSystems'> {
  readonly samples: readonly Sample[];
}

/** Writes one piece, aside and renamed. */
export async function writePiece(
  folder: string,
  piece: number,
  { samples, rows, straddlingTokens, lostSystems }: Piece,
): Promise<void> {
  const header: PieceHeader = {
    ids: samples.map(({ id }) => id),
    sources: samples.map(({ source }) => source),
    rows,
    lengths: samples.map(({ ids }) => ids.length),
    straddlingTokens,
    lostSystems,
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const tokens = new Int32Array(header.lengths.reduce((a, b) => a + b, 0));
  let at = 0;
  for (const { ids, labels } of samples) {
    for (const [t, id] of ids.entries()) tokens[at + t] = labels[t] === IGNORED ? ~id : id;
    at += ids.length;
  }
  const content = Buffer.concat([length, json, new Uint8Array(tokens.buffer)]);
  const sum = createHash('sha256').update(content).digest();
  await writeFileAtomic(pieceFile(folder, piece), Buffer.concat([content, sum]));
}

const SUM = 32;
const READ_AT_ONCE = 2 ** 22;

/** @throws when the file is not, to the last byte, what `writePiece` wrote */
function openPiece(folder: string, path: string): number {
  const refuse = (what: string): never => {
    throw new Error(`packing: ${path} ${what}; delete the folder ${dirname(folder)}, and the rows are prepared again`);
  };
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return refuse('is not there');
  if (!stats.isFile()) return refuse('is no file');
  const file = openSync(path, 'r');
  const end = stats.size - SUM;
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(READ_AT_ONCE);
  for (let at = 0; at < end; ) {
    const got = readSync(file, buffer, 0, Math.min(buffer.length, end - at), at);
    if (got === 0) break;
    hash.update(buffer.subarray(0, got));
    at += got;
  }
  const sum = Buffer.alloc(SUM);
  if (end > 0 && readSync(file, sum, 0, SUM, end) === SUM && sum.equals(hash.digest())) return file;
  closeSync(file);
  return refuse('is not as it was written, by the sha256 at its end');
}

/** Samples that lie in pieces. */
export interface PiecedSamples extends SampleList {
  readonly lengths: Int32Array;
  /** Of each sample. */
  readonly sources: readonly string[];
  readonly straddlingTokens: number;
  readonly lostSystems: number;
  /** The place of a sample's row among the rows that were read, from 0. */
  rowOf(sample: number): number;
  close(): void;
}

/**
 * Opens pieces 0 to count - 1; their tokens stay in the files until a sample is asked for.
 *
 * @throws naming the file that is not as it was written
 */
export function openPieces(folder: string, count: number): PiecedSamples {
  const files: number[] = [];
  const ids: string[] = [];
  const sources: string[] = [];
  const rows: number[] = [];
  const lengths: number[] = [];
  /** Of each sample: its piece, and the place of its tokens there. */
  const places: { readonly pieces: number[]; readonly starts: number[] } = { pieces: [], starts: [] };
  let straddlingTokens = 0;
  let lostSystems = 0;
  const names = new Map<string, string>();
  for (let piece = 0; piece < count; piece++) {
    const file = openPiece(folder, pieceFile(folder, piece));
    files.push(file);
    const first = Buffer.alloc(4);
    readSync(file, first, 0, 4, 0);
    const json = Buffer.alloc(first.readUInt32LE());
    readSync(file, json, 0, json.length, 4);
    const header = JSON.parse(json.toString('utf8')) as PieceHeader;
    let start = 4 + json.length;
    for (const [i, tokens] of header.lengths.entries()) {
      const source = header.sources[i]!;
      if (!names.has(source)) names.set(source, source);
      ids.push(header.ids[i]!);
      rows.push(header.rows[i]!);
      // One string for all rows of a source.
      sources.push(names.get(source)!);
      lengths.push(tokens);
      places.pieces.push(piece);
      places.starts.push(start);
      start += 4 * tokens;
    }
    straddlingTokens += header.straddlingTokens;
    lostSystems += header.lostSystems;
  }
  const at = (i: number): Sample | undefined => {
    const length = lengths[i];
    if (length === undefined) return undefined;
    const stored = new Int32Array(length);
    readSync(files[places.pieces[i]!]!, new Uint8Array(stored.buffer), 0, 4 * length, places.starts[i]!);
    const labels = new Int32Array(length);
    // In place: half of the packing's time would go into two copies.
    for (let t = 0; t < length; t++) {
      const token = stored[t]!;
      labels[t] = token < 0 ? IGNORED : token;
      if (token < 0) stored[t] = ~token;
    }
    return { id: ids[i]!, source: sources[i]!, ids: stored, labels };
  };
  return {
    length: lengths.length,
    lengths: Int32Array.from(lengths),
    sources,
    straddlingTokens,
    lostSystems,
    at,
    rowOf: (sample) => rows[sample]!,
    *[Symbol.iterator]() {
      for (let i = 0; i < lengths.length; i++) yield at(i)!;
    },
    close: () => {
      for (const file of files) closeSync(file);
    },
  };
}
