import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TrainConfig } from '../../config';
import { trainingNotes } from '../../data/reading/notes';
import { readSources } from '../../engine/tensors';
import { writeFileAtomic } from '../../files';
import { hashFiles } from '../../hash';
import { saveAdapterFolder } from '../../model/adapter-folder';
import type { ModelFolder } from '../../model/folder';
import { writeTensorRows } from '../../model/tensor-rows';
import { type TunedModel, trainableCount, tunedModel } from '../../model/tuned';
import { createRandom } from '../../random';
import { planBatches } from '../../train/batches';
import { json, packingNotes } from '../data-stage';
import { mixFetched } from '../fetched-data';
import { openTrainingInputs } from '../inputs';
import type { RunOptions } from '../options';
import { previewRows } from '../preview';
import { createProgress } from '../progress';
import type { RunWatcher } from '../run';
import { writeSettings } from '../settings/effective';
import { launchFiles } from './launch';
import { handoffReadme } from './readme';
import { handoffRows } from './rows';
import { type HandoffSettings, handoffSettings, type World, worldOf } from './settings';

const ROWS_FILE = 'chunks.safetensors';
/** What the folder holds whatever the experiment is; beside this file, in lib/. */
const ALIKE = join(__dirname, '../../../lib/run/handoff/folder');
const WEIGHTS = /\.safetensors$/;

/**
 * Writes a folder with which transformers’ Trainer trains, on other machines, what `med42 train` would train here with
 * the same options: rows in training order, a fresh adapter, settings, train.py, a lockfile, launch files, a README.md.
 *
 * @param asked processes and precision, as far as they were given
 * @throws when settings ask for two methods, OUT holds something else, or the processes cannot share an update evenly
 */
export async function writeHandoff(
  options: RunOptions,
  asked: Partial<World>,
  { say, progress = createProgress }: RunWatcher,
): Promise<HandoffSettings> {
  const { out, model: folder } = options;
  const [method, other] = options.config.methods;
  if (method === undefined || other !== undefined) {
    throw new Error('handoff: one method is trained at a time; give --method lora or --method full');
  }
  await checkOut(options);
  const given = options.config[method];
  const world = worldOf(asked, given.batchSize * given.accumulation);
  const inputs = await openTrainingInputs(await mixFetched(options, options.config, say), options.config, progress);
  const config = inputs.config[method];
  const { base, chunks, data } = inputs;
  const { packing } = data.packing;
  for (const note of [...trainingNotes(data.training), ...packingNotes(data), ...previewRows(data)]) say(note);
  const plan = planBatches(chunks.length, config);
  const { shape, rows, order, filled } = handoffRows(chunks, packing, plan, config.batchSize * config.accumulation);
  const [, length] = shape;
  checkContext(base, length);

  const column = { shape, dtype: 'int32' } as const;
  const line = progress('writing');
  await writeTensorRows(join(out, ROWS_FILE), {
    specs: {
      input_ids: column,
      labels: column,
      position_ids: column,
      order: { shape: [order.length], dtype: 'int32' },
    },
    whole: { order },
    rows,
    metadata: { format: 'pt', packing },
    onRows: (done) => line.at(done, shape[0], 'rows'),
  });
  line.end?.();
  const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
  const written = [ROWS_FILE, ...(await writeAdapter(out, model, config, basename(folder)))];
  for (const name of await readdir(ALIKE)) {
    await writeFileAtomic(join(out, name), await readFile(join(ALIKE, name)));
  }
  const settings = handoffSettings({
    config,
    plan,
    world,
    packing: data.packing,
    rows: { filled, length },
    trainable: trainableCount(model),
    model: await describeModel(base),
    files: Object.fromEntries(
      await Promise.all(written.map(async (name) => [name, await hashFiles([join(out, name)])])),
    ),
    packages: await pinnedPackages(),
    checkpointEvery: inputs.config.checkpointEvery,
  });
  for (const [name, text] of Object.entries(launchFiles(settings))) {
    await writeFileAtomic(join(out, 'launch', name), text);
  }
  await writeFileAtomic(join(out, 'README.md'), handoffReadme(settings));
  await writeSettings(join(out, 'settings.json'), 'train', options.preset, options.settings);
  // Last: a folder without it is not a hand-off yet.
  await writeFileAtomic(join(out, 'handoff.json'), json(settings));
  return settings;
}

async function checkOut({ out, fresh }: RunOptions): Promise<void> {
  const entries = await readdir(out).catch(() => []);
  if (entries.length === 0 || (existsSync(join(out, 'handoff.json')) && fresh)) return;
  const remedy = existsSync(join(out, 'handoff.json')) ? 'choose another --out or add --fresh' : 'choose another --out';
  throw new Error(`handoff: ${out} must be empty, it holds ${entries.sort().slice(0, 3).join(', ')}; ${remedy}`);
}

/** Frequencies of a dynamic rotary embedding change beyond the context, where the stream's extra place would stand. */
function checkContext({ rawConfig, config, folder }: ModelFolder, length: number): void {
  const rope = JSON.stringify([rawConfig.rope_scaling, rawConfig.rope_parameters]);
  if (!rope.includes('"dynamic"') || length <= config.maxPositionEmbeddings) return;
  throw new Error(
    `handoff: a row has ${length} tokens, and the rotary embedding of ${folder} ("dynamic") changes beyond ` +
      `${config.maxPositionEmbeddings}; use --max-seq-len ${config.maxPositionEmbeddings - 1}`,
  );
}

/** The adapter that a training here would begin with. */
async function writeAdapter(out: string, model: TunedModel, config: TrainConfig, name: string): Promise<string[]> {
  if (!model.lora) return [];
  const initial = await readSources(model.initial(createRandom(config.seed, 'adapter')));
  const card = { title: 'A LoRA adapter before training', details: 'It changes nothing yet.' };
  await saveAdapterFolder(join(out, 'adapter'), model.lora, name, initial, card);
  return ['adapter/adapter_config.json', 'adapter/adapter_model.safetensors'];
}

async function describeModel({ folder, weights, config }: ModelFolder) {
  const files = [...new Set(Object.values(weights).map(({ file }) => file))]
    .sort()
    .filter((file) => WEIGHTS.test(file));
  const sizes = files.map(async (file) => [basename(file), (await stat(file)).size] as const);
  return {
    name: basename(folder),
    layers: config.numHiddenLayers,
    configSha256: await hashFiles([join(folder, 'config.json')]),
    weightBytes: Object.fromEntries(await Promise.all(sizes)),
  };
}

/** Of requirements.in: what the experiment hangs on, as distinct from what these need. */
async function pinnedPackages(): Promise<Record<string, string>> {
  const text = await readFile(join(ALIKE, 'requirements.in'), 'utf8');
  return Object.fromEntries([...text.matchAll(/^([\w-]+)==(\S+)$/gm)].map(([, name, version]) => [name!, version!]));
}
