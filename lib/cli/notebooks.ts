import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Option } from 'commander';
import { WORKBOOK_ROOT } from '../files';
import { compareRuns } from '../notebook/runner/compare-outputs';
import { missingFor } from '../notebook/runner/missing';
import { type Notebook, readNotebook, writeNotebook } from '../notebook/runner/notebook-file';
import { type Parameters, parameterNames, parseSetting, withParameters } from '../notebook/runner/parameters';
import { runNotebook } from '../notebook/runner/run-notebook';
import { newCommand, readArguments } from '../run/arguments';
import { PRESET_NAMES, type PresetName } from '../run/presets';
import { clock, createProgress } from '../run/progress';
import { callersFolder } from './interrupt';

const command = (root: string) =>
  newCommand(
    'notebooks',
    'Runs the notebooks of notebooks/ from top to bottom, without Jupyter or Python, and saves them with their outputs. ' +
      'With --preset or --set the notebook itself stays as it is, and the run is saved in results/notebooks/.',
  )
    .argument('[names...]', 'a notebook or how its name begins: 03, 03-lora')
    .option('--preset <name>', `${PRESET_NAMES.join(' | ')}: sets the parameter "preset"`)
    .option(
      '--set <name=value>',
      'sets a parameter of the notebook; may be given more than once',
      (setting: string, before: readonly string[] = []) => [...before, setting],
    )
    .option('--check', 'compares the outputs with the saved ones instead of saving; times and paths are not compared')
    .option('--tolerance <x>', 'of numbers in --check, relative', '0.001')
    .addOption(
      new Option('--folder <folder>', 'where the notebooks lie').default(
        join(root, 'notebooks'),
        'notebooks/ of the workbook',
      ),
    );

interface Given {
  readonly preset?: string;
  readonly set?: readonly string[];
  readonly check: boolean;
  readonly tolerance: string;
  readonly folder: string;
}

interface Options {
  readonly names: readonly string[];
  readonly values: Parameters;
  readonly check: boolean;
  readonly tolerance: number;
  readonly folder: string;
}

/** @throws naming the option that is wrong and what it takes */
export function parseNotebookOptions(args: readonly string[], root: string): Options {
  const refusal = (what: string) => new Error(`notebooks: ${what}; --help lists the options`);
  const { options: given, words } = readArguments<Given>(command(root), args);
  const { preset, set = [], check, folder } = given;
  if (preset !== undefined && !PRESET_NAMES.includes(preset as PresetName)) {
    throw refusal(`--preset must be one of ${PRESET_NAMES.join(', ')}, got "${preset}"`);
  }
  const tolerance = Number(given.tolerance);
  if (!(tolerance >= 0)) throw refusal(`--tolerance must be a number of 0 or more, got "${given.tolerance}"`);
  const values = { ...(preset === undefined ? {} : { preset }), ...Object.fromEntries(set.map(parseSetting)) };
  if (check && Object.keys(values).length > 0) {
    throw refusal(
      '--check compares with the saved notebook, which was run with its own parameters; leave --preset and --set out',
    );
  }
  return { names: words, values, check, tolerance, folder: resolve(callersFolder(), folder) };
}

/** @throws when a name fits no notebook, or more than one */
export function chooseNotebooks(folder: string, names: readonly string[]): string[] {
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.ipynb'))
    .map((file) => file.replace(/\.ipynb$/, ''))
    .sort();
  if (all.length === 0) throw new Error(`notebooks: there are none in ${folder}`);
  return names.length === 0
    ? all
    : names.map((name) => {
        const wanted = name.replace(/^.*[\\/]/, '').replace(/\.ipynb$/, '');
        const fitting = all.includes(wanted) ? [wanted] : all.filter((one) => one.startsWith(wanted));
        if (fitting.length === 1) return fitting[0]!;
        const found = fitting.length === 0 ? 'no notebook' : `${fitting.length} notebooks`;
        throw new Error(`notebooks: "${name}" names ${found}; there are ${all.join(', ')}`);
      });
}

