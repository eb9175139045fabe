import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Command } from 'commander';
import { modelFolderOf, modelOrName } from '../data/sources/model';
import { PAPER_FOLDER } from '../data/sources/record';
import type { DeviceName } from '../engine/device';
import type { XlaOptions } from '../engine/xla/options';
import { newCommand, readArguments } from './arguments';
import { BUNDLED_PRESETS, FETCHED_PRESETS, PRESET_NAMES, PRESETS, type PresetName, type RunConfig } from './presets';
import { DATA_FORMS } from './row-options';
import { deviceOf, type EffectiveSettings, effectiveSettings, runConfigOf, xlaOf } from './settings/effective';
import { type SettingsArguments, settingsLayers, withSettingsOptions } from './settings/options';
import { type Layer, readSettings } from './settings/read';

/** What one run is and where it reads and writes. */
export interface RunOptions {
  readonly preset: PresetName;
  readonly config: RunConfig;
  /** Each setting, with where it comes from. */
  readonly settings: EffectiveSettings;
  readonly data: string;
  readonly model: string;
  readonly out: string;
  readonly device: DeviceName;
  /** Of `xla` devices. */
  readonly xla: XlaOptions;
  /** Folders of sentence encoders to look for contamination with, beside TF-IDF; scores are cleaned by the first. */
  readonly encoders: readonly string[];
  /** Start anew even where the folder holds a run. */
  readonly fresh: boolean;
  /** Show the settings and do nothing. */
  readonly printSettings: boolean;
  /** Say what would be fetched, needed and taken, and do nothing; `model` may then be a Hub id that is not here. */
  readonly dryRun: boolean;
  /** The command's own options (see `SettingsCommand`), as they were typed, by their names in camelCase. */
  readonly more: Readonly<Record<string, string | undefined>>;
}

/** A command that runs by settings. */
export interface SettingsCommand {
  readonly name: 'reproduce' | 'train' | 'packing' | 'handoff';
  readonly summary: string;
  /** The preset where none is named: with the bundled rows, and with one's own. */
  readonly preset: { readonly bundled: PresetName; readonly own: PresetName };
  /** Where results go; `preset` is the preset's name. */
  readonly out: (preset: PresetName) => string;
  /** What holds where the preset trains by both methods. */
  readonly fixed?: Layer;
  /** Options of its own, that are not settings: flags and help. */
  readonly more?: readonly (readonly [flags: string, help: string])[];
}

const REPRODUCE: SettingsCommand = {
  name: 'reproduce',
  summary: 'The paper’s comparison, stage after stage. The same command carries an interrupted run on.',
  preset: { bundled: 'miniature', own: 'real' },
  out: (preset) => preset,
};

interface Given extends SettingsArguments {
  readonly settings?: string;
  readonly preset?: string;
  readonly data?: string;
  readonly model?: string;
  readonly encoder?: readonly string[];
  readonly out?: string;
  readonly printSettings: boolean;
  readonly dryRun?: boolean;
  readonly fresh: boolean;
}

function command({ name, summary, preset, fixed, more = [] }: SettingsCommand): Command {
  const plain = newCommand(name, summary)
    .option('--settings <file>', 'a settings file; options go before what it says')
    .option('--preset <name>', `${PRESET_NAMES.join(' | ')}  (default: ${preset.bundled}; with --data: ${preset.own})`)
    .option(
      '--data <folder>',
      `rows in FOLDER/train, items in FOLDER/eval: ${DATA_FORMS}  (default: the bundled miniature; for ` +
        `${FETCHED_PRESETS.join(' and ')} what \`med42 fetch --all\` brought)`,
    )
    .option(
      '--model <folder>',
      'a Llama in a Hugging Face folder, or the Hub id of one that `med42 fetch` brought  (default: the bundled base)',
    )
    .option('--out <folder>', `where results go  (default: results/${name === 'reproduce' ? 'PRESET' : name})`);
  if (name === 'reproduce') {
    plain.option(
      '--encoder <folder>',
      'a sentence encoder to find contamination with; may be given again  (default: TF-IDF alone, which is not the paper’s method)',
      (folder: string, before: readonly string[] = []) => [...before, folder],
    );
  }
  if (name === 'reproduce' || name === 'train') {
    plain.option('--dry-run', 'says what would be fetched, what it needs and how long it takes, and ends');
  }
  for (const [flags, help] of more) plain.option(flags, help);
  if (name === 'handoff') plain.argument('[model]', 'the same as --model');
  const defaults = effectiveSettings(preset.own, fixed ? [fixed] : []);
  return withSettingsOptions(plain, name, defaults)
    .addHelpText('after', `\nDefaults are those of the preset ${preset.own}; --print-settings shows what holds.`)
    .option('--print-settings', 'shows every setting and where it comes from, and ends')
    .option('--fresh', 'start anew; without it, the same command carries an interrupted run on');
}

