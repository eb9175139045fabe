import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type { Method } from '../config';
import { ALL_SOURCES, CATALOGUE } from '../data/sources/catalogue/catalogue';
import type { Source } from '../data/sources/catalogue/entry';
import { planFetch } from '../data/sources/fetch';
import { hubCache } from '../data/sources/hub/cache';
import { type Client, createClient, FetchError } from '../data/sources/hub/http';
import { hubToken, isOffline } from '../data/sources/hub/snapshot';
import { GITHUB } from '../data/sources/locate';
import { planModel } from '../data/sources/model';
import { PAPER_FOLDER, readSources } from '../data/sources/record';
import { openDevice } from '../engine/device';
import { WORKBOOK_ROOT } from '../files';
import type { LlamaConfig } from '../model/llama';
import { shapeOf, unreadModel } from '../plan/model';
import { type Plan, planTraining } from '../plan/plan';
import { parseTarget } from '../plan/target';
import { duration, planLines, TIME_NOTE } from '../plan/text';
import { TOKENS_A_SAMPLE, TOKENS_NOTE } from '../plan/tokens';
import type { RunOptions } from '../run/options';
import { chunkLength } from '../run/presets';
import { countParameters } from '../train/memory';
import { estimateTrainingMemory } from '../train/peak-memory';
import { count, effect, fetchLines, size } from './fetch-text';
import { callersFolder } from './interrupt';

/** Bytes of text of a token, about: of rows that are only looked at from outside. */
const BYTES_A_TOKEN = 4;
/** Bytes that a training row takes in a mixture's Parquet file: 298 MB for 706,713 rows, measured. */
const MIXED_BYTES_A_ROW = 421;
/** A token lies on the disk in a piece, and once more in the chunks with its target, weight, sample and source. */
const TOKEN_BYTES = 4;

/**
 * Says what a run would fetch, need and take, line by line; nothing is loaded, and without a network sizes are those that
 * were seen before.
 */
export async function dryRun(options: RunOptions): Promise<string[]> {
  const client = createClient({ token: await hubToken(), retries: 0, patience: 5000 });
  const online = !isOffline() && (await isReachable(client));
  const shape = await shapeOf(options.model).catch(() => undefined);
  const isPapers = options.data === resolve(WORKBOOK_ROOT, PAPER_FOLDER);
  return [
    'Nothing is fetched, loaded or trained: this is what the command would do.',
    '',
    `TO FETCH${online ? '' : ' (the Hub is not asked: no network; sizes are about those seen before)'}`,
    ...(isPapers ? await sourceLines(options.data, client, online) : [await dataLine(options.data)]),
    await modelLine(options.model, shape?.model, client, online),
    '',
    ...(shape ? await trainingLines(options, shape) : [noShape(options.model)]),
  ];
}

/** One try tells whether there is a network. */
async function isReachable(client: Client): Promise<boolean> {
  try {
    await client.request(`${client.endpoint}/api/datasets/cais/mmlu/revision/main`);
    return true;
  } catch (error) {
    return error instanceof FetchError && error.status !== undefined;
  }
}

async function sourceLines(data: string, client: Client, online: boolean): Promise<string[]> {
  const gone = CATALOGUE.filter(({ unavailable }) => unavailable).map(
    (source) => `${source.name.padEnd(24)} cannot be had: ${source.unavailable!.why}${effect(source)}`,
  );
  const there = await readSources(data);
  const missing = ALL_SOURCES.filter(({ name }) => there[name] === undefined);
  const here = ALL_SOURCES.length - missing.length;
  const known =
    here > 0 ? [`${here} of ${ALL_SOURCES.length} sources are in ${relative(callersFolder(), data)} already`] : [];
  if (missing.length === 0) return [...known, ...gone];
  if (!online)
    return [
      ...known,
      ...missing.map(seenLine),
      ...gone,
      `in all about ${size(bytesOf(missing))} and what is not known`,
    ];
  const where = { client, cache: hubCache(), raw: join(data, 'raw'), ...GITHUB, offline: false };
  const plan = await planFetch(missing, where);
  const refused = plan.groups.flatMap(({ sources, refusal }) =>
    refusal ? sources.map((source) => `missing: ${refusal.message.replace(/^fetch: /, '')}${effect(source)}`) : [],
  );
  return [...known, ...fetchLines(plan), ...refused, ...gone];
}

/** A source as the catalogue has it; of several in the same files, the first has their size. */
function seenLine({ name, places, bytes, licence, unsure }: Source): string {
  const first = ALL_SOURCES.find((one) => JSON.stringify(one.places) === JSON.stringify(places))!;
  const own = bytes === undefined ? 'size not known' : `about ${size(bytes)}`;
  const of = first.name === name ? own : `with ${first.name}`;
  const looked = unsure.map((one) => `; not looked at before: ${one}`).join('');
  return `${name.padEnd(24)} ${of.padEnd(22)} licence: ${licence}${looked}`;
}

/** Sources of the same files are fetched once. */
const bytesOf = (sources: readonly Source[]): number =>
  [...new Map(sources.map((source) => [JSON.stringify(source.places), source.bytes ?? 0])).values()].reduce(
    (a, b) => a + b,
    0,
  );

