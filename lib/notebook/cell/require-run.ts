import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RUN_FILE, readRun, type SavedRun } from '../../compare/read-run';
import { WORKBOOK_ROOT } from '../../files';

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
  const own = join(results, run);
  if (existsSync(join(own, RUN_FILE))) return { ...(await readRun(own)), recorded: false };
  const recorded = join(results, 'recorded', run);
  if (existsSync(join(recorded, `${RUN_FILE}.gz`))) return { ...(await readRun(recorded)), recorded: true };
  throw new Error(
    `notebook: there is no finished run in results/${run}; ` +
      `run ${notebook === undefined ? '' : `notebook ${notebook} first, or `}` +
      `\`npm run reproduce -- --preset ${run}\` in a terminal`,
  );
}
