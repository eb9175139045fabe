import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrainExample } from '../data/rows';
import type { View } from './record';
import { compatible } from './text-form';
import type { TextList } from './text-list';
import { textKey } from './vector-cache';
import { rowText } from './views';

/** Bytes written and read at once. */
const BLOCK = 2 ** 22;

/**
 * The rows' different texts as they are compared, in the order of their first rows. They lie in a temporary file: of a
 * text, memory has its key, its place and the name of its first row.
 */
export interface RowTexts extends TextList {
  /** Adds a row. @returns its text, or undefined where an earlier row has the same */
  add(row: TrainExample): string | undefined;
  /** The first row of a text, how many rows have it, and the text as that row has it. */
  of(index: number): {
    readonly id: string;
    readonly source: string;
    readonly copies: number;
    readonly written: string;
  };
  /** The text of the row of this id; of two rows the first. Known where ids are kept. */
  ofRow(id: string): number | undefined;
  close(): void;
}

/** @param keepIds whether `ofRow` will be asked */
export function openRowTexts(view: View, keepIds: boolean): RowTexts {
  const folder = mkdtempSync(join(tmpdir(), 'row-texts-'));
  const file = openSync(join(folder, 'texts'), 'wx+');
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    // Open, it lives on without a name, and a killed process leaves nothing.
    remove();
  } catch {
    // Windows keeps a file that is open; it goes when it is closed.
  }
  const places = new Map<string, number>();
  const ofRow = new Map<string, number>();
  const rows: { readonly id: string; readonly source: string; copies: number }[] = [];
  /** Where each text begins, and where the last one ends. */
  const starts: number[] = [0];
  let waiting: Buffer[] = [];
  let written = 0;

  const flush = (): void => {
    const bytes = Buffer.concat(waiting);
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(file, bytes, done, bytes.length - done, written + done);
    }
    written += bytes.length;
    waiting = [];
  };
  const read = (start: number, end: number): Buffer => {
    if (end > written) flush();
    const bytes = Buffer.alloc(end - start);
    for (let done = 0; done < bytes.length; ) {
      const got = readSync(file, bytes, done, bytes.length - done, start + done);
      if (got === 0)
        throw new Error('decontaminate: the temporary file of texts ended while it was read; is the disk full?');
      done += got;
    }
    return bytes;
  };
  const writtenText = (index: number): string => read(starts[index]!, starts[index + 1]!).toString('utf8');

  return {
    get length() {
      return rows.length;
    },
    at: (index) => compatible(writtenText(index)),
    *[Symbol.iterator]() {
      for (let first = 0; first < rows.length; ) {
        let end = first + 1;
        while (end < rows.length && starts[end + 1]! - starts[first]! <= BLOCK) end++;
        const bytes = read(starts[first]!, starts[end]!);
        for (let i = first; i < end; i++) {
          yield compatible(bytes.toString('utf8', starts[i]! - starts[first]!, starts[i + 1]! - starts[first]!));
        }
        first = end;
      }
    },
    add: (row) => {
      const own = rowText(row, view);
      const text = compatible(own);
      const key = textKey(text);
      const known = places.get(key);
      const place = known ?? rows.length;
      if (keepIds && !ofRow.has(row.id)) ofRow.set(row.id, place);
      if (known !== undefined) {
        rows[known]!.copies++;
        return undefined;
      }
      places.set(key, place);
      rows.push({ id: row.id, source: row.source, copies: 1 });
      const bytes = Buffer.from(own, 'utf8');
      waiting.push(bytes);
      starts.push(starts.at(-1)! + bytes.length);
      if (starts.at(-1)! - written > BLOCK) flush();
      return text;
    },
    of: (index) => ({ ...rows[index]!, written: writtenText(index) }),
    ofRow: (id) => ofRow.get(id),
    close: () => {
      closeSync(file);
      remove();
    },
  };
}
