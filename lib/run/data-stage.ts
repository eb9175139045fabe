import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { splitDevelopment } from '../data/development';
import { type Dataset, type EvalItem, loadDataset } from '../data/examples';
import { type MixtureReport, mixByPaper } from '../data/mixture';
import { type Chunk, type PackingReport, packSamples } from '../data/packing/packing';
import { type SampleReport, tokenizeExamples } from '../data/samples';
import { mapSource } from '../data/sources';
import type { Tokenizer } from '../data/tokenizer';
import type { Planted } from '../decontaminate/planted';
import { writeFileAtomic } from '../files';
import { readItemFacts, readPlanted, readQuiz } from '../miniature/miniature';
import type { SubsetKey } from '../paper/table-a1';
import { createRandom } from '../random';
import type { RunConfig } from './presets';

/** A text that ends every response of the P3 stand-ins: learning to write it would be learning their file format. */
const END_MARKER = '<|endoftext|>';

export interface PreparedData {
  readonly dataset: Dataset;
  readonly mixture: MixtureReport;
  readonly standIns: readonly { readonly subset: SubsetKey; readonly note: string; readonly rows: number }[];
  readonly samples: SampleReport;
  readonly chunks: readonly Chunk[];
  readonly heldOut: readonly Chunk[];
  readonly packing: PackingReport;
  /** What only a generated world knows of itself; null for other data. */
  readonly world: World | null;
}

export interface World {
  /** By item id. */
  readonly facts: Readonly<Record<string, { readonly factId: string; readonly group: string }>>;
  /** Pairs of item and row made alike on purpose. */
  readonly planted: readonly Planted[];
  /** Questions outside medicine, to see what tuning forgets. */
  readonly quiz: readonly EvalItem[];
}

/**
 * raw -> canonical -> mixed -> packed.
 *
 * @param chunkLength T, cut to the model's context by the caller
 */
export async function prepareData(
  folder: string,
  config: RunConfig,
  tokenizer: Tokenizer,
  chunkLength: number,
): Promise<PreparedData> {
  const dataset = await loadDataset(folder, { endMarker: END_MARKER });
  const available = dataset.training.examples.length;
  const { examples, report: mixture } = mixByPaper(
    dataset.training.examples,
    Math.min(config.samples, available),
    createRandom(config.seed, 'mixture'),
  );
  const split = splitDevelopment(examples, config.developmentFraction, createRandom(config.seed, 'development'));
  const tokenized = await tokenizeExamples(split.train, tokenizer);
  const development = await tokenizeExamples(split.development, tokenizer);
  const pack = (samples: typeof tokenized.samples) =>
    packSamples(samples, {
      packing: config.packing,
      maxSeqLen: chunkLength,
      overlong: 'truncate',
      // A row without a response token has no loss and no gradient: leaving it out changes no update but its cost.
      zeroLossChunks: 'drop',
    });
  const packed = pack(tokenized.samples);
  const standIns = summariseStandIns(examples.map((e) => e.source));
  return {
    dataset,
    mixture,
    standIns,
    samples: tokenized.report,
    chunks: packed.chunks,
    heldOut: pack(development.samples).chunks,
    packing: packed.report,
    world: await readWorld(folder),
  };
}

export async function readWorld(folder: string): Promise<World | null> {
  if (!existsSync(join(folder, 'item-facts.jsonl'))) return null;
  const [facts, planted, quiz] = await Promise.all([readItemFacts(folder), readPlanted(folder), readQuiz(folder)]);
  return { facts: Object.fromEntries(facts), planted, quiz };
}

/** Writes mixture.json and packing.json. */
export async function writeDataReports(data: PreparedData, out: string): Promise<void> {
  const { dataset, mixture, standIns, samples, packing } = data;
  const strippedEndMarkers = dataset.training.stripped;
  await writeFileAtomic(join(out, 'mixture.json'), json({ ...mixture, standIns, strippedEndMarkers }));
  await writeFileAtomic(join(out, 'packing.json'), json({ ...packing, ...samples }));
}

function summariseStandIns(sources: readonly string[]): PreparedData['standIns'] {
  const rows = new Map<string, number>();
  for (const source of sources) if (mapSource(source).standIn) rows.set(source, (rows.get(source) ?? 0) + 1);
  return [...rows].map(([source, count]) => {
    const { subset, note } = mapSource(source);
    return { subset, note, rows: count };
  });
}

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
