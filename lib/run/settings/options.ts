import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ALL_LINEAR } from '../../config';
import { modelFolderOf } from '../../data/sources/model';
import { TEMPLATES } from '../../data/template';
import { DEVICE_HELP, PLUGIN_HELP } from '../../engine/device-names';
import { requireSeed } from '../../random';
import { type RowArguments, rowOptions, withRowOptions } from '../row-options';
import { parseWeights } from '../weights';
import type { EffectiveSettings } from './effective';
import { checkSettings, type Layer } from './read';

/** Options that are settings, by their names in camelCase. */
export interface SettingsArguments extends RowArguments {
  readonly data?: string;
  readonly model?: string | undefined;
  readonly encoder?: readonly string[];
  readonly out?: string;
  readonly [name: string]: unknown;
}

interface SettingOption {
  readonly flags: string;
  readonly help: string;
  /** Where its value goes: 'training.epochs'. */
  readonly setting: string;
  /** How its text is read; `text` as it is. */
  readonly kind:
    | 'whole'
    | 'seed'
    | 'number'
    | 'text'
    | 'path'
    | 'list'
    | 'rule-or-weights'
    | 'count-or-share'
    | 'count-or-all'
    | 'zero-is-all';
  /** The least whole number. */
  readonly least?: number;
}

const OPTIONS: readonly SettingOption[] = [
  { flags: '--method <name>', help: 'lora | full | both', setting: 'method', kind: 'text' },
  { flags: '--learning-rate <n>', help: 'the peak', setting: 'training.learningRate', kind: 'number' },
  { flags: '--epochs <n>', help: 'passes over the training rows', setting: 'training.epochs', kind: 'whole', least: 1 },
  {
    flags: '--max-steps <n>',
    help: 'updates at most: training and schedule end there',
    setting: 'training.maxSteps',
    kind: 'whole',
    least: 1,
  },
  {
    flags: '--batch-size <n>',
    help: 'chunks of a micro-batch',
    setting: 'training.batchSize',
    kind: 'whole',
    least: 1,
  },
  {
    flags: '--accumulation <n>',
    help: 'micro-batches of an update',
    setting: 'training.accumulation',
    kind: 'whole',
    least: 1,
  },
  { flags: '--warmup <n>', help: 'updates, or their share: 3%', setting: 'training.warmup', kind: 'count-or-share' },
  { flags: '--max-seq-len <n>', help: 'tokens of a chunk', setting: 'data.maxSeqLen', kind: 'whole', least: 2 },
  { flags: '--packing <name>', help: 'concatenated | block-diagonal | padded', setting: 'data.packing', kind: 'text' },
  {
    flags: '--template <name>',
    help: `${TEMPLATES.join(' | ')}: the paper’s, the model’s own chat template, or none`,
    setting: 'data.template',
    kind: 'text',
  },
  {
    flags: '--mixture <name>',
    help: 'paper | all | auto: table A1’s shares, all rows alike, or by what the rows are; or weights: medqa=2,mine=1',
    setting: 'data.mixture',
    kind: 'rule-or-weights',
  },
  { flags: '--rank <n>', help: 'of LoRA', setting: 'lora.rank', kind: 'whole', least: 1 },
  { flags: '--alpha <n>', help: 'of LoRA', setting: 'lora.alpha', kind: 'number' },
  {
    flags: '--target-modules <names>',
    help: 'q_proj,v_proj and so on, or all-linear',
    setting: 'lora.targetModules',
    kind: 'list',
  },
  {
    flags: '--samples <n>',
    help: 'training rows drawn, or all',
    setting: 'data.samples',
    kind: 'count-or-all',
  },
  {
    flags: '--limit <n>',
    help: 'items a task, sampled; 0: all',
    setting: 'scoring.limitPerTask',
    kind: 'zero-is-all',
    least: 0,
  },
  { flags: '--seed <n>', help: 'of rows, items and the first training', setting: 'seed', kind: 'seed' },
  {
    flags: '--seeds <n>',
    help: 'trainings of each method, with seeds SEED, SEED + 1 and so on',
    setting: 'seeds',
    kind: 'whole',
    least: 1,
  },
  { flags: '--device <name>', help: DEVICE_HELP, setting: 'device', kind: 'text' },
  { flags: '--threads <n>', help: 'of the CPU, for each model', setting: 'threads', kind: 'whole', least: 1 },
  { flags: '--devices <n>', help: 'of XLA, that share each training', setting: 'devices', kind: 'whole', least: 1 },
  { flags: '--precision <name>', help: 'of products on XLA: float32, bf16', setting: 'precision', kind: 'text' },
  { flags: '--plugin <file>', help: PLUGIN_HELP, setting: 'plugin', kind: 'path' },
  { flags: '--recompute <what>', help: 'on XLA: none, layers', setting: 'recompute', kind: 'text' },
  { flags: '--attention <name>', help: 'on XLA: blocks, cudnn', setting: 'attention', kind: 'text' },
];

