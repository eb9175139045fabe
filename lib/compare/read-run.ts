import { join } from 'node:path';
import type { Decontamination } from '../decontaminate/record';
import { readDecontamination } from '../decontaminate/result-file';
import { readVersionedJson } from '../json-file';
import { RUN_RECORD_VERSION, type RunRecord } from './run-record';
import { checkRunRecord } from './run-record-schema';

/** With `decontamination.json`, the file of a results folder that all others are made from. */
export const RUN_FILE = 'run.json';

export interface SavedRun {
  readonly record: RunRecord;
  /** Of each detector, the one that scores are cleaned by first; empty when contamination was not looked for. */
  readonly decontamination: readonly Decontamination[];
}

/**
 * What a finished run left in its results folder.
 *
 * @throws when the run is not finished, a file is damaged, a number is missing, or it is of another form than this library's
 */
export async function readRun(folder: string): Promise<SavedRun> {
  const file = join(folder, RUN_FILE);
  const json = await readVersionedJson(file, RUN_RECORD_VERSION);
  if (json === undefined) {
    throw new Error(
      `results: ${folder} holds no finished run (${RUN_FILE}); run \`npm run reproduce\`, or name another folder`,
    );
  }
  const record = checkRunRecord(json, file);
  const found = await readDecontamination(folder);
  return { record: { ...record, packing: named(record.packing) }, decontamination: found?.methods ?? [] };
}

/** Runs of earlier workbooks call the concatenated packing 'paper'. */
function named(packing: RunRecord['packing']): RunRecord['packing'] {
  return (packing?.packing as string | undefined) === 'paper' ? { ...packing, packing: 'concatenated' } : packing;
}
