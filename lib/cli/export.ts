import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { RUN_FILE, readRun } from '../compare/read-run';
import { WORKBOOK_ROOT } from '../files';
import { exportRun } from '../report/export-run';
import { createProgress } from '../run/progress';

const USAGE = `npm run export -- [options]

  --run FOLDER    a finished run's results; may be given again   (default: every one in results/)
  --out FOLDER    where files go, a folder for each run          (default: results/export)

Every figure as SVG, PNG and PDF, every table as CSV, Markdown and LaTeX (booktabs), from saved results alone.
Research only, not for clinical decisions.`;

async function main(): Promise<void> {
  const values = options(process.argv.slice(2));
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const results = resolve(WORKBOOK_ROOT, 'results');
  const from = process.env.INIT_CWD ?? process.cwd();
  const out = values.out ? resolve(from, values.out) : join(results, 'export');
  const runs = values.run?.map((folder) => resolve(from, folder)) ?? (await finishedRuns(results));
  if (runs.length === 0) {
    throw new Error(
      'export: results/ holds no finished run; run `npm run reproduce` first, or name a folder with --run',
    );
  }
  const twice = runs.find((run, i) => runs.findIndex((other) => basename(other) === basename(run)) !== i);
  if (twice)
    throw new Error(`export: two runs are called ${basename(twice)}; export them one by one, each with its --out`);
  for (const run of runs) {
    const { record, decontamination } = await readRun(run);
    const folder = join(out, basename(run));
    const progress = createProgress(basename(run));
    const { figures, tables } = await exportRun(record, { decontamination }, folder, progress.at);
    progress.say(
      `${basename(run)}: ${figures.length} figures and ${tables.length} tables in ${relative(from, folder) || '.'}` +
        `${decontamination.length === 0 ? ' (contamination was not looked for: no tables A2 and A3, no figures 2 and A.1)' : ''}`,
    );
  }
}

function options(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        run: { type: 'string', multiple: true },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    throw new Error(`export: ${(error as Error).message.split(/\.?\n|\. /)[0]}; --help lists the options`);
  }
}

async function finishedRuns(results: string): Promise<string[]> {
  const names = await readdir(results).catch(() => []);
  return names
    .sort()
    .map((name) => join(results, name))
    .filter((folder) => existsSync(join(folder, RUN_FILE)));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
