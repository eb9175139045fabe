import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { DeviceName } from '../engine/device';
import { newCommand, readArguments } from './arguments';
import { PRESET_NAMES, PRESETS, type PresetName, type RunConfig } from './presets';

/** What one run is and where it reads and writes. */
export interface RunOptions {
  readonly preset: PresetName;
  readonly config: RunConfig;
  readonly data: string;
  readonly model: string;
  readonly out: string;
  readonly device: DeviceName;
  /** Folders of sentence encoders to look for contamination with, beside TF-IDF; scores are cleaned by the first. */
  readonly encoders: readonly string[];
  /** Start anew even where the folder holds a run. */
  readonly fresh: boolean;
}

/** The command line of `med42 reproduce`. */
const command = (): Command =>
  newCommand('reproduce', 'The paper’s comparison, stage after stage. The same command carries an interrupted run on.')
    .option('--preset <name>', `${PRESET_NAMES.join(' | ')}  (default: miniature; with --data: real)`)
    .option('--data <folder>', 'rows as FOLDER/{eval,train}/*.jsonl(.gz)  (default: the bundled miniature)')
    .option('--model <folder>', 'a Llama in a Hugging Face folder  (default: the bundled base)')
    .option(
      '--encoder <folder>',
      'a sentence encoder to find contamination with; may be given again  (default: TF-IDF alone, which is not the paper’s method)',
      (folder: string, before: readonly string[] = []) => [...before, folder],
    )
    .option('--out <folder>', 'where results go  (default: results/PRESET)')
    .option('--device <name>', 'cpu | webgpu | cuda | tfjs  (default: cpu)')
    .option('--samples <n>', 'training rows drawn')
    .option('--limit <n>', 'items a task, sampled; 0: all')
    .option('--epochs <n>', 'for both methods')
    .option('--seed <n>', 'of rows, items and the first training')
    .option('--seeds <n>', 'trainings of each method, with seeds SEED, SEED + 1 and so on')
    .option('--fresh', 'start anew; without it, the same command carries an interrupted run on');

interface Given {
  readonly preset?: string;
  readonly data?: string;
  readonly model?: string;
  readonly encoder?: readonly string[];
  readonly out?: string;
  readonly device?: string;
  readonly samples?: string;
  readonly limit?: string;
  readonly epochs?: string;
  readonly seed?: string;
  readonly seeds?: string;
  readonly fresh: boolean;
}

/**
 * @param root the workbook's folder
 * @param cwd what relative paths are relative to
 * @throws naming the option that is wrong and what it takes
 */
export function parseOptions(args: readonly string[], root: string, cwd: string): RunOptions {
  const { options: values } = readArguments<Given>(command(), args);
  const preset = (values.preset ?? (values.data ? 'real' : 'miniature')) as PresetName;
  if (!PRESET_NAMES.includes(preset)) {
    throw refusal(`--preset must be one of ${PRESET_NAMES.join(', ')}, got "${preset}"`);
  }
  const whole = (name: 'samples' | 'limit' | 'epochs' | 'seed' | 'seeds', least: number): number | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!Number.isSafeInteger(number) || number < least) {
      throw refusal(`--${name} must be a whole number of ${least} or more, got "${value}"`);
    }
    return number;
  };
  const chosen = PRESETS[preset];
  const seed = whole('seed', 0) ?? chosen.seed;
  const epochs = whole('epochs', 1);
  const limit = whole('limit', 0);
  const count = whole('seeds', 1) ?? chosen.seeds.length;
  const tuned = { seed, ...(epochs === undefined ? {} : { epochs }) };
  const config: RunConfig = {
    ...chosen,
    seed,
    seeds: Array.from({ length: count }, (_, i) => seed + i),
    samples: whole('samples', 1) ?? chosen.samples,
    limitPerTask: limit === undefined ? chosen.limitPerTask : limit || null,
    lora: { ...chosen.lora, ...tuned },
    full: { ...chosen.full, ...tuned },
    controlled: chosen.controlled && {
      lora: { ...chosen.controlled.lora, ...tuned },
      full: { ...chosen.controlled.full, ...tuned },
    },
  };
  const bundled = resolve(root, 'data', 'miniature');
  if (values.data && !values.model && (preset === 'real' || preset === 'llama2')) {
    throw refusal(`--preset ${preset} needs --model, the folder of a Hugging Face Llama`);
  }
  return {
    preset,
    config,
    data: values.data ? resolve(cwd, values.data) : bundled,
    model: values.model ? resolve(cwd, values.model) : resolve(bundled, 'base'),
    out: values.out ? resolve(cwd, values.out) : resolve(root, 'results', preset),
    encoders: (values.encoder ?? []).map((folder) => resolve(cwd, folder)),
    device: (values.device ?? 'cpu') as DeviceName,
    fresh: values.fresh,
  };
}

const refusal = (what: string): Error => new Error(`reproduce: ${what}; --help lists the options`);
