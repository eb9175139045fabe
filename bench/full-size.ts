import { join, resolve } from 'node:path';
import { mixFolder } from '../lib/data/mixing/mix';
import { SUBSETS } from '../lib/paper/table-a1';
import { peakMemoryBytes } from '../lib/run/memory';
import { writeFullSizeRows } from './full-size-rows';

/**
 * The paper's 706,713 rows, made up: npm run bench -- full-size STEP FOLDER, step after step.
 *
 *     generate FOLDER REAL [share]     rows with the lengths of REAL/train, into FOLDER/raw
 *     mix FOLDER                       into FOLDER/mixed; counts against table A1's
 */
const SEED = 42;

const STEPS: Readonly<Record<string, (folder: string, ...rest: string[]) => Promise<void>>> = {
  generate: (folder, real = '', share = '1') => writeFullSizeRows(real, join(folder, 'raw'), SEED, Number(share)),
  mix: async (folder) => {
    const mixed = await mixFolder(join(folder, 'raw'), join(folder, 'mixed'), {
      seed: SEED,
      onStage: (stage) => console.log(stage),
    });
    const wrong = SUBSETS.filter(
      ({ key, samples }) => mixed.report.rows.find(({ subset }) => subset === key)?.drawn !== samples,
    );
    console.log(`${mixed.report.total} rows; subsets that differ from table A1: ${wrong.length}`);
  },
};

async function main(): Promise<void> {
  const [step = '', folder = '', ...rest] = process.argv.slice(2);
  const run = STEPS[step];
  if (!run || folder === '') throw new Error(`full-size: give a step (${Object.keys(STEPS).join(', ')}) and a folder`);
  const began = performance.now();
  await run(resolve(folder), ...rest);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${step}: ${seconds.toFixed(1)} s, ${(peakMemoryBytes() / 2 ** 30).toFixed(2)} GB at its peak`);
}

main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exitCode = 1;
});
