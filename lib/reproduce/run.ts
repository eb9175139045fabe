import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assertFits, loadTokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { splitOverlong } from '../eval/overlong';
import { writeFileAtomic } from '../files';
import { openModelFolder } from '../model/folder';
import { tunedModel } from '../model/tuned';
import { hashOf } from '../train/checkpoint';
import { json, prepareData, writeDataReports } from './data-stage';
import type { RunOptions } from './options';
import { hashWeights, writeReport } from './report-stage';
import { scoreModel } from './scoring-stage';
import { type TrainedModel, trainMethod } from './training-stage';

/** The form of the results folder; a folder of another form is not continued. */
const RESULTS_VERSION = 1;

/**
 * The paper's comparison, stage after stage, into `options.out`. Interrupted or killed, the same options carry it on.
 *
 * @param signal stops after the current update, with a checkpoint
 * @param say prints a line
 * @returns the results table, as text
 */
export async function reproduce(
  options: RunOptions,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<string> {
  const { config, out } = options;
  const seconds: Record<string, number> = {};
  const timed = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    seconds[stage] = (performance.now() - began) / 1000;
    return result;
  };
  const device = await openDevice(options.device);
  const base = await openModelFolder(options.model);
  const tokenizer = await loadTokenizer(options.model);
  assertFits(tokenizer, base.config.vocabSize);
  const modelHash = await hashWeights(base);
  const identity = hashOf({ config, data: options.data, device: options.device, modelHash });
  await checkFolder(options, identity);

  const chunkLength = Math.min(config.full.maxSeqLen, base.config.maxPositionEmbeddings);
  const lora = { ...config.lora, maxSeqLen: chunkLength };
  const full = { ...config.full, maxSeqLen: chunkLength };
  say('[1/6] data');
  const data = await timed('data', () => prepareData(options.data, config, tokenizer, chunkLength));
  const { items } = data.dataset.evaluation;
  const { scorable, overlong } = await splitOverlong(items, tokenizer, base.config.maxPositionEmbeddings, config.bos);
  await claimFolder(options, identity);
  await writeDataReports(data, out);
  say(
    `      ${data.mixture.total} rows of ${data.mixture.rows.length} subsets (${data.standIns.length} of them stand-ins) in ` +
      `${data.chunks.length} chunks of ${chunkLength}; ${items.length} items`,
  );

  const stage = { base, modelHash, data, device, checkpointEvery: config.checkpointEvery, out, signal };
  const trained: TrainedModel[] = [];
  trained.push(await timed('train lora', () => trainMethod('[2/6] train LoRA', lora, stage)));
  trained.push(await timed('train full', () => trainMethod('[3/6] train full', full, stage)));

  const scoring = { items: scorable, config, tokenizer, device, out, signal };
  const untouched = tunedModel(base, 'base');
  const weightsOf = (method: TrainedModel) => ({
    modelHash,
    packing: data.packing.sha256,
    config: method.method === 'lora' ? lora : full,
  });
  const scores = {
    base: await timed('score base', () =>
      scoreModel('[4/6] score base', 'base', untouched, undefined, { modelHash }, scoring),
    ),
    lora: await timed('score lora', () =>
      scoreModel('[5/6] score LoRA', 'lora', trained[0]!.model, trained[0]!.state, weightsOf(trained[0]!), scoring),
    ),
    full: await timed('score full', () =>
      scoreModel('[6/6] score full', 'full', trained[1]!.model, trained[1]!.state, weightsOf(trained[1]!), scoring),
    ),
  };
  const table = await writeReport({
    config: { ...config, lora, full },
    base,
    modelHash,
    tokenizer,
    data,
    dataFolder: options.data,
    device,
    trained,
    scores,
    overlong: overlong.map((item) => item.id),
    timings: { seconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 },
    out,
  });
  for (const { state } of trained) state.dispose();
  return table;
}

/** @throws when the results folder is not this run's, or not to be deleted; nothing is written or deleted yet. */
async function checkFolder({ out, fresh }: RunOptions, identity: string): Promise<void> {
  const file = join(out, 'config.json');
  if (fresh) {
    // Only a folder of results is ever deleted.
    if (existsSync(out) && !existsSync(file)) {
      throw new Error(`reproduce: --fresh would delete ${out}, which holds no results; choose another --out`);
    }
    return;
  }
  const known = await readFile(file, 'utf8').then(parseKnown, () => undefined);
  if (known && known.version !== RESULTS_VERSION) {
    throw new Error(
      `reproduce: ${out} holds results of form ${known.version}, this library writes ${RESULTS_VERSION}; choose another --out or add --fresh`,
    );
  }
  if (known && known.identity !== identity) {
    throw new Error(
      `reproduce: ${out} holds a run with other settings, data or model; choose another --out or add --fresh`,
    );
  }
}

/** What is no JSON is of no form that is known. */
function parseKnown(text: string): { readonly version?: unknown; readonly identity?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}

/** Takes the results folder for this run, once its input has proved good. */
async function claimFolder({ out, config, device, preset, fresh }: RunOptions, identity: string): Promise<void> {
  if (fresh) await rm(out, { recursive: true, force: true });
  await writeFileAtomic(join(out, 'config.json'), json({ version: RESULTS_VERSION, identity, preset, device, config }));
}
