import { relative } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { parseOptions, USAGE } from '../run/options';
import { clock, sayLine } from '../run/progress';
import { reproduce } from '../run/run';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return;
  }
  const options = parseOptions(args, WORKBOOK_ROOT, process.env.INIT_CWD ?? process.cwd());
  const abort = new AbortController();
  process.on('SIGINT', () => {
    if (abort.signal.aborted) process.exit(130);
    sayLine('\nstopping after this update, with a checkpoint, or after these rows; once more to stop at once');
    abort.abort();
  });
  const began = performance.now();
  const { table, peakMemoryBytes } = await reproduce(options, abort.signal, { say: sayLine });
  const folder = relative(process.env.INIT_CWD ?? process.cwd(), options.out) || '.';
  console.log(`\n${table}\n`);
  console.log(
    `${clock((performance.now() - began) / 1000)} in all; no process held more than ${(peakMemoryBytes / 2 ** 30).toFixed(2)} GB of memory.`,
  );
  console.log(`Open ${folder}/report.html.`);
  console.log('Research only, not for clinical decisions.');
}

main().catch((error: unknown) => {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
