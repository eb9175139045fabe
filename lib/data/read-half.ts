import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { type Fields, fieldsOf, RowError } from './forms/fields';
import { checkRenaming, type Renaming, type SeenNames } from './forms/renaming';
import { type Half, listFiles, READ_ENDINGS, type UnreadFile } from './reading/list-files';
import { openRecords } from './reading/records';

/** What one file gave, for the manifest. */
export interface LoadedFile {
  /** Inside the data folder, with forward slashes: `train/medquad.jsonl.gz`. */
  readonly path: string;
  /** Rows kept. */
  readonly rows: number;
  /** Of the file's bytes as they lie on disk. */
  readonly sha256: string;
  /** 'JSON Lines', 'Parquet' and so on. */
  readonly format: string;
  /** Rows kept of each form: 'messages (role, content)'. */
  readonly forms: Readonly<Record<string, number>>;
}

export interface ReadOptions {
  /** What the files call a field, by the field's own name: {prompt: 'Question'}. */
  readonly fields?: Renaming;
  /** `skip` leaves bad rows out and counts them by reason. Default `error`: the first one throws. */
  readonly badRows?: 'error' | 'skip';
  /** Rows of which a needed text is blank are left out and told here, instead of being bad rows. */
  readonly onBlank?: () => void;
  /** Told now and then how far the reading is, in rows of a file. */
  readonly onRows?: (file: string, rows: number) => void;
}

/** Rows between two calls of `onRows`. */
const ROWS_A_CALL = 2000;

/** What was read of one half, and what was not. */
export interface Reading {
  readonly files: readonly LoadedFile[];
  readonly unread: readonly UnreadFile[];
  /** What is to be said of files: where name and content differ. */
  readonly notes: readonly string[];
  /** Rows left out by `badRows: 'skip'`, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Rows kept in which a field held something that the row's form does not read, by field. */
  readonly unused: Readonly<Record<string, number>>;
}

/**
 * Reads the files of one half, row by row.
 *
 * @param names gathers what the files call their fields
 * @param keep takes a row and the form of the one before it, and gives the name of its form, or undefined for one that is not kept
 * @throws naming the first bad row, unless bad rows are skipped
 */
export async function readHalf(
  folder: string,
  half: Half,
  { fields, badRows = 'error', onBlank, onRows }: ReadOptions,
  names: SeenNames,
  keep: (row: Fields, before: string | undefined) => string | undefined | Promise<string>,
): Promise<Reading> {
  checkRenaming(fields);
  const { names: inHalf, unread, elsewhere } = await listFiles(folder, half);
  if (inHalf.length === 0) {
    const others = unread.map(({ path, why }) => `${path} (${why})`).join(', ');
    const lie = elsewhere.slice(0, 3).join(', ') + (elsewhere.length > 3 ? ` and ${elsewhere.length - 3} more` : '');
    throw new Error(
      `examples: no file of rows in ${join(folder, half)} (${READ_ENDINGS})${others && `, only ${others}`}; ` +
        (elsewhere.length === 0
          ? 'pass a folder that holds eval/ and train/ with such files'
          : basename(resolve(folder)) === half
            ? `rows lie in ${lie}: give the folder above, ${dirname(resolve(folder))}`
            : `rows lie in ${lie}: put those that are meant into ${join(folder, half)}`),
    );
  }
  const files: LoadedFile[] = [];
  const notes: string[] = [];
  // A field may be called "constructor".
  const skipped: Record<string, number> = Object.create(null);
  const unused: Record<string, number> = Object.create(null);
  for (const name of inHalf) {
    const path = `${half}/${name}`;
    const hash = createHash('sha256');
    const opened = await openRecords(join(folder, half, name), path, hash);
    if (opened.note !== undefined) notes.push(opened.note);
    const forms: Record<string, number> = {};
    let before: string | undefined;
    let rows = 0;
    let place = 0;
    for await (const raw of opened.rows) {
      place++;
      if (place % ROWS_A_CALL === 0) onRows?.(path, place);
      try {
        const row = fieldsOf(raw, fields);
        const { found } = row.renamed;
        names.add(row.theirNames, found);
        const kept = keep(row, before);
        // Most are no promise, and a turn of the event loop for each row would cost more than the row.
        const form = kept instanceof Promise ? await kept : kept;
        if (form === undefined) continue;
        rows++;
        before = form;
        const said = found.length > 0 ? `${form} (by --fields)` : form;
        forms[said] = (forms[said] ?? 0) + 1;
        for (const field of row.unread()) unused[field] = (unused[field] ?? 0) + 1;
      } catch (error) {
        if (error instanceof RowError && error.blank && onBlank) {
          onBlank();
          continue;
        }
        if (!(error instanceof RowError) || badRows === 'error') throw error;
        skipped[error.reason] = (skipped[error.reason] ?? 0) + 1;
      }
    }
    if (place === 0) {
      const but = /^[CT]SV$/.test(opened.format) ? ' beside its first line, which names the columns' : '';
      throw new Error(`examples: ${path} has no rows${but}; fill the file or delete it`);
    }
    files.push({ path, rows, sha256: hash.digest('hex'), format: opened.format, forms });
  }
  const reasons = Object.entries(skipped).map(([reason, count]) => `${reason} (${count})`);
  if (reasons.length > 0 && files.every(({ rows }) => rows === 0)) {
    throw new Error(
      `examples: no row of ${join(folder, half)} is left: all were left out as bad rows: ${reasons.join('; ')}; ` +
        'correct the rows, or say what they call their fields with --fields',
    );
  }
  return { files, unread, notes, skipped: { ...skipped }, unused: { ...unused } };
}
