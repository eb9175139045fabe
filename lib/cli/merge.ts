import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { modelFolderOf } from '../data/sources/model';
import { leftOverOf } from '../files';
import { isFolderLock } from '../lock';
import { isUnfinished } from '../model/folder';
import { saveMerged } from '../model/merged-folder';
import { newCommand, readArguments } from '../run/arguments';
import { lockFolder } from '../run/lock';
import { BUNDLED_BASE, openAdapterAt, openModelAt } from '../run/open-model';
import { readSettings } from '../run/settings/read';
import { copyTrainedTemplate, TEMPLATE_FILE } from '../run/trained-template';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand('merge', 'Adds an adapter to its model and writes the sum as a Hugging Face folder, in float32.')
    .option(
      '--model <folder>',
      'the base, a Llama in a Hugging Face folder, or the Hub id of one that `med42 fetch` brought  (default: the bundled base)',
    )
    .requiredOption('--adapter <folder>', 'a PEFT LoRA adapter for that model')
    .requiredOption('--out <folder>', 'where the merged model goes: a new folder');

interface Given {
  readonly model?: string;
  readonly adapter: string;
  readonly out: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Given>(command(), args);
  const from = callersFolder();
  const out = resolve(from, options.out);
  await refuseFull(out, options.out);
  const base = await openModelAt(options.model ? modelFolderOf(options.model, from) : BUNDLED_BASE);
  const folder = resolve(from, options.adapter);
  const adapter = await openAdapterAt(folder, base);
  const lock = await lockFolder(out);
  try {
    await copyTrainedTemplate(folder, out);
    await saveMerged(out, adapter);
  } finally {
    lock.release();
  }
  const name = relative(from, out) || '.';
  const data = dataOf(folder);
  console.log(
    `The merged model lies in ${name}.\nNext:\n  npx med42 chat --model ${name}\n` +
      `  npx med42 score --model ${name}${data === undefined ? '' : ` --data ${relative(from, data) || '.'}`}\n` +
      'Research only, not for clinical decisions.',
  );
}

/** A model in the folder is not overwritten: it may be the work of hours. What a killed merge left is. */
async function refuseFull(out: string, given: string): Promise<void> {
  const names = (await readdir(out).catch(() => [])).filter((name) => !isFolderLock(name));
  if (isUnfinished(names.map((name) => leftOverOf(name) ?? name).filter((name) => name !== TEMPLATE_FILE))) return;
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  throw new Error(
    `merge: ${given} holds ${names.slice(0, 3).join(', ')}${more}; give a new folder with --out, or delete this one`,
  );
}

/** The data folder of the run that made the adapter, where it has questions. */
function dataOf(adapter: string): string | undefined {
  const file = resolve(adapter, '..', '..', 'settings.json');
  if (!existsSync(file)) return undefined;
  try {
    const folder = readSettings(file).layers.at(-1)?.settings.data?.folder;
    return folder !== undefined && existsSync(join(folder, 'eval')) ? folder : undefined;
  } catch {
    // Another program's settings.json.
    return undefined;
  }
}
