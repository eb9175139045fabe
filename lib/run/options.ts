import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { DeviceName } from '../engine/device';
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

export const USAGE = `npm run reproduce -- [options]

  --preset NAME    ${PRESET_NAMES.join(' | ')}  (default: miniature; with --data: real)
  --data FOLDER    rows as FOLDER/{eval,train}/*.jsonl(.gz)     (default: the bundled miniature)
  --model FOLDER   a Llama in a Hugging Face folder             (default: the bundled base)
  --encoder FOLDER a sentence encoder to find contamination with; may be given again
                   (default: TF-IDF alone, which is not the paper’s method)
  --out FOLDER     where results go                             (default: results/PRESET)
  --device NAME    cpu | webgpu | cuda | tfjs                   (default: cpu)
  --samples N      training rows drawn       --limit N   items a task, sampled (0: all)
  --epochs N       for both methods          --seed N    of rows, items and the first training
  --seeds N        trainings of each method, with seeds SEED, SEED + 1, …
  --fresh          start anew; without it, the same command carries an interrupted run on

Research only, not for clinical decisions.`;

/**
 * @param root the workbook's folder
 * @param cwd what relative paths are relative to
 * @throws naming the option that is wrong and what it takes
 */
export function parseOptions(args: readonly string[], root: string, cwd: string): RunOptions {
  const values = parse(args);
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

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    preset: text,
    data: text,
    model: text,
    encoder: { type: 'string', multiple: true },
    out: text,
    device: text,
    samples: text,
    limit: text,
    epochs: text,
    seed: text,
    seeds: text,
    fresh: { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // Node's second sentence is about dashes.
    throw refusal((error as Error).message.split(/\.?\n|\. /)[0]!);
  }
}

const refusal = (what: string): Error => new Error(`reproduce: ${what}; --help lists the options`);