/** What is of use to some commands alone: a comparison scores and has several seeds, and is of whole epochs. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  '--limit': ['reproduce'],
  '--seeds': ['reproduce'],
  '--max-steps': ['train'],
  // A hand-off has its own: it trains elsewhere.
  '--devices': ['reproduce', 'train'],
  '--precision': ['reproduce', 'train'],
  '--recompute': ['reproduce', 'train'],
  '--attention': ['reproduce', 'train'],
  '--plugin': ['reproduce', 'train'],
};
const flagOf = ({ flags }: SettingOption) => flags.split(' ')[0]!;

/** Those of a command: another may have an option of the same name and its own meaning. */
const optionsOf = (name: string) => OPTIONS.filter((option) => (ONLY[flagOf(option)] ?? [name]).includes(name));

/**
 * The common settings as options.
 *
 * @param name of the command
 * @param defaults what holds where an option is not given
 */
export function withSettingsOptions(command: Command, name: string, defaults: EffectiveSettings): Command {
  for (const option of optionsOf(name)) {
    command.option(option.flags, `${option.help}  (default: ${defaultOf(option, defaults)})`);
  }
  return withRowOptions(command);
}

/** 'training.epochs' is a setting of each method: 8, full: 3. */
function defaultOf({ setting, kind }: SettingOption, defaults: EffectiveSettings): string {
  const shown = (name: string): string => {
    const value = defaults.get(name)?.value;
    if (kind === 'path') return 'found by itself';
    if (value === null || value === undefined) return kind === 'zero-is-all' ? '0' : 'all';
    if (kind === 'list' && ALL_LINEAR.every((one) => (value as readonly string[]).includes(one))) return 'all-linear';
    return String(value);
  };
  if (!setting.startsWith('training.')) return shown(setting);
  const [lora, full] = ['lora', 'full'].map((method) => shown(setting.replace('training', method)));
  return lora === full ? lora! : `${lora}; full: ${full}`;
}

/**
 * The options given, a layer each.
 *
 * @throws naming the option that is wrong and what it takes
 */
export function settingsLayers(
  values: SettingsArguments,
  name: string,
  cwd: string,
  refusal: (what: string) => Error,
): Layer[] {
  const given = optionsOf(name).flatMap((option): [string, string, unknown][] => {
    const flag = flagOf(option);
    const value = values[flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value !== 'string') return [];
    const setting = option.kind === 'path' ? resolve(cwd, value) : settingOf(option, flag, value, refusal);
    return [[flag, option.setting, setting]];
  });
  const paths = (
    [
      ['--data', 'data.folder', values.data],
      ['--model', 'model', values.model],
      ['--out', 'output.folder', values.out],
    ] as const
  ).flatMap(([flag, setting, path]) => {
    if (path === undefined) return [];
    return [[flag, setting, setting === 'model' ? modelFolderOf(path, cwd) : resolve(cwd, path)] as const];
  });
  const rows = Object.entries(rowOptions(values, refusal)).map(
    ([name, value]) => [name === 'fields' ? '--fields' : '--skip-bad-rows', `data.${name}`, value] as const,
  );
  const { encoder } = values;
  const encoders = encoder ? [['--encoder', 'encoders', encoder.map((path) => resolve(cwd, path))] as const] : [];
  return [...given, ...paths, ...rows, ...encoders].map(([flag, setting, value]) => {
    const [group, key] = setting.split('.') as [string, string?];
    return { from: flag, settings: checkSettings({ [group]: key === undefined ? value : { [key]: value } }, flag) };
  });
}

function settingOf(
  { kind, least = 0 }: SettingOption,
  flag: string,
  text: string,
  refusal: (what: string) => Error,
): unknown {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  switch (kind) {
    case 'text':
      return text;
    case 'list':
      return text === 'all-linear' ? text : text.split(',').map((name) => name.trim());
    case 'rule-or-weights': {
      if (['paper', 'all', 'auto'].includes(text)) return text;
      const weights = parseWeights(text);
      if (weights) return weights;
      throw refusal(
        `${flag} must be paper, all, auto, or pairs like medqa=2,mine=1 that give each source one weight, got "${text}"`,
      );
    }
    case 'seed':
      return requireSeed(text, (must) => refusal(`${flag} ${must}`));
    case 'number':
      if (!Number.isFinite(number)) throw refusal(`${flag} must be a number, got "${text}"`);
      return number;
    case 'count-or-share':
      if (/%$/.test(text)) return text;
      if (!Number.isSafeInteger(number))
        throw refusal(`${flag} must be a whole number of updates or a share like 3%, got "${text}"`);
      return number;
    case 'count-or-all':
      if (text === 'all') return null;
      if (!Number.isSafeInteger(number) || number < 1) {
        throw refusal(`${flag} must be a whole number of 1 or more, or all, got "${text}"`);
      }
      return number;
    default:
      if (!Number.isSafeInteger(number) || number < least) {
        throw refusal(`${flag} must be a whole number of ${least} or more, got "${text}"`);
      }
      return kind === 'zero-is-all' && number === 0 ? null : number;
  }
}
