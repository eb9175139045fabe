import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../../files';
import { type Installed, RECORD } from './cache';
import { type Package, type PluginEntry, readRequirements, requirementsFile, wheelsHere } from './catalogue';
import { downloadWheels, wheelsIn } from './fetch';
import { checkWheel, unpackWheel } from './wheel';

/** What an installation brings, said before anything is fetched. */
export interface InstallPlan {
  readonly entry: PluginEntry;
  readonly packages: readonly Package[];
  readonly complete: boolean;
  readonly downloadBytes: number;
  readonly licences: readonly string[];
}

/** @param compileOnly leaves away what only running needs */
export function planInstall(entry: PluginEntry, { compileOnly = false } = {}): InstallPlan {
  if (compileOnly && !entry.compileOnly) {
    throw new Error(`xla: --compile-only is for cuda12 and cuda13; ${entry.name} cannot compile for what is not there`);
  }
  const all = readRequirements(entry.name);
  const packages = compileOnly ? all.filter((p) => entry.compileOnly!.includes(p.name)) : all;
  return {
    entry,
    packages,
    complete: !compileOnly,
    downloadBytes: wheelsHere(packages).reduce((sum, wheel) => sum + wheel.bytes, 0),
    licences: [...new Set(packages.map((p) => p.licence))],
  };
}

export interface InstallSettings {
  /** The cache (`pluginCache`). */
  readonly cache: string;
  /** A folder of wheels; the package index where it is not given. */
  readonly from?: string;
  readonly signal?: AbortSignal;
}

/** Folders that a killed installation left begin so. */
const ASIDE = '.installing-';

/**
 * Fetches, checks and unpacks a plug-in. All is written aside and renamed at the end: cut short in whatever way, an
 * installation leaves nothing under the plug-in's name, or the former one.
 *
 * @returns its folder
 */
export async function installPlugin(plan: InstallPlan, { cache, from, signal }: InstallSettings): Promise<string> {
  const { entry, packages, complete } = plan;
  const wheels = wheelsHere(packages);
  await makeFolder(cache);
  removeLeftovers(cache);
  const aside = join(cache, `${ASIDE}${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    const source = from ?? join(aside, 'wheels');
    if (from === undefined) await downloadWheels(packages, source, signal);
    const paths = wheelsIn(source, wheels, requirementsFile(entry.name));
    // Every hash before the first byte is unpacked.
    for (const [i, path] of paths.entries()) await checkWheel(path, wheels[i]!);
    const made = join(aside, 'made');
    for (const path of paths) {
      signal?.throwIfAborted();
      await unpackWheel(path, made);
      // What was fetched here is not needed twice on the disk.
      if (from === undefined) rmSync(path);
    }
    if (!existsSync(join(made, entry.library))) {
      throw new Error(`xla: the wheels of ${entry.name} hold no ${entry.library}`);
    }
    const record: Installed = { name: entry.name, packages: packages.map((p) => `${p.name}==${p.version}`), complete };
    await writeFileAtomic(join(made, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
    const folder = join(cache, entry.name);
    if (existsSync(folder)) await rename(folder, join(aside, 'former'));
    await rename(made, folder);
    return folder;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** What killed installations left: folders of processes that are gone. */
function removeLeftovers(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = Number(/^\.installing-(\d+)-/.exec(name)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
