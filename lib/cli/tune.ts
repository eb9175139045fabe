import { join, resolve } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { newCommand, readArguments } from '../run/arguments';
import { tryMiniatureRates } from '../run/miniature-rates';
import { PRESET_NAMES, PRESETS } from '../run/presets';
import { sayLine } from '../run/progress';
import { tryRates } from '../run/rate-grid';
import { abortOnInterrupt, callersFolder } from './interrupt';

const GRID_PRESETS = PRESET_NAMES.filter((name) => PRESETS[name].rateGrid !== null);

const command = () =>
  newCommand(
    'tune',
    'Chooses peak learning rates. Without options: the miniature’s, and its packing, on its development items, by 60 ' +
      'trainings. With a preset that has a grid of rates: each method’s, by the loss on held-out training rows. Interrupted, ' +
      'the same command keeps what was done.',
  )
    .option('--preset <name>', GRID_PRESETS.join(' | '))
    .option('--data <folder>', 'with --preset: rows in FOLDER/train')
    .option('--model <folder>', 'with --preset: a Llama in a Hugging Face folder')
    .option('--out <folder>', 'with --preset: where trials go  (default: results/tune-PRESET)');

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Partial<Record<'preset' | 'data' | 'model' | 'out', string>>>(command(), args);
  const { preset, data, model, out } = options;
  if (preset === undefined && data === undefined && model === undefined && out === undefined) {
    const stop = abortOnInterrupt('stopping after this update, with a checkpoint');
    console.log(await tryMiniatureRates(stop, { say: sayLine }));
    return;
  }
  const name = GRID_PRESETS.find((one) => one === preset);
  if (name === undefined) {
    throw new Error(
      `tune: --preset must be one of ${GRID_PRESETS.join(', ')}, got ${preset === undefined ? 'none' : `"${preset}"`}; --help lists the options`,
    );
  }
  if (data === undefined || model === undefined)
    throw new Error(`tune: --preset ${name} needs --data and --model; --help lists the options`);
  const path = (one: string) => resolve(callersFolder(), one);
  const signal = abortOnInterrupt('stopping after this update, with a checkpoint');
  const table = await tryRates(
    {
      preset: name,
      data: path(data),
      model: path(model),
      out: out === undefined ? join(WORKBOOK_ROOT, 'results', `tune-${name}`) : path(out),
    },
    signal,
    { say: sayLine },
  );
  console.log(table);
}
