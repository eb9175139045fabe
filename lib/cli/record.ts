import { existsSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { RUN_FILE, readRun } from '../compare/read-run';
import { DECONTAMINATION_FILE } from '../decontaminate/result-file';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { newCommand, readArguments } from '../run/arguments';
import { TRIALS_FILE, TUNING_TABLE } from '../run/rate-trial';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'record',
    'Copies what a finished run measured, not its models, to results/recorded/RUN, which is kept with the workbook: ' +
      'notebooks read it until there is a run of your own. results/tune is recorded in the same way.',
  ).argument('<run>', 'the folder of a finished run');

/** Everything of a run but weights, checkpoints and logs, which run.json has. */
const RUN = {
  zipped: [RUN_FILE, DECONTAMINATION_FILE],
  copied: ['manifest.json', 'report.html', 'report.md', 'tables', 'figures'],
};
const TUNING = { zipped: [], copied: [TRIALS_FILE, TUNING_TABLE] };

export async function main(args: readonly string[]): Promise<void> {
  const { words } = readArguments(command(), args);
  const run = resolve(callersFolder(), words[0]!);
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
