import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import * as v from 'valibot';
import { modelOrName } from '../../data/sources/model';
import { withHome } from '../../files';
import { parseJson } from '../../json-file';
import { shown } from '../../schema';
import { PRESET_NAMES, type PresetName } from '../presets';
import { repeatedKey } from './repeated-key';
import { SETTINGS, type Settings } from './schema';

/** One layer of settings, and where it comes from: 'settings.json', '--rank'. */
export interface Layer {
  readonly from: string;
  readonly settings: Settings;
}

/** A settings file with those that it extends, the last of which extends a preset. */
export interface SettingsChain {
  readonly preset: PresetName | undefined;
  /** The first is the most general; their paths are absolute. */
  readonly layers: readonly Layer[];
}

/**
 * Reads a settings file and those that it extends.
 *
 * @throws naming file, field, what was required and what came
 */
export function readSettings(file: string, seen: readonly string[] = []): SettingsChain {
  const path = resolve(file);
  if (seen.includes(path)) throw new Error(`settings: ${file} extends itself; let one of the files extend a preset`);
  let text: string;
  try {
    const found = statSync(path);
    if (found.isDirectory()) {
      const inside = join(file, 'settings.json');
      const remedy = existsSync(join(path, 'settings.json')) ? `give ${inside}` : 'give a settings file';
      throw new Error(`settings: ${file} is a folder; ${remedy}`);
    }
    if (!found.isFile()) throw new Error(`settings: ${file} is not a file; put the file itself there`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(`settings: cannot read ${file} (${(error as NodeJS.ErrnoException).code}); give a JSON file`);
  }
  let json: unknown;
  try {
    json = parseJson(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`settings: ${file} is not valid JSON (${(error as Error).message}); mend it there`);
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) {
    throw new Error(
      `settings: ${file}: "${twice}" stands twice in one object, and the last alone would count; make one of them`,
    );
  }
  const settings = absolute(checkSettings(json, file), dirname(path));
  const { extends: base } = settings;
  const own: Layer = { from: file, settings };
  if (base === undefined) return { preset: undefined, layers: [own] };
  if (PRESET_NAMES.includes(base as PresetName)) return { preset: base as PresetName, layers: [own] };
  if (!/\.json$/i.test(base)) {
    throw new Error(
      `settings: ${file}: "extends" must be a preset (${PRESET_NAMES.join(', ')}) or a .json file, got "${base}"${nearest(base, PRESET_NAMES)}; mend it there`,
    );
  }
  const chain = readSettings(resolve(dirname(path), base), [...seen, path]);
  return { preset: chain.preset, layers: [...chain.layers, own] };
}

/**
 * @param from how errors call the settings: a file, an option
 * @throws naming the first field that is wrong, what was required and what came
 */
export function checkSettings(json: unknown, from: string): Settings {
  if (Array.isArray(json))
    throw new Error(`settings: ${from}: must be an object, got a list; settings.schema.json lists all settings`);
  const result = v.safeParse(SETTINGS, json);
  if (result.success) return inOrder(result.output);
  const help = from.startsWith('--') ? '--help lists the options' : 'settings.schema.json lists all settings';
  throw new Error(`settings: ${from}: ${describe(result.issues[0])}; ${help}`);
}

/** Names in one order, whatever the file's: the same settings are the same run. */
function inOrder(settings: Settings): Settings {
  const { data } = settings;
  if (data === undefined) return settings;
  const sorted = <T>(some: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(some).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    ...settings,
    data: {
      ...data,
      ...(typeof data.mixture === 'object' ? { mixture: sorted(data.mixture) } : {}),
      ...(data.fields === undefined ? {} : { fields: sorted(data.fields) }),
    },
  };
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map(({ key }) => String(key));
  const name = path.join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const last = path.at(-1)!;
    const group = GROUPS.find((one) => one !== path[0] && siblings([one]).includes(last));
    const hint = group === undefined ? nearest(last, siblings(path.slice(0, -1))) : `, did you mean "${group}.${last}"`;
    return `"${name}" is no setting${hint}`;
  }
  // Of a union, the branch that came furthest says more than the union.
  const inner = issue.issues?.flatMap(({ issues, ...one }) => [one, ...(issues ?? [])]) ?? [];
  const all = inner.length > 0 ? inner : [issue];
  const required = [...new Set(all.map(requirement))].join(' or ');
  const share = path.at(-1) === 'warmup' && issue.type === 'integer' ? ' of updates, or a share like "3%"' : '';
  return `"${name || 'the file'}" must be ${required}${share}, got ${shown(issue.input)}`;
}

/** Where a setting may stand, the first that has it being meant. */
const GROUPS = ['training', 'lora', 'data', 'scoring', 'output'] as const;

function requirement(issue: {
  readonly type: string;
  readonly requirement?: unknown;
  readonly expected: string | null;
}): string {
  switch (issue.type) {
    case 'integer':
      return 'a whole number';
    case 'min_value':
      return `${issue.requirement} or more`;
    case 'max_value':
      return `${issue.requirement} or less`;
    case 'gt_value':
      return `above ${issue.requirement}`;
    case 'lt_value':
      return `below ${issue.requirement}`;
    case 'min_length':
      return `a list of ${issue.requirement} or more`;
    case 'non_empty':
      return 'a path, not empty';
    case 'regex':
      return 'a share like "3%"';
    case 'strict_object':
    case 'object':
    case 'record':
      return 'an object';
    default:
      return (issue.expected ?? 'another value')
        .replace(/[()]/g, '')
        .replaceAll(' | ', ' or ')
        .replace('Array', 'a list');
  }
}

/** The names that may stand where an unknown one does. */
function siblings(path: readonly string[]): string[] {
  let entries: Readonly<Record<string, unknown>> = SETTINGS.entries;
  for (const key of path) {
    let schema = entries[key] as {
      readonly wrapped?: unknown;
      readonly entries?: unknown;
      readonly pipe?: readonly unknown[];
    };
    while (schema.wrapped) schema = schema.wrapped as typeof schema;
    entries = (schema.entries ?? {}) as Readonly<Record<string, unknown>>;
  }
  return Object.keys(entries);
}

/** ', did you mean ...' where a known name is near. */
export function nearest(name: string, known: readonly string[]): string {
  const [best] = [...known].sort((a, b) => distance(name, a) - distance(name, b));
  if (best !== undefined && distance(name.toLowerCase(), best.toLowerCase()) <= Math.max(2, name.length / 3)) {
    return `, did you mean "${best}"`;
  }
  return known.length > 0 && known.length <= 30 ? `; there are ${known.join(', ')}` : '';
}

/** A file's paths are relative to it. A model that is no folder stays as it is named: a later layer may name another. */
function absolute(settings: Settings, folder: string): Settings {
  const at = (path: string) => resolve(folder, withHome(path));
  const { model, data, output, encoders, plugin } = settings;
  return {
    ...settings,
    ...(model === undefined ? {} : { model: modelOrName(withHome(model), folder) }),
    ...(data?.folder === undefined ? {} : { data: { ...data, folder: at(data.folder) } }),
    ...(output?.folder === undefined ? {} : { output: { ...output, folder: at(output.folder) } }),
    ...(plugin === undefined ? {} : { plugin: at(plugin) }),
    ...(encoders === undefined ? {} : { encoders: encoders.map(at) }),
  };
}
