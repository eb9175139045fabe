import { relative } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { parseOptions } from '../run/options';
import { clock, sayLine } from '../run/progress';
import { reproduce } from '../run/run';
import { settingsText } from '../run/settings/effective';
import { dryRun } from './dry-run';
import { bringModel } from './fetch';
import { abortOnInterrupt, callersFolder } from './interrupt';

export async function main(args: readonly string[]): Promise<void> {
  await bringModel(args);
  const options = parseOptions(args, WORKBOOK_ROOT, callersFolder());
  if (options.printSettings) return console.log(settingsText(options.settings));
  if (options.dryRun)
    return console.log([...(await dryRun(options)), 'Research only, not for clinical decisions.'].join('\n'));
  const signal = abortOnInterrupt('stopping after this update, with a checkpoint, or after these rows');
  const began = performance.now();
  const { table, peakMemoryBytes } = await reproduce(options, signal, { say: sayLine });
  const folder = relative(callersFolder(), options.out) || '.';
  console.log(`\n${table}\n`);
  console.log(
    `${clock((performance.now() - began) / 1000)} in all; no process held more than ${(peakMemoryBytes / 2 ** 30).toFixed(2)} GB of memory.`,
  );
  console.log(`Open ${folder}/report.html.`);
  console.log('Research only, not for clinical decisions.');
}
