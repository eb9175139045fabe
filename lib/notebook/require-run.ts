import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { WORKBOOK_ROOT } from '../report/environment';
import { RUN_RECORD_VERSION, type RunRecord } from '../report/run-record';

/**
 * What a finished run measured, for a notebook that draws from it.
 *
 * @param run names the folder: 'miniature' is results/miniature
 * @param notebook which makes the run: named to a reader who has not run it yet
 * @throws naming what to run first when there is no such run, or it is not finished
 */
export async function requireRun(run: string, notebook?: string): Promise<RunRecord> {
  const file = join(WORKBOOK_ROOT, 'results', run, 'run.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const first =
    `run ${notebook === undefined ? '' : `notebook ${notebook} first, or `}` +
    `\`npm run reproduce -- --preset ${run}\` in a terminal`;
  const shown = relative(WORKBOOK_ROOT, file);
  if (text === undefined) throw new Error(`notebook: there is no finished run in ${shown}; ${first}`);
  const record = JSON.parse(text) as RunRecord;
  if (record.version !== RUN_RECORD_VERSION) {
    throw new Error(
      `notebook: ${shown} is of form ${record.version}, this library reads ${RUN_RECORD_VERSION}; ${first}, with --fresh`,
    );
  }
  return record;
}
