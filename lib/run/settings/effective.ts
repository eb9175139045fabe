import { dirname, relative } from 'node:path';
import { ALL_LINEAR, type LoraConfig, type Method, type TrainConfig } from '../../config';
import type { DeviceName } from '../../engine/device';
import { type Attention, XLA_DEFAULTS, type XlaOptions } from '../../engine/xla/options';
import { writeFileAtomic } from '../../files';
import { requireSeed } from '../../random';
import { PRESETS, type PresetName, type RunConfig, xlaDefaults } from '../presets';
import { settingsOf } from './of-preset';
import type { Layer } from './read';

/** A setting's value, and where it comes from: 'preset real', 'settings.json', '--rank'. */
interface Given {
  readonly value: unknown;
  readonly from: string;
  /** Given for both methods at once. */
  readonly ofBoth?: boolean;
}

/** Every setting under its dotted name: 'lora.rank'. */
export type EffectiveSettings = ReadonlyMap<string, Given>;

const PATHS = ['model', 'data.folder', 'output.folder', 'plugin'];

/** The settings of a preset, with `layers` over it in their order. `training.x` stands for `lora.x` and `full.x`. */
export function effectiveSettings(preset: PresetName, layers: readonly Layer[]): EffectiveSettings {
  const values = new Map<string, Given>();
  for (const [name, value] of Object.entries({ ...settingsOf(PRESETS[preset]), ...xlaDefaults(preset) }))
    values.set(name, { value, from: ofPresetName(preset) });
  for (const { from, settings } of layers) {
    const {
      $schema: _,
      extends: __,
      command: ___,
      training = {},
      data = {},
      lora = {},
      full = {},
      scoring = {},
      output = {},
      ...top
    } = settings;
    const set = (prefix: string, some: object, ofBoth = false) => {
      for (const [key, value] of Object.entries(some))
        if (value !== undefined) values.set(prefix + key, { value, from, ...(ofBoth ? { ofBoth } : {}) });
    };
    set('lora.', training, true);
    set('full.', training, true);
    set('lora.', lora);
    set('full.', full);
    set('data.', data);
    set('scoring.', scoring);
    set('output.', output);
    set('', top);
  }
  // Where a preset says one, models are made side by side, which only the CPU's are.
  const from = ofPresetName(preset);
  if (values.get('device')!.value !== 'cpu' && values.get('threads')!.from === from)
    values.set('threads', { value: null, from });
  return values;
}

/** What a run is made with. @throws when settings contradict each other */
export function runConfigOf(preset: PresetName, settings: EffectiveSettings): RunConfig {
  const base = PRESETS[preset];
  const get = <T>(name: string) => settings.get(name)?.value as T;
  const method = get<Method | 'both'>('method');
  const methods: readonly Method[] = method === 'both' ? ['lora', 'full'] : [method];
  const isGiven = (name: string) => settings.get(name)?.from.startsWith('preset ') === false;
  for (const other of (['lora', 'full'] as const).filter((one) => !methods.includes(one))) {
    const given = [...settings].find(
      ([name, one]) => name.startsWith(`${other}.`) && isGiven(name) && !isOfBoth(settings, name, one),
    );
    if (given) {
      throw new Error(
        `settings: ${given[1].from} gives ${given[0]}, but method is "${method}"; leave it out, or let method be "${other}" or "both"`,
      );
    }
  }
  const seed = get<number>('seed');
  const seeds = Array.from({ length: get('seeds') }, (_, i) => seed + i);
  requireSeed(seeds.at(-1)!, (must) => new Error(`settings: seed + seeds - 1 ${must}; lower one of them`));
  const changed = (one: TrainConfig): TrainConfig => {
    const value = (name: string) => get<never>(`${one.method}.${name}`);
    const isOwn = (name: string) => isGiven(`${one.method}.${name}`);
    const { warmupSteps: _, lora: __, ...plain } = one;
    const names = Object.keys(plain).filter((name) => isOwn(name));
    return {
      ...one,
      ...Object.fromEntries(names.map((name) => [name, value(name)])),
      ...(isOwn('warmup') ? { warmupSteps: value('warmup') } : {}),
      ...(isOwn('maxSteps') ? { maxSteps: value('maxSteps') } : {}),
      maxSeqLen: get('data.maxSeqLen'),
      seed,
      lora: loraOf(one.lora, settings, isGiven),
    };
  };
  const rows = ['fields', 'badRows'].flatMap((name) =>
    settings.has(`data.${name}`) ? [[name, get(`data.${name}`)]] : [],
  );
  return {
    ...base,
    rows: Object.fromEntries(rows),
    template: get('data.template'),
    mixture: get('data.mixture'),
    samples: get('data.samples'),
    developmentFraction: get('data.developmentFraction'),
    packing: get('data.packing'),
    methods,
    lora: changed(base.lora),
    full: changed(base.full),
    controlled: base.controlled && { lora: changed(base.controlled.lora), full: changed(base.controlled.full) },
    seeds,
    limitPerTask: get('scoring.limitPerTask'),
    bos: get('scoring.bos'),
    checkpointEvery: get('output.checkpointEvery'),
    threads: get('threads'),
    seed,
  };
}

