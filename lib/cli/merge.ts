import { relative, resolve } from 'node:path';
import { modelFolderOf } from '../data/sources/model';
import { WORKBOOK_ROOT } from '../files';
import { openAdapterFolder } from '../model/adapter-folder';
import { openModelFolder } from '../model/folder';
import { saveMerged } from '../model/merged-folder';
import { newCommand, readArguments } from '../run/arguments';
import { lockFolder } from '../run/lock';
import { callersFolder } from './interrupt';

const command = () =>
  newCommand('merge', 'Adds an adapter to its model and writes the sum as a Hugging Face folder, in float32.')
    .option(
      '--model <folder>',
      'the base, a Llama in a Hugging Face folder, or the Hub id of one that `med42 fetch` brought  (default: the bundled base)',
    )
    .requiredOption('--adapter <folder>', 'a PEFT LoRA adapter for that model')
    .requiredOption('--out <folder>', 'where the merged model goes');

interface Given {
  readonly model?: string;
  readonly adapter: string;
  readonly out: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Given>(command(), args);
  const from = callersFolder();
  const bundled = resolve(WORKBOOK_ROOT, 'data', 'miniature', 'base');
  const base = await openModelFolder(options.model ? modelFolderOf(options.model, from) : bundled);
  const adapter = await openAdapterFolder(resolve(from, options.adapter), base);
  const out = resolve(from, options.out);
  const lock = await lockFolder(out);
  try {
    await saveMerged(out, adapter);
  } finally {
    lock.release();
  }
  const folder = relative(from, out) || '.';
  console.log(
    `The merged model lies in ${folder}.\nNext:\n  npx med42 chat --model ${folder}\n  npx med42 score --model ${folder}\n` +
      'Research only, not for clinical decisions.',
  );
}
