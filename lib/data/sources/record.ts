import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeFileAtomic } from '../../files';
import { hashFiles } from '../../hash';
import { type Lock, lockFile } from '../../lock';
import { count, looseFields, readFields, record, text } from '../../schema';
import type { Converted } from './convert';

/** Changes with the form of the rows. */
export const FORM = 1;

/** What `sources.json` says of each source in a data folder. */
export interface FetchedSource extends Converted {
  readonly title: string;
  /** The paper's count. */
  readonly samples: number;
  readonly licence: string;
  readonly places: readonly { readonly id: string; readonly commit: string; readonly licence: string | null }[];
  /** Optional files that its place lacks. */
  readonly lacking: readonly string[];
  readonly differs: readonly string[];
  /** Whose rows these are, where they stand in for the source's own; else null. */
  readonly standIn: string | null;
  /** Of the files and of how they were read: equal for rows that need not be made again. */
  readonly identity: string;
  /** Of the rows' file. */
  readonly rowsSha256: string;
}

/** Where `med42 fetch` writes where no folder is named; in the workbook's folder. */
export const PAPER_FOLDER = join('.cache', 'paper');

/** The record of a data folder's fetched sources. */
export const SOURCES_FILE = 'sources.json';

const COUNTS = record(count, 'an object of counts');
const SKIPPED = record(looseFields({}, { count, first: text }), 'an object of counts');
const NAMES = v.array(text, 'a list of names');
const PLACES = v.array(looseFields({ licence: text }, { id: text, commit: text }), 'a list of repositories');
const COUNTED = { raw: count, rows: count, leftOut: COUNTS, skipped: SKIPPED, samples: count };
const ROWS_FILE = 'a file of rows, train/NAME.jsonl or eval/NAME.jsonl';
const rowsPath = v.pipe(text, v.regex(/^(?:train|eval)\/(?!.*\.\.).{1,200}\.jsonl$/, ROWS_FILE));
const NAMED = { name: text, file: rowsPath, title: text, licence: text, identity: text };
const SOURCE = looseFields(
  { standIn: text, rowsSha256: text },
  { ...NAMED, ...COUNTED, places: PLACES, lacking: NAMES, differs: NAMES },
);
const SOURCES = looseFields(
  {},
  { version: v.literal(FORM, String(FORM)), sources: record(SOURCE, 'an object of sources') },
);

/** The fetched sources of a data folder, by name. @throws naming the field of the record that is wrong */
export async function readSources(out: string): Promise<Readonly<Record<string, FetchedSource>>> {
  const read = await readFields(
    SOURCES,
    join(out, SOURCES_FILE),
    'fetch',
    'delete it, and `med42 fetch` writes it anew from what was fetched',
  );
  return (read?.sources ?? {}) as unknown as Readonly<Record<string, FetchedSource>>;
}

/** sha256 of a fetched source's rows as they lie there; undefined where no such file is. */
export async function hashThere(out: string, file: string): Promise<string | undefined> {
  const path = join(out, file);
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? hashFiles([path]) : undefined;
}

/** @throws naming the first file of rows that is not as it was written */
export async function checkFetched(out: string, sources: Readonly<Record<string, FetchedSource>>): Promise<void> {
  for (const { file, rowsSha256 } of Object.values(sources)) {
    const there = await hashThere(out, file);
    if (there !== undefined && there === rowsSha256) continue;
    const told = rowsSha256 ? `, ${rowsSha256}` : ', which tells of none';
    throw new Error(
      `fetch: ${join(out, file)} must have the sha256 that ${SOURCES_FILE} tells of${told}, ` +
        `${there === undefined ? 'and is not there' : `has ${there}`}; fetch it again with \`med42 fetch\`, or delete ` +
        `${SOURCES_FILE} to read the folder's rows as your own`,
    );
  }
}

/** Writes the record. */
export const writeSources = (out: string, sources: Readonly<Record<string, FetchedSource>>): Promise<void> =>
  writeFileAtomic(join(out, SOURCES_FILE), `${JSON.stringify({ version: FORM, sources }, null, 2)}\n`);

/** Takes a data folder for this process, and waits for another that writes it. */
export const lockOut = (out: string, say?: (line: string) => void): Promise<Lock> =>
  lockFile(
    join(out, '.fetch.lock'),
    3_600_000,
    ({ pid, host }) =>
      new Error(`fetch: ${out} is in use by process ${pid} on ${host}; wait for it to end, or choose another --out`),
    ({ pid, host }) => say?.(`${out} is being written by process ${pid} on ${host}: waiting for it`),
  );
