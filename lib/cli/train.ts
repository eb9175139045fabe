import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { parseOptions, type SettingsCommand } from '../run/options';
import { clock, sayLine } from '../run/progress';
import { settingsText } from '../run/settings/effective';
import { trainFolder } from '../run/train-folder';
import { dryRun } from './dry-run';
import { bringModel } from './fetch';
import { abortOnInterrupt, callersFolder } from './interrupt';

export const TRAIN: SettingsCommand = {
  name: 'train',
  summary:
    'Trains one model by one method on your rows, and scores nothing. The same command carries an interrupted training on.',
  preset: { bundled: 'miniature', own: 'paper-lora' },
  out: () => 'train',
  fixed: { from: 'train', settings: { method: 'lora' } },
};

export async function main(args: readonly string[]): Promise<void> {
  const from = callersFolder();
  await bringModel(args);
  const options = parseOptions(args, WORKBOOK_ROOT, from, TRAIN);
  if (options.printSettings) return console.log(settingsText(options.settings));
  if (options.dryRun)
    return console.log([...(await dryRun(options)), 'Research only, not for clinical decisions.'].join('\n'));
  const signal = abortOnInterrupt('stopping after this update, with a checkpoint');
  const { folder, made, prompt } = await trainFolder(options, signal, { say: sayLine });
  const { training } = made.record;
  const path = (name: string) => relative(from, name) || '.';
  const gigabytes = (made.took.peakMemoryBytes / 2 ** 30).toFixed(2);
  const isAdapter = training?.config.method === 'lora';
  const model = isAdapter ? `--model ${path(options.model)} --adapter ${path(folder)}` : `--model ${path(folder)}`;
  console.log(
    [
      '',
      `${training?.updates} updates; ${clock(made.took.seconds)} with loading, held-out losses and saving; at most ${gigabytes} GB of memory.`,
      `${isAdapter ? 'The adapter' : 'The model'} lies in ${path(folder)}, losses in ${path(options.out)}/train/${made.record.name}/train.jsonl, ` +
        `all settings in ${path(options.out)}/settings.json.`,
      'Next:',
      `  npx med42 generate ${model} --prompt ${quoted(prompt)}`,
      `  npx med42 chat ${model}`,
      `  npx med42 score ${model}${existsSync(join(options.data, 'eval')) ? ` --data ${path(options.data)}` : ''}`,
      ...(isAdapter ? [`  npx med42 merge ${model} --out ${path(join(WORKBOOK_ROOT, 'results', 'merged'))}`] : []),
      'Research only, not for clinical decisions.',
    ].join('\n'),
  );
}

/** A prompt for a command line; one that a shell would read otherwise is left to the user. */
function quoted(prompt: string): string {
  const line = prompt.trim();
  return /^[^\n"`$\\!%]{1,80}$/.test(line) ? `"${line}"` : '"YOUR PROMPT"';
}
