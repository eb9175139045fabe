import { readdir, rm } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { tokensBy } from '../data/tokenizer';
import { writeFileAtomic } from '../files';
import { hashOf } from '../hash';
import { parseJson, readTextIfThere } from '../json-file';
import { isFolderLock } from '../lock';
import type { ModelFolder } from '../model/folder';
import { shown } from '../schema';
import { json } from './data-stage';
import { madeBy } from './inputs';
import type { RunOptions } from './options';
import { PRESETS, type PresetName, type RunConfig } from './presets';
import { type Begun, runDifferences } from './run-differences';
import { writeSettings } from './settings/effective';

/** The form of the results folder; a folder of another form is not continued. */
const RESULTS_VERSION = 4;

/** Every setting of the run, from which `med42 run` repeats it. */
const SETTINGS_FILE = 'settings.json';

/**
 * @throws when the results folder is of another form, is where the rows or the model lie, or is not to be deleted; nothing
 * is written or deleted yet
 */
export async function checkFolder({
  out,
  fresh,
  data,
  model,
}: Pick<RunOptions, 'out' | 'fresh' | 'data' | 'model'>): Promise<void> {
  const file = join(out, 'config.json');
  for (const [what, path] of [
    ['rows', data],
    ['model', model],
  ] as const) {
    const inside = relative(out, path);
    if (inside === '') throw new Error(`results: ${out} is where the ${what} lie; choose another --out`);
    const isInside = inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
    if (fresh && isInside) {
      throw new Error(`results: --fresh would delete the ${what} in ${path}; choose another --out`);
    }
  }
  if (fresh) {
    // Only a folder of results is ever deleted. A model's folder has a config.json too.
    const names: readonly string[] = await readdir(out).catch(() => []);
    const isOther = (await readKnown(file))?.identity === undefined && !names.includes(SETTINGS_FILE);
    if (isOther && names.some((name) => !isFolderLock(name))) {
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

/** What a run is made from beside its settings. */
export interface RunContent {
  readonly base: Pick<ModelFolder, 'config'>;
  readonly tokenizer: Parameters<typeof tokensBy>[0];
  /** Of the base's weights. */
  readonly modelHash: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** All that its rows and items are known by, the files with it. */
  readonly data: object;
}

/**
 * Takes the results folder for this run, once its input has proved good.
 *
 * @returns what is to be said of a run that goes on in another manner
 * @throws naming what is different, where the folder holds another run
 */
export async function claimFolder(
  { out, config, device, xla, preset, fresh, settings }: RunOptions,
  { base, tokenizer, data, files, modelHash }: RunContent,
  command: 'reproduce' | 'train',
): Promise<string[]> {
  const file = join(out, 'config.json');
  const made = withoutManner(config, preset);
  const identity = hashOf({ config: made, data, device, modelHash });
  // What numbers follow from beside these. A run of an earlier workbook does not tell, and goes on.
  const { precision, attention } = xla;
  const by = { ...madeBy(base, tokenizer), precision, attention };
  if (fresh) {
    const entries = await readdir(out);
    for (const name of entries) if (!isFolderLock(name)) await rm(join(out, name), { recursive: true });
  }
  const known = await readKnown(file);
  const isBy = known?.by === undefined || hashOf(known.by) === hashOf(by);
  if (known && (known.identity !== identity || !isBy)) {
    const before =
      known.config === undefined
        ? known
        : { ...known, config: { ...withoutManner(known.config as RunConfig, preset), ...(known.by as object) } };
    const now = { ...made, ...(known.by === undefined ? {} : by) };
    const what = runDifferences(before, { config: now, device, files, modelHash });
    throw new Error(
      `results: ${out} holds a run with other settings, data or model${what === '' ? '' : ` (${what})`}; ` +
        'choose another --out or add --fresh',
    );
  }
  await writeFileAtomic(
    file,
    json({ version: RESULTS_VERSION, identity, preset, device, config, files, modelHash, by }),
  );
  await writeSettings(join(out, SETTINGS_FILE), command, preset, settings);
  const was = (known?.config as Partial<RunConfig> | undefined)?.threads;
  if (was === undefined || was === config.threads) return [];
  return [
    `the run goes on with ${config.threads ?? 'all'} threads, and was begun with ${was ?? 'all'}: numbers may differ in their last digits`,
  ];
}

/** How a run is carried out changes no number beyond rounding: it may go on with another number of threads. */
const withoutManner = (config: RunConfig, preset: PresetName): RunConfig => {
  const { threads, checkpointEvery } = PRESETS[preset];
  return { ...config, threads, checkpointEvery };
};

/** What is no JSON is of no form that is known. */
async function readKnown(
  file: string,
): Promise<(Begun & Readonly<Partial<Record<'version' | 'identity' | 'by', unknown>>>) | undefined> {
  const text = await readTextIfThere(file, 'results');
  if (text === undefined) return undefined;
  try {
    return (parseJson(text) ?? {}) as object;
  } catch {
    return {};
  }
}