/** Whether a value was given for both methods: at once, or for each by one file, as `writeSettings` has it. */
function isOfBoth(settings: EffectiveSettings, name: string, { from, ofBoth }: Given): boolean {
  const [method, key] = name.split('.') as [Method, string];
  const other = settings.get(`${method === 'lora' ? 'full' : 'lora'}.${key}`);
  return ofBoth === true || other?.from === from;
}

function loraOf(base: LoraConfig, settings: EffectiveSettings, isGiven: (name: string) => boolean): LoraConfig {
  const own = Object.keys(base).filter((name) => isGiven(`lora.${name}`));
  const given = Object.fromEntries(own.map((name) => [name, settings.get(`lora.${name}`)!.value]));
  const wanted = given.targetModules as readonly string[] | 'all-linear' | undefined;
  if (wanted === undefined) return { ...base, ...given };
  // In the model's order, whatever the order that they were named in: the same settings are the same run.
  return {
    ...base,
    ...given,
    targetModules: ALL_LINEAR.filter((one) => wanted === 'all-linear' || wanted.includes(one)),
  };
}

/** Every setting that counts, with where it comes from, a line each. */
export function settingsText(settings: EffectiveSettings): string {
  const method = settings.get('method')?.value;
  const unused = method === 'lora' ? 'full.' : method === 'full' ? 'lora.' : undefined;
  const rows = [...settings]
    .filter(([name]) => unused === undefined || !name.startsWith(unused))
    .map(([name, { value, from }]) => [name, JSON.stringify(value), from] as const);
  const width = (i: 0 | 1) => Math.max(...rows.map((row) => row[i].length).filter((n) => n <= 40));
  return rows.map(([name, value, from]) => `${name.padEnd(width(0))}  ${value.padEnd(width(1))}  ${from}`).join('\n');
}

/**
 * Writes the settings as a file that `med42 run` repeats the run from: the preset, and what was given over it. Its paths
 * are relative to it.
 */
export async function writeSettings(
  file: string,
  command: 'reproduce' | 'train',
  preset: PresetName,
  settings: EffectiveSettings,
): Promise<void> {
  const nested: Record<string, unknown> = { extends: preset, command };
  for (const [name, { value, from }] of settings) {
    if (from === ofPresetName(preset)) continue;
    const [group, key] = name.split('.') as [string, string?];
    const written = PATHS.includes(name)
      ? relativeTo(file, value as string)
      : name === 'encoders'
        ? (value as string[]).map((path) => relativeTo(file, path))
        : value;
    if (key === undefined) nested[group] = written;
    else nested[group] = { ...(nested[group] as object | undefined), [key]: written };
  }
  await writeFileAtomic(file, `${JSON.stringify(nested, null, 2)}\n`);
}

const ofPresetName = (preset: PresetName): string => `preset ${preset}`;

const relativeTo = (file: string, path: string): string => relative(dirname(file), path).replaceAll('\\', '/') || '.';

export const deviceOf = (settings: EffectiveSettings): DeviceName => settings.get('device')!.value as DeviceName;

/**
 * How trainings are made on XLA.
 *
 * @throws when one of its settings is given for another device, or the devices cannot share a batch evenly
 */
export function xlaOf(settings: EffectiveSettings, batchSizes: readonly number[]): XlaOptions {
  const get = <T>(name: string) => settings.get(name)!.value as T;
  const device = deviceOf(settings);
  const plugin = settings.get('plugin')?.value as string | undefined;
  const options = {
    devices: get<number>('devices'),
    precision: get<'float32' | 'bf16'>('precision'),
    attention: get<Attention>('attention'),
    ...(plugin === undefined ? {} : { plugin }),
  };
  const loops = get<string>('recompute') === 'layers';
  const given = ['devices', 'precision', 'recompute', 'attention', 'plugin'].find(
    (name) => settings.get(name)?.from.startsWith('preset ') === false,
  );
  if (given !== undefined && !device.startsWith('xla')) {
    throw new Error(
      `settings: ${settings.get(given)!.from} gives "${given}", which is a setting of XLA, but device is "${device}"; ` +
        'use --device xla, or leave it out',
    );
  }
  const packing = get<string>('data.packing');
  if (options.attention === 'cudnn' && (options.precision !== 'bf16' || packing !== 'concatenated')) {
    throw new Error(
      `settings: ${settings.get('attention')!.from} gives attention "cudnn", whose kernel takes bf16 and lets the samples of ` +
        `a chunk see each other: it needs precision "bf16" and packing "concatenated", got "${options.precision}" and ` +
        `"${packing}"; change these, or use --attention blocks`,
    );
  }
  const uneven = batchSizes.find((size) => size % options.devices !== 0);
  if (uneven !== undefined) {
    throw new Error(
      `settings: devices must share a batch evenly, got ${options.devices} devices and a batch size of ${uneven}; ` +
        `use a --batch-size that ${options.devices} divides`,
    );
  }
  return device.startsWith('xla') ? { ...options, loops } : XLA_DEFAULTS;
}
