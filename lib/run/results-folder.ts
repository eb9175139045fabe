import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files';
import { parseJson, readTextIfThere } from '../json-file';
import { isFolderLock } from '../lock';
import { shown } from '../schema';
import { json } from './data-stage';
import type { RunOptions } from './options';
import { writeSettings } from './settings/effective';

/** The form of the results folder; a folder of another form is not continued. */
const RESULTS_VERSION = 4;

/** Every setting of the run, from which `med42 run` repeats it. */
export const SETTINGS_FILE = 'settings.json';

/** @throws when the results folder is of another form, or not to be deleted; nothing is written or deleted yet. */
export async function checkFolder({ out, fresh }: Pick<RunOptions, 'out' | 'fresh'>): Promise<void> {
  const file = join(out, 'config.json');
  if (fresh) {
    // Only a folder of results is ever deleted.
    if (existsSync(out) && !existsSync(file)) {
      throw new Error(`results: --fresh would delete ${out}, which holds no results; choose another --out`);
    }
    return;
  }
  const known = await readKnown(file);
  if (known && known.version !== RESULTS_VERSION) {
    throw new Error(
      `results: ${out} holds results of form ${shown(known.version)}, this library writes ${RESULTS_VERSION} (config.json); choose another --out or add --fresh`,
    );
  }
}

/** Takes the results folder for this run, once its input has proved good. */
export async function claimFolder(
  { out, config, device, preset, fresh, settings }: RunOptions,
  identity: string,
  command: 'reproduce' | 'train',
): Promise<void> {
  const file = join(out, 'config.json');
  if (fresh) {
    const entries = await readdir(out);
    for (const name of entries) if (!isFolderLock(name)) await rm(join(out, name), { recursive: true });
  }
  const known = await readKnown(file);
  if (known && known.identity !== identity) {
    throw new Error(
      `results: ${out} holds a run with other settings, data or model; choose another --out or add --fresh`,
    );
  }
  await writeFileAtomic(file, json({ version: RESULTS_VERSION, identity, preset, device, config }));
  await writeSettings(join(out, SETTINGS_FILE), command, preset, settings);
}

/** What is no JSON is of no form that is known. */
async function readKnown(
  file: string,
): Promise<{ readonly version?: unknown; readonly identity?: unknown } | undefined> {
  const text = await readTextIfThere(file, 'results');
  if (text === undefined) return undefined;
  try {
    return (parseJson(text) ?? {}) as object;
  } catch {
    return {};
  }
}
