import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { mixFolder } from '../data/mixing/mix';
import { MIXED_VERSION, readMixed } from '../data/mixing/mixed-folder';
import { checkFetched, readSources, SOURCES_FILE } from '../data/sources/record';
import { makeFolder } from '../files';
import { hashOf } from '../hash';
import { showReading } from './data-stage';
import type { Sources } from './inputs';
import { lockFolderPatiently } from './lock';
import type { RunConfig } from './presets';

/**
 * What a run reads in place of a folder that `med42 fetch` wrote: such a folder holds whole sources, of which some have
 * millions of rows, so that the run's rows are mixed first, on the disk. Another folder is read as it is.
 *
 * The mixture lies in a folder beside the sources, `mixed/HASH`, named by all that it was made from, and is made once.
 */
export async function mixFetched<Given extends Sources>(
  given: Given,
  { mixture, samples, seed, rows }: Pick<RunConfig, 'mixture' | 'samples' | 'seed' | 'rows'>,
  say: (line: string) => void,
): Promise<Given> {
  if (!existsSync(join(given.data, SOURCES_FILE))) return given;
  const record = await readSources(given.data);
  await checkFetched(given.data, record);
  const sources = Object.values(record).map(({ name, identity, rows: count }) => [name, identity, count]);
  // Every fetched row is of a set of table A1.
  const shares = mixture === 'auto' ? 'paper' : mixture;
  const identity = hashOf({ version: MIXED_VERSION, shares, samples, seed, rows, sources });
  const data = join(given.data, 'mixed', identity.slice(0, 24));
  await makeFolder(data);
  const lock = await lockFolderPatiently(data);
  try {
    if (!(await readMixed(data))) {
      say(`mixing the rows of ${given.data} into ${data}`);
      const total = samples === null ? {} : { total: samples, fewer: true };
      const { report } = await mixFolder(given.data, data, {
        shares,
        seed,
        ...total,
        rows: { ...rows, ...showReading() },
        onStage: say,
      });
      say(`${report.total.toLocaleString('en')} rows were drawn`);
    }
    return { ...given, data };
  } finally {
    lock.release();
  }
}
