import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseJson, readSmallFile, requireFile } from '../../json-file';
import { choiceField } from '../forms/choices';
import { type Fields, fieldsOf, RowError } from '../forms/fields';
import { openRecords, type RawRow } from '../reading/records';
import { holdsRows, type Place, type ReadContext, type Source } from './catalogue/entry';
import { type RowWriter, rowWriter, withFiles } from './rows-file';

/** A fetched file, and the place in the catalogue that it is of. */
export interface RawFile {
  readonly place: Place;
  /** Inside its repository, with forward slashes. */
  readonly path: string;
  /** Where it lies. */
  readonly disk: string;
}

/** What became of a source's raw rows: `raw = rows read into 'rows' + leftOut + skipped` wherever a raw row gives one row. */
export interface Converted {
  readonly name: string;
  /** Inside the data folder: 'train/medmcqa.jsonl'. */
  readonly file: string;
  /** Rows in the files. */
  readonly raw: number;
  /** Rows written. */
  readonly rows: number;
  /** Rows that are no examples of the source, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Rows that are not as they should be, by reason, with the place of the first. */
  readonly skipped: Readonly<Record<string, { readonly count: number; readonly first: string }>>;
}

export interface ConvertOptions {
  /** Told now and then how many rows of a file are read. */
  readonly onRows?: (file: string, rows: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const ROWS_A_CALL = 2000;
/** Where a source's rows go in a data folder. */
export const rowsFile = ({ half, name }: Pick<Source, 'half' | 'name'>): string => `${half}/${name}.jsonl`;

/**
 * Raw files into rows of the workbook's own form, one file of JSON Lines a source, in the layout that `reproduce --data`
 * reads. Sources of one place are converted in one pass; nothing holds all rows.
 *
 *     {"id": "medmcqa-45258d3d", "source": "medmcqa", "prompt": "...", "response": "..."}
 *
 * @param sources all of one place
 * @param out the data folder
 * @throws naming file and column where a file is not as the catalogue has it: then nothing is written
 */
export async function convert(
  sources: readonly Source[],
  files: readonly RawFile[],
  out: string,
  options: ConvertOptions = {},
): Promise<Converted[]> {
  const writers = await Promise.all(sources.map((source) => startWriter(source, files)));
  await withFiles(
    sources.map((source) => join(out, rowsFile(source))),
    async (handles) => {
      for (const [i, writer] of writers.entries()) writer.open(rowWriter(handles[i]!));
      for (const file of files) {
        if (!holdsRows(sources[0]!, file.path)) continue;
        const name = `${file.place.id}/${file.path}`;
        const { open } = sources[0]!;
        const rows = open ? open(file.disk, name) : (await openRecords(file.disk, name, createHash('sha256'))).rows;
        let index = 0;
        for await (const raw of rows) {
          if (index === 0) assertColumns(raw, file, sources[0]!.name);
          for (const writer of writers) await writer.take(raw, file.path, index);
          index++;
          if (index % ROWS_A_CALL === 0) {
            options.onRows?.(name, index);
            options.signal?.throwIfAborted();
          }
        }
        options.onRows?.(name, index);
      }
      for (const writer of writers) await writer.end();
      const empty = writers.map((writer) => writer.result()).find(({ raw }) => raw === 0);
      if (empty) {
        throw new Error(
          `fetch: ${empty.name}: no row is in ${files.map(({ place, path }) => `${place.id}/${path}`).join(', ')}; its owner ` +
            'may have changed it: compare it with lib/data/sources/catalogue',
        );
      }
    },
  );
  return writers.map((writer) => writer.result());
}

function assertColumns({ fields, place }: RawRow, file: RawFile, source: string): void {
  const there = typeof fields === 'object' && fields !== null ? Object.keys(fields) : [];
  const lacking = file.place.columns.filter((column) => !there.includes(column));
  if (lacking.length === 0) return;
  throw new Error(
    `fetch: ${source}: ${place.file} must have the columns ${file.place.columns.join(', ')}, lacks ${lacking.join(', ')}, ` +
      `has ${there.join(', ') || 'none'}; its owner may have changed it: compare it with lib/data/sources/catalogue`,
  );
}

async function startWriter(source: Source, files: readonly RawFile[]) {
  const beside = await besideOf(source, files);
  const leftOut: Record<string, number> = {};
  const skipped: Record<string, { count: number; first: string }> = {};
  const ids = new Set<string>();
  let [raw, rows] = [0, 0];
  let target: RowWriter | undefined;

  const assertChoices = (choices: readonly string[] | undefined, row: Fields) => {
    const { choices: wanted } = source;
    if (wanted === undefined || choices === undefined || choices.length === wanted) return;
    throw row.refuse(choiceField(row) ?? 'choices', `${wanted} choices`, choices);
  };

  const put = async (draft: { readonly id?: string }, { file, index }: ReadContext) => {
    const own = draft.id ?? `${file.replace(/\.\w+(\.gz)?$/, '')}-${index}`;
    let id = `${source.name}-${own}`;
    // Only items must have an id that no other has.
    if (source.half === 'eval') {
      if (ids.has(id)) id = `${id}-${index}`;
      ids.add(id);
    }
    const of = source.half === 'train' ? { source: source.subset } : { task: source.task };
    const { id: _, ...content } = draft;
    await target!.add({ id, ...of, ...content });
    rows++;
  };

  return {
    open: (writer: RowWriter) => {
      target = writer;
    },
    take: async (row: RawRow, file: string, index: number) => {
      raw++;
      const context = { file, index, beside };
      try {
        const fields = fieldsOf(row);
        const read = source.read(fields, context);
        if ('leftOut' in read) leftOut[read.leftOut] = (leftOut[read.leftOut] ?? 0) + 1;
        else {
          for (const draft of read) assertChoices(draft.choices, fields);
          for (const draft of read) await put(draft, context);
        }
      } catch (error) {
        if (!(error instanceof RowError)) throw error;
        const known = skipped[error.reason] ?? { count: 0, first: `${row.place.file} ${row.place.at}` };
        skipped[error.reason] = { ...known, count: known.count + 1 };
      }
    },
    end: async () => target!.end(),
    result: (): Converted => ({ name: source.name, file: rowsFile(source), raw, rows, leftOut, skipped }),
  };
}

async function besideOf({ beside, name }: Source, files: readonly RawFile[]): Promise<ReadonlySet<string>> {
  if (beside === undefined) return new Set();
  const file = files.find(({ path }) => path === beside.file);
  if (!file) throw new Error(`fetch: ${name} needs ${beside.file}, which is not there`);
  await requireFile(file.disk, 'fetch');
  try {
    return beside.load(parseJson((await readSmallFile(file.disk, 'fetch')).toString('utf8')));
  } catch (error) {
    throw new Error(
      `fetch: ${name}: ${file.place.id}/${file.path} must be a JSON object (${(error as Error).message}); delete ` +
        `${file.disk} and fetch it again`,
      {
        cause: error,
      },
    );
  }
}
