import { relative, resolve } from 'node:path';
import { readRun } from '../compare/read-run';
import { writeReport } from '../report/write-report';
import { newCommand, readArguments } from '../run/arguments';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'report',
    'Draws a finished run’s report, tables and figures anew, from its run.json and decontamination.json alone.',
  )
    .argument('<run>', 'the folder of a finished run, or one of results/recorded')
    .option('--out <folder>', 'where they go  (default: the run’s folder, over what lies there)');

export async function main(args: readonly string[]): Promise<void> {
  const { options, words } = readArguments<{ readonly out?: string }>(command(), args);
  const from = callersFolder();
  const run = resolve(from, words[0]!);
  const out = options.out === undefined ? run : resolve(from, options.out);
  const { record, decontamination } = await readRun(run);
  const { tables, figures } = await writeReport(record, { decontamination }, out);
  console.log(
    `${tables.length} tables, ${figures.length} figures, report.md and report.html in ${relative(from, out) || '.'}`,
  );
}