/**
 * The model's folder.
 *
 * @throws when it is a Hub id of which the cache has nothing
 */
function modelOf(settings: EffectiveSettings, dryRun: boolean): string | undefined {
  const { value, from = '' } = settings.get('model') ?? {};
  if (typeof value !== 'string' || dryRun || isAbsolute(value)) return value as string | undefined;
  return modelFolderOf(value, dirname(from));
}

/**
 * Of a folder that is moved without what it names, or the other way round.
 *
 * @throws naming the settings file whose relative path leads to nothing
 */
function assertThere(settings: EffectiveSettings): void {
  for (const [name, flag] of [
    ['data.folder', '--data'],
    ['model', '--model'],
  ] as const) {
    const { value, from = '' } = settings.get(name) ?? {};
    if (typeof value !== 'string' || from.startsWith('-') || !isAbsolute(value) || existsSync(value)) continue;
    throw new Error(
      `settings: ${from}: "${name}" must be a folder, and ${value} is not there; a file's paths are relative to it: correct it, or give ${flag}`,
    );
  }
}

/**
 * @param root the workbook's folder
 * @param cwd what relative paths are relative to
 * @param kind reproduces where nothing is given
 * @throws naming the option or setting that is wrong and what it takes
 */
export function parseOptions(
  args: readonly string[],
  root: string,
  cwd: string,
  kind: SettingsCommand = REPRODUCE,
): RunOptions {
  const refusal = (what: string): Error => new Error(`${kind.name}: ${what}; --help lists the options`);
  const { options, words } = readArguments<Given>(command(kind), args);
  if (words[0] !== undefined && options.model !== undefined) {
    throw refusal(`the model must be named once, got "${words[0]}" and --model "${options.model}"`);
  }
  const values = words[0] === undefined ? options : { ...options, model: words[0] };
  const { dryRun = false } = values;
  const file = values.settings === undefined ? undefined : resolve(cwd, values.settings);
  const chain = file === undefined ? { preset: undefined, layers: [] } : readSettings(file);
  const hasData = values.data !== undefined || chain.layers.some(({ settings }) => settings.data?.folder !== undefined);
  const preset = (values.preset ?? chain.preset ?? (hasData ? kind.preset.own : kind.preset.bundled)) as PresetName;
  if (!PRESET_NAMES.includes(preset)) {
    throw refusal(`--preset must be one of ${PRESET_NAMES.join(', ')}, got "${preset}"`);
  }
  const layers = [
    ...(kind.fixed && PRESETS[preset].methods.length > 1 ? [kind.fixed] : []),
    ...chain.layers,
    ...settingsLayers(dryRun ? { ...values, model: undefined } : values, kind.name, cwd, refusal),
  ];
  const settings = effectiveSettings(preset, layers);
  if (!dryRun && !values.printSettings) assertThere(settings);
  const config = runConfigOf(preset, settings);
  const limited = (['lora', 'full'] as const).find((method) => config[method].maxSteps !== undefined);
  if (kind.name !== 'train' && kind.name !== 'packing' && limited) {
    const { from } = settings.get(`${limited}.maxSteps`)!;
    throw new Error(
      `settings: ${from} gives ${limited}.maxSteps, which ${kind.name} does not take: its trainings are of whole epochs; ` +
        'leave it out, or use `med42 train`',
    );
  }
  const path = (name: string) => settings.get(name)?.value as string | undefined;
  const bundled = resolve(root, 'data', 'miniature');
  const fetched = FETCHED_PRESETS.includes(preset) ? resolve(root, PAPER_FOLDER) : undefined;
  const data = path('data.folder') ?? fetched;
  const model = dryRun && values.model !== undefined ? modelOrName(values.model, cwd) : modelOf(settings, dryRun);
  if (data !== undefined && model === undefined && !BUNDLED_PRESETS.includes(preset)) {
    throw refusal(`--preset ${preset} needs --model, the folder of a Hugging Face Llama`);
  }
  if (data !== undefined && data === fetched && !existsSync(data) && !dryRun && !values.printSettings) {
    throw refusal(
      `--preset ${preset} reads the paper's data, which is not in ${data}: \`med42 fetch --all\` brings it there; or give --data`,
    );
  }
  return {
    preset,
    config,
    settings,
    data: data ?? bundled,
    model: model ?? resolve(bundled, 'base'),
    out: path('output.folder') ?? resolve(root, 'results', kind.out(preset)),
    encoders: (settings.get('encoders')?.value as readonly string[] | undefined) ?? [],
    device: deviceOf(settings),
    xla: xlaOf(
      settings,
      config.methods.map((method) => config[method].batchSize),
    ),
    fresh: values.fresh,
    printSettings: values.printSettings,
    dryRun,
    more: values as Readonly<Record<string, string | undefined>>,
  };
}
