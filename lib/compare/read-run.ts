import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Decontamination } from '../decontaminate/record';
import { RUN_RECORD_VERSION, type RunRecord } from './run-record';

/** The files of a results folder that all others are made from. */
export const RUN_FILE = 'run.json';
export const DECONTAMINATION_FILE = 'decontamination.json';

/** The form of `decontamination.json` in a results folder. */
export const DECONTAMINATION_VERSION = 1;

export interface SavedRun {
  readonly record: RunRecord;
  /** Of each method, the one that scores are cleaned by first; empty when contamination was not looked for. */
  readonly decontamination: readonly Decontamination[];
}

/**
 * What a finished run left in its results folder.
 *
 * @throws when the run is not finished, a file is damaged, or it is of another form than this library's
 */
export async function readRun(folder: string): Promise<SavedRun> {
  const record = await readForm<RunRecord>(join(folder, RUN_FILE), RUN_RECORD_VERSION);
  if (!record) {
    throw new Error(
      `results: ${folder} holds no finished run (${RUN_FILE}); run \`npm run reproduce\`, or name another folder`,
    );
  }
  const file = join(folder, DECONTAMINATION_FILE);
  const found = await readForm<{ methods: readonly Decontamination[] }>(file, DECONTAMINATION_VERSION);
  return { record, decontamination: found?.methods ?? [] };
}

async function readForm<T>(file: string, version: number): Promise<T | undefined> {
  const text = await readPlainOrGzip(file);
  if (text === undefined) return undefined;
  const value = parse(text, file) as { readonly version?: unknown } & T;
  if (value?.version !== version) {
    throw new Error(
      `results: ${file} is of form ${value?.version}, this library reads ${version}; make the run anew with \`npm run reproduce -- --fresh\``,
    );
  }
  return value;
}

/** Recorded runs are kept as FILE.gz. */
async function readPlainOrGzip(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return text;
  const packed = await readFile(`${file}.gz`).catch(() => undefined);
  return packed && gunzipSync(packed).toString('utf8');
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`results: ${file} is damaged (${(error as Error).message}); delete it and start the run again`);
  }
}
