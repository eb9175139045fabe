import { join } from 'node:path';
import { writeFileAtomic } from '../../files';
import { readVersionedJson } from '../../json-file';
import { type Lock, lockFile } from '../../lock';
import { checkFields, looseFields, record, text, whole } from '../../schema';
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
}

/** Where `med42 fetch` writes where no folder is named; in the workbook's folder. */
export const PAPER_FOLDER = join('.cache', 'paper');

/** The record of a data folder's fetched sources. */
export const SOURCES_FILE = 'sources.json';

/**
 * The fetched sources of a data folder, by name.
 *
 * @throws when the record is damaged, or of another form
 */
export async function readSources(out: string): Promise<Readonly<Record<string, FetchedSource>>> {
  const file = join(out, SOURCES_FILE);
  const remedy = 'delete it, and `med42 fetch` writes it anew from what was fetched';
  const json = await readVersionedJson(file, FORM, { owner: 'fetch', remedy });
  if (json === undefined) return {};
  checkFields(SOURCES, json, `fetch: ${file}`, remedy);
  return (json as { sources: Record<string, FetchedSource> }).sources;
}

/** What is read of the record. */
const SOURCES = looseFields(
  {},
  {
    sources: record(
      looseFields({}, { name: text, file: text, rows: whole(0, Number.MAX_SAFE_INTEGER), identity: text }),
      'an object of sources',
    ),
  },
);

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
