import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { flag, looseFields, parseFields, text } from '../../../schema';
import { type PluginEntry, type PluginName, readRequirements } from './catalogue';

/** Where installed plug-ins lie: XDG_CACHE_HOME/med42/xla/NAME, or ~/.cache/... */
export function pluginCache(env: NodeJS.ProcessEnv = process.env): string {
  const given = env.XDG_CACHE_HOME;
  // The XDG specification: a relative path is to be ignored.
  const cache = given && isAbsolute(given) ? given : join(env.HOME ?? homedir(), '.cache');
  return join(cache, 'med42', 'xla');
}

/** Written as the last file of an installed plug-in. */
export const RECORD = 'installed.json';

export interface Installed {
  readonly name: PluginName;
  /** package==version */
  readonly packages: readonly string[];
  /** False where only what compiling ahead needs was installed. */
  readonly complete: boolean;
}

export interface InstalledPlugin extends Installed {
  readonly folder: string;
  readonly file: string;
  /** The pins of this library are others by now. */
  readonly outdated: boolean;
}

const REST = { packages: v.array(text, 'a list of packages'), complete: flag };

/** What the cache has of a plug-in; undefined where it is not installed. */
export function readInstalled(entry: PluginEntry, cache: string): InstalledPlugin | undefined {
  const folder = join(cache, entry.name);
  const file = join(folder, entry.library);
  const record = join(folder, RECORD);
  const stats = statSync(record, { throwIfNoEntry: false });
  if (stats === undefined || !existsSync(file)) return undefined;
  const remedy = `install it again with \`med42 xla install ${entry.name}\``;
  if (!stats.isFile()) throw new Error(`xla: ${record} is not a file; delete it, and ${remedy}`);
  const schema = looseFields({}, { name: v.literal(entry.name, `"${entry.name}"`), ...REST });
  const installed = parseFields(schema, readFileSync(record, 'utf8'), `xla: ${record}`, remedy);
  const pinned = new Set(readRequirements(entry.name).map((p) => `${p.name}==${p.version}`));
  return { ...installed, folder, file, outdated: installed.packages.some((p) => !pinned.has(p)) };
}