/** Every parameter that is set must be one of some notebook; `preset` may be missing where nothing depends on it. */
function prepared(notebooks: readonly Notebook[], values: Parameters, root: string): Notebook[] {
  if (Object.keys(values).length === 0) return [...notebooks];
  const names = notebooks.map(parameterNames);
  const known = new Set(names.flat());
  const unknown = Object.keys(values).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `notebooks: no parameter ${unknown.join(', ')} in ${notebooks.map(({ name }) => name).join(', ')}; ` +
        `there is ${[...known].sort().join(', ') || 'none'}`,
    );
  }
  assertNothingMissing(notebooks, values, root);
  return notebooks.map((notebook, i) => {
    const own = Object.entries(values).filter(([name]) => names[i]!.includes(name));
    return own.length === 0 ? notebook : withParameters(notebook, Object.fromEntries(own));
  });
}

/** @throws naming all that is missing, and the notebooks that need it */
function assertNothingMissing(notebooks: readonly Notebook[], values: Parameters, root: string): void {
  const needed = new Map<string, string[]>();
  for (const notebook of notebooks) {
    for (const what of missingFor(notebook, values, root))
      needed.set(what, [...(needed.get(what) ?? []), notebook.name]);
  }
  if (needed.size === 0) return;
  const lines = [...needed].map(([what, names]) => `\n  ${what}\n    needed by ${names.join(', ')}`);
  throw new Error(`notebooks: nothing was run, as something is missing:${lines.join('')}`);
}

/** @returns how many notebooks failed or differed */
async function runNotebooks(options: Options, root: string, say: (line: string) => void): Promise<number> {
  const { folder, values, check, tolerance } = options;
  const chosen = chooseNotebooks(folder, options.names);
  const saved = await Promise.all(chosen.map((name) => readNotebook(join(folder, `${name}.ipynb`))));
  const notebooks = prepared(saved, values, root);
  const kept =
    Object.keys(values).length === 0 ? folder : join(root, 'results', 'notebooks', String(values.preset ?? 'set'));
  let bad = 0;
  for (const [i, notebook] of notebooks.entries()) {
    const began = performance.now();
    const progress = createProgress(notebook.name);
    const executed = await runNotebook(notebook, root, (place, total) => progress.at(place - 1, total, 'cells'));
    const time = clock((performance.now() - began) / 1000);
    const { failure } = executed;
    if (failure) {
      bad++;
      const path = join(root, 'results', 'notebooks', 'failed', `${notebook.name}.ipynb`);
      await writeNotebook(path, executed);
      progress.say(`${notebook.name}  failed in cell ${failure.cell}, ${time}\n`);
      say(`${indent(failure.source)}\n\n${indent(failure.message)}\n\n  the run so far: ${relative(root, path)}\n`);
      continue;
    }
    if (!check) {
      const path = join(kept, `${notebook.name}.ipynb`);
      await writeNotebook(path, executed);
      progress.say(`${notebook.name}  ${time}  saved in ${relative(root, path)}`);
      continue;
    }
    const differences = compareRuns(saved[i]!.cells, executed.cells, root, tolerance);
    if (differences.length > 0) bad++;
    progress.say(`${notebook.name}  ${time}  ${differences.length === 0 ? 'as saved' : 'differs from what is saved'}`);
    for (const { cell, what } of differences) say(`  cell ${cell}: ${what}`);
  }
  return bad;
}

const indent = (text: string): string => text.replace(/^/gm, '  ');

export async function main(args: readonly string[]): Promise<void> {
  const root = WORKBOOK_ROOT;
  const began = performance.now();
  const options = parseNotebookOptions(args, root);
  const bad = await runNotebooks(options, root, (line) => console.log(line));
  console.log(`${clock((performance.now() - began) / 1000)} in all. Research only, not for clinical decisions.`);
  if (bad > 0) {
    console.log(`${bad} ${bad === 1 ? 'notebook' : 'notebooks'} ${options.check ? 'failed or differed' : 'failed'}.`);
    process.exitCode = 1;
  }
}
