import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RUN_FILE, readRun, type SavedRun } from '../../compare/read-run';
import { WORKBOOK_ROOT } from '../../files';
import { BUNDLED_PRESETS, type PresetName } from '../../run/presets';

export interface RequiredRun extends SavedRun {
  /** True for the run that comes with the workbook: nothing was run here yet. */
  readonly recorded: boolean;
}

/**
 * What a finished run measured, for a notebook that draws from it: the reader's own in `results/RUN`, else the one that
 * comes with the workbook in `results/recorded/RUN`.
 *
 * @param run names the folder: 'miniature' is results/miniature
 * @param notebook which makes the run: named to a reader who has not run it yet
 * @param results the folder of results
 * @throws naming what to run first when there is neither, and when the run is of another form
 */
export async function requireRun(
  run: string,
  notebook?: string,
  results: string = join(WORKBOOK_ROOT, 'results'),
): Promise<RequiredRun> {
  const found = findRun(run, results);
  if (found === undefined) throw new Error(`notebook: ${missingRun(run, results, notebook)}`);
  return { ...(await readRun(found.folder)), recorded: found.recorded };
}

/** @returns what to run first, or undefined where the run is there */
export function missingRun(run: string, results: string, notebook?: string): string | undefined {
  if (findRun(run, results) !== undefined) return undefined;
  const needs = BUNDLED_PRESETS.includes(run as PresetName) ? '' : ' --data FOLDER --model FOLDER';
  return (
    `there is no finished run in results/${run}; ` +
    `run ${notebook === undefined ? '' : `notebook ${notebook} first, or `}` +
    `\`npm run reproduce -- --preset ${run}${needs}\` in a terminal`
  );
}

function findRun(run: string, results: string): { readonly folder: string; readonly recorded: boolean } | undefined {
  const own = join(results, run);
  if (existsSync(join(own, RUN_FILE))) return { folder: own, recorded: false };
  const recorded = join(results, 'recorded', run);
  return existsSync(join(recorded, `${RUN_FILE}.gz`)) ? { folder: recorded, recorded: true } : undefined;
}
