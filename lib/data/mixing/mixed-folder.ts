import { join } from 'node:path';
import { readVersionedJson } from '../../json-file';
import { checkFields } from '../../schema';
import type { TrainReading } from '../examples';
import type { MixtureReport } from '../mixture-plan';
import { MIXED_FOLDER } from '../mixture-schema';
import type { StandIn } from '../stand-ins';

/** In the folder of a mixture: its rows, and what was done to get them. */
export const MIXTURE_ROWS = 'train/mixture.parquet';
/** Written last: where it is, the rows are whole. */
export const MIXTURE_FILE = 'mixture.json';
export const CARD_FILE = 'README.md';
export const MIXED_VERSION = 2;

/** What became of the rows of one `source`. */
export interface SourceCleaning {
  readonly source: string;
  /** Rows whose fields were read; those that were blank from the start are in `Cleaning.blank`. */
  readonly read: number;
  /** Left out: prompt or response was empty once its HTML was taken away. */
  readonly empty: number;
  /** Left out: another row has the same texts. */
  readonly duplicates: number;
  /** Rows of which a text was mended; a row may count under both. */
  readonly html: number;
  readonly mojibake: number;
  readonly written: number;
}

/** A subset of which fewer rows were there than table A1 counts. */
export interface Deficit {
  readonly subset: string;
  readonly name: string;
  readonly paperSamples: number;
  readonly available: number;
  readonly missing: number;
}

/** What `mixture.json` of a mixed folder holds. */
export interface MixedFolder {
  readonly version: number;
  readonly seed: number;
  readonly report: MixtureReport;
  /** Empty where other shares than table A1's were asked for. */
  readonly deficits: readonly Deficit[];
  readonly standIns: readonly StandIn[];
  /** Left out: a field that is needed was blank. */
  readonly blank: number;
  readonly sources: readonly SourceCleaning[];
  /** Of the rows' texts in their order: equal for equal mixtures. */
  readonly contentMd5: string;
  /** Of the file of rows as it was written. */
  readonly rowsSha256: string;
  readonly files: TrainReading['files'];
  readonly endMarkers: TrainReading['endMarkers'];
  readonly skipped: TrainReading['skipped'];
  readonly madeWith: { readonly duckdb: string };
}

const REMEDY = 'delete the folder and mix the rows again with `med42 mix`';
const ROWS_REMEDY = `${REMEDY}; or delete its ${MIXTURE_FILE}, to train on the rows as they are`;

/**
 * What a folder says of the mixture it holds; undefined where it is no mixture's.
 *
 * @throws when the file is damaged or of another version; naming the first field that no mixing wrote
 */
export async function readMixed(folder: string): Promise<MixedFolder | undefined> {
  const file = join(folder, MIXTURE_FILE);
  const json = await readVersionedJson(file, MIXED_VERSION, { owner: 'mixture', remedy: REMEDY });
  if (json !== undefined) checkFields(MIXED_FOLDER, json, `mixture: ${file}`, REMEDY);
  return json as MixedFolder | undefined;
}

/**
 * Parquet tells of few bytes that change: a page that was damaged may still give texts.
 *
 * @param reading of the folder's training rows
 * @throws where they are others than the folder tells of
 */
export function checkMixedRows(
  folder: string,
  { report, rowsSha256 }: MixedFolder,
  { files }: Pick<TrainReading, 'files'>,
): void {
  const rows = files.reduce((sum, one) => sum + one.rows, 0);
  if (rows !== report.total) {
    throw new Error(
      `mixture: ${folder} must have the ${report.total} rows that its ${MIXTURE_FILE} tells of, has ${rows}; ${ROWS_REMEDY}`,
    );
  }
  const got = files.find(({ path }) => path === MIXTURE_ROWS)?.sha256 ?? 'no such file';
  if (got === rowsSha256) return;
  throw new Error(
    `mixture: ${join(folder, MIXTURE_ROWS)} must have the sha256 that ${MIXTURE_FILE} tells of, ${rowsSha256}, got ${got}; ` +
      ROWS_REMEDY,
  );
}
