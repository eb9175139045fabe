import { existsSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeFileAtomic } from '../files';
import { WORKBOOK_ROOT } from '../report/environment';
import { DECONTAMINATION_FILE, RUN_FILE, readRun } from '../report/read-run';
import { TRIALS_FILE } from './rate-trial';

const USAGE = `npm run record -- results/RUN

Copies what a finished run measured, not its models, to results/recorded/RUN, which is kept with the workbook:
notebooks read it until there is a run of your own. results/tune, of npm run tune, is recorded in the same way.`;

/** Everything but weights, checkpoints and logs, which run.json has. */
const COPIED = ['manifest.json', 'report.html', 'report.md', 'tables', 'figures'];
const TUNING = [TRIALS_FILE, 'learning-rates.md'];

async function main(): Promise<void> {
  const [given] = process.argv.slice(2);
  if (given === undefined || given.startsWith('-')) {
    console.log(USAGE);
    if (given !== '--help') throw new Error('record: name the folder of a finished run');
    return;
  }
  const run = resolve(process.env.INIT_CWD ?? process.cwd(), given);
  const isTuning = existsSync(join(run, TRIALS_FILE));
  // A run that cannot be read back is not recorded.
  if (!isTuning) await readRun(run);
  const out = join(WORKBOOK_ROOT, 'results', 'recorded', basename(run));
  await rm(out, { recursive: true, force: true });
  for (const name of isTuning ? [] : [RUN_FILE, DECONTAMINATION_FILE]) {
    await writeFileAtomic(join(out, `${name}.gz`), gzipSync(await readFile(join(run, name)), { level: 9 }));
  }
  for (const name of isTuning ? TUNING : COPIED) await cp(join(run, name), join(out, name), { recursive: true });
  console.log(`recorded in ${relative(process.cwd(), out)}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