async function dataLine(data: string): Promise<string> {
  const at = relative(callersFolder(), data) || '.';
  return existsSync(data)
    ? `rows and items: in ${at}, ${size(await bytesIn(data))}`
    : `rows and items: ${at} is not there`;
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = ['train', 'eval'].map(async (half) => {
    const entries = await readdir(join(folder, half)).catch(() => []);
    const files = await Promise.all(entries.map((name) => stat(join(folder, half, name))));
    return files.reduce((sum, file) => sum + file.size, 0);
  });
  return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
}

async function modelLine(
  model: string,
  shape: LlamaConfig | undefined,
  client: Client,
  online: boolean,
): Promise<string> {
  if (existsSync(model)) return `model: in ${relative(callersFolder(), model) || '.'}`;
  if (online) {
    try {
      const { bytes, repo } = await planModel(client, model);
      return `model: ${model}, ${size(bytes)}, licence: ${repo.licence ?? 'none stated'} (med42 fetch --model ${model})`;
    } catch (error) {
      return `model: ${(error as Error).message.replace(/^fetch: /, '')}`;
    }
  }
  const bytes = shape ? `about ${size(2 * countParameters(shape).base)} in 16 bits` : 'size not known';
  const gated = model.startsWith('meta-llama/') ? '; gated: its owner must grant access, and HF_TOKEN must be set' : '';
  return `model: ${model}, ${bytes}${gated} (med42 fetch --model ${model})`;
}

const noShape = (model: string): string =>
  `NEEDED AND TAKEN: not known before ${model} has its config.json here; \`med42 fetch --model ${model}\` brings it`;

async function trainingLines(
  options: RunOptions,
  { title, model }: { readonly title: string; readonly model: LlamaConfig },
): Promise<string[]> {
  const { config, xla, device } = options;
  const samples = config.samples ?? undefined;
  const tokens = samples === undefined ? (await bytesIn(options.data)) / BYTES_A_TOKEN : samples * TOKENS_A_SAMPLE;
  const tokensAnEpoch = Math.max(1, Math.round(tokens * (1 - config.developmentFraction)));
  const planned = (method: Method): Plan => {
    const { batchSize, accumulation, epochs, lora } = config[method];
    return planTraining({
      title,
      model,
      ...(method === 'lora' ? { lora } : {}),
      chunkLength: Math.min(chunkLength(config), model.maxPositionEmbeddings),
      batchADevice: batchSize / xla.devices,
      accumulation,
      precision: xla.precision,
      recompute: xla.loops,
      attention: xla.attention,
      target: parseTarget(xla.devices > 1 ? `h100x${xla.devices}` : 'h100'),
      epochs,
      tokensAnEpoch,
    });
  };
  const plans = config.methods.map(planned);
  const seeds = config.seeds.length;
  const sum = (value: (plan: Plan) => number) => plans.reduce((total, plan) => total + value(plan), 0);
  const disk =
    2 * countParameters(model).base +
    (samples ?? 0) * MIXED_BYTES_A_ROW +
    tokens * TOKEN_BYTES +
    Math.max(...plans.map((plan) => plan.disk.chunks)) +
    sum((plan) => seeds * (plan.disk.checkpoint + plan.disk.saved));
  return [
    device.startsWith('xla')
      ? 'NEEDED, on cards of the size of an H100; `med42 plan` counts for others'
      : `NEEDED; beside it what one H100 would need: with --device ${device} only the first update tells the time`,
    ...(device === 'cpu' ? [await cpuLine(options, model)] : []),
    ...plans.flatMap((plan) => [...planLines(plan).map(inOurWords), '']),
    `disk in all: about ${size(disk)} for the model, the mixture, tokens, chunks, checkpoints and what is saved, beside the sources`,
    '',
    'TAKEN',
    `about ${duration(seeds * sum((plan) => plan.seconds!))} for ${count(plans.length * seeds)} ${plans.length * seeds === 1 ? 'training' : 'trainings'}; scoring, mixing and held-out losses come on top`,
    samples === undefined
      ? `tokens: the size of the files in ${options.data}, by ${BYTES_A_TOKEN} bytes a token; ${(100 * config.developmentFraction).toFixed(0)} % are held out`
      : `tokens: at most ${count(samples)} rows; ${TOKENS_NOTE}; ${(100 * config.developmentFraction).toFixed(0)} % are held out`,
    TIME_NOTE,
  ];
}

/** Estimated as it is before the first update, of weights in 16 bits. */
async function cpuLine({ config }: RunOptions, model: LlamaConfig): Promise<string> {
  const device = await openDevice('cpu', config.threads ?? undefined);
  const form = { separate: config.packing !== 'concatenated', asked: undefined };
  const maxSeqLen = Math.min(chunkLength(config), model.maxPositionEmbeddings);
  const peaks = config.methods.map((method) => {
    const tuned = unreadModel(model, method === 'lora' ? config.lora.lora : undefined);
    return estimateTrainingMemory(tuned, { ...config[method], maxSeqLen }, device, form).total;
  });
  return `memory on this machine: about ${(Math.max(...peaks) / 2 ** 30).toFixed(1)} GB at its peak, of ${(totalmem() / 2 ** 30).toFixed(1)} GB`;
}

/** `med42 plan` has options of its own. */
const inOurWords = (line: string): string =>
  line.replace('without --no-recompute', '--recompute layers').replace(/--target h100x(\d+)/, '--devices $1');
