import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { parseJsonObject, readTextIfThere } from '../json-file';
import { type AdapterFolder, openAdapterFolder } from '../model/adapter-folder';
import { type ModelFolder, openModelFolder } from '../model/folder';

/** The base that is taken where no `--model` is given. */
export const BUNDLED_BASE = resolve(WORKBOOK_ROOT, 'data', 'miniature', 'base');

/** Opens a model's folder. @throws as `openModelFolder`; for the folder of a run, naming its models */
export async function openModelAt(folder: string): Promise<ModelFolder> {
  await refuseRun(folder, 'config.json', '--model');
  return openModelFolder(folder);
}

/**
 * Opens an adapter for its base.
 *
 * @throws as `openAdapterFolder`, saying which base was taken and which one the adapter names; for the folder of a run,
 *   naming its adapters
 */
export async function openAdapterAt(folder: string, base: ModelFolder): Promise<AdapterFolder> {
  await refuseRun(folder, 'adapter_config.json', '--adapter');
  try {
    return await openAdapterFolder(folder, base);
  } catch (error) {
    const named = await namedBase(folder);
    if (named === undefined || resolve(named) === base.folder) throw error;
    const taken =
      base.folder === BUNDLED_BASE
        ? 'the base taken is the bundled one, as where no --model is given'
        : `the base taken is ${base.folder}`;
    throw new Error(`${(error as Error).message}\n(${taken}; the adapter names "${named}")`, { cause: error });
  }
}

/** A run keeps its models in RUN/models; people give RUN. */
async function refuseRun(folder: string, wanted: string, option: string): Promise<void> {
  const models = join(folder, 'models');
  if (!existsSync(models) || !existsSync(join(folder, 'settings.json'))) return;
  const names = (await readdir(models)).sort().filter((name) => existsSync(join(models, name, wanted)));
  if (names.length === 0) return;
  const what = option === '--adapter' ? 'adapter' : 'model';
  const found = names.map((name) => join(models, name)).join(', ');
  throw new Error(
    `${what}: ${folder} is the folder of a run; its ${what}${names.length === 1 ? ' is' : 's are'} ${found}: give ` +
      `${names.length === 1 ? 'that' : 'one of them'} with ${option}`,
  );
}

/** `base_model_name_or_path` of adapter_config.json, where it can be read. */
async function namedBase(folder: string): Promise<string | undefined> {
  const file = join(folder, 'adapter_config.json');
  try {
    const { base_model_name_or_path: named } = parseJsonObject(
      (await readTextIfThere(file, 'adapter')) ?? '{}',
      file,
      'adapter',
    );
    return typeof named === 'string' && named !== '' ? named : undefined;
  } catch {
    return undefined;
  }
}
