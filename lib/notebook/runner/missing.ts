import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { modelFolderOf } from '../../data/sources/model';
import { PAPER_FOLDER } from '../../data/sources/record';
import { BUNDLED_PRESETS, FETCHED_PRESETS, PRESET_NAMES, type PresetName } from '../../run/presets';
import { missingRun } from '../cell/require-run';
import type { Notebook } from './notebook-file';
import { type Parameters, parameterNames } from './parameters';

/**
 * What a notebook needs and this machine does not have, each with what brings it: said before the first cell runs, as the
 * cell that needs it may come after minutes. What is in the folders is not looked at.
 *
 * @param values that are set; parameters that are not keep the notebook's own, which come with the workbook
 * @param root the workbook's folder, in which cells run
 */
export function missingFor(notebook: Notebook, values: Parameters, root: string): string[] {
  const names = parameterNames(notebook);
  // Parameters with these meanings are those of the workbook's notebooks; another's `data` may be anything.
  if (!names.includes('preset')) return [];
  const set = (name: string) => (names.includes(name) ? values[name] : undefined);
  const missing: string[] = [];
  const preset = isPreset(values.preset) ? values.preset : undefined;
  if (preset !== undefined && !BUNDLED_PRESETS.includes(preset)) missing.push(...notGiven(preset, names, values, root));
  const data = set('data');
  if (typeof data === 'string' && !existsSync(resolve(root, data))) missing.push(noData(data, root));
  const model = set('model');
  if (typeof model === 'string') missing.push(...noModel(model, root));
  const encoder = set('encoder');
  if (typeof encoder === 'string' && encoder !== '' && !existsSync(resolve(root, encoder))) {
    missing.push(
      `encoder: there is no folder ${resolve(root, encoder)}; give a SentenceTransformers folder, or leave it out for TF-IDF`,
    );
  }
  const readsRun = notebook.cells.some(({ source }) => /\brequire(Run|Report)\(preset\b/.test(source));
  const run = readsRun && preset !== undefined ? missingRun(preset, join(root, 'results')) : undefined;
  return run === undefined ? missing : [...missing, run];
}

const isPreset = (value: unknown): value is PresetName => PRESET_NAMES.includes(value as PresetName);

/** Presets of one's own rows and model do not take the bundled ones: what came out would bear the preset's name. */
function notGiven(preset: PresetName, names: readonly string[], values: Parameters, root: string): string[] {
  const wants = (name: string) => names.includes(name) && values[name] === undefined;
  const paper = existsSync(resolve(root, PAPER_FOLDER))
    ? `the paper’s, --set data=${PAPER_FOLDER}`
    : `the paper’s, which \`npx med42 fetch --all\` brings, --set data=${PAPER_FOLDER}`;
  return [
    ...(wants('data')
      ? [
          `data: preset "${preset}" is for rows of your own; give --set data=FOLDER, a folder with train/ and eval/` +
            (FETCHED_PRESETS.includes(preset) ? `, or ${paper}` : ''),
        ]
      : []),
    ...(wants('model')
      ? [
          `model: preset "${preset}" is for a model of your own; give --set model=FOLDER, a Llama in a Hugging Face folder, or ` +
            'the Hub id of one that `npx med42 fetch --model ID` brought',
        ]
      : []),
  ];
}

function noData(data: string, root: string): string {
  const folder = resolve(root, data);
  const remedy =
    folder === resolve(root, PAPER_FOLDER)
      ? '`npx med42 fetch --all` brings it'
      : 'give a folder that holds train/ and eval/ with files of rows, by its path from the workbook’s folder';
  return `data: there is no folder ${folder}; ${remedy}`;
}

function noModel(model: string, root: string): string[] {
  try {
    const folder = modelFolderOf(model, root);
    return existsSync(folder) ? [] : [`model: there is no folder ${folder}; give a Llama in a Hugging Face folder`];
  } catch (error) {
    return [(error as Error).message];
  }
}
