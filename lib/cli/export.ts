import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { RUN_FILE, readRun } from '../compare/read-run';
import { WORKBOOK_ROOT } from '../files';
import { exportRun } from '../report/export-run';
import { newCommand, readArguments } from '../run/arguments';
import { createProgress } from '../run/progress';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand(
    'export',
    'Every figure as SVG, PNG and PDF, every table as CSV, Markdown and LaTeX (booktabs), from saved results alone.',
  )
    .option(
      '--run <folder>',
      'a finished run’s results; may be given again  (default: every one in results/)',
      (folder: string, before: readonly string[] = []) => [...before, folder],
    )
    .option('--out <folder>', 'where files go, a folder for each run  (default: results/export)');

export async function main(args: readonly string[]): Promise<void> {
  const { options: values } = readArguments<{ readonly run?: readonly string[]; readonly out?: string }>(
    command(),
    args,
  );
  const results = resolve(WORKBOOK_ROOT, 'results');
  const from = callersFolder();
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

async function finishedRuns(results: string): Promise<string[]> {
  const names = await readdir(results).catch(() => []);
  return names
    .sort()
    .map((name) => join(results, name))
    .filter((folder) => existsSync(join(folder, RUN_FILE)));
}
