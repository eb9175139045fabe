import { existsSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { RUN_FILE, readRun } from '../compare/read-run';
import { DECONTAMINATION_FILE } from '../decontaminate/result-file';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { TRIALS_FILE, TUNING_TABLE } from '../run/rate-trial';

const USAGE = `npm run record -- results/RUN

Copies what a finished run measured, not its models, to results/recorded/RUN, which is kept with the workbook:
notebooks read it until there is a run of your own. results/tune, of npm run tune, is recorded in the same way.`;

/** Everything of a run but weights, checkpoints and logs, which run.json has. */
const RUN = {
  zipped: [RUN_FILE, DECONTAMINATION_FILE],
  copied: ['manifest.json', 'report.html', 'report.md', 'tables', 'figures'],
};
const TUNING = { zipped: [], copied: [TRIALS_FILE, TUNING_TABLE] };

async function main(): Promise<void> {
  const [given] = process.argv.slice(2);
  if (given === undefined || given.startsWith('-')) {
    console.log(USAGE);
    if (given !== '--help') throw new Error('record: name the folder of a finished run');
    return;
  }
  const run = resolve(process.env.INIT_CWD ?? process.cwd(), given);
  const { zipped, copied } = existsSync(join(run, TRIALS_FILE)) ? TUNING : RUN;
  // A run that cannot be read back is not recorded.
  if (zipped.includes(RUN_FILE)) await readRun(run);
  const missing = [...zipped, ...copied].find((name) => !existsSync(join(run, name)));
  if (missing)
    throw new Error(`record: ${run} has no ${missing}: it is not finished; run the command that makes it again`);
  const out = join(WORKBOOK_ROOT, 'results', 'recorded', basename(run));
  await rm(out, { recursive: true, force: true });
  for (const name of zipped) {
    await writeFileAtomic(join(out, `${name}.gz`), gzipSync(await readFile(join(run, name)), { level: 9 }));
  }
  for (const name of copied) await cp(join(run, name), join(out, name), { recursive: true });
  console.log(`recorded in ${relative(process.cwd(), out)}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
