import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requireChatTemplate } from '../data/chat/chat-template';
import { splitDevelopment } from '../data/development';
import {
  type Dataset,
  type EvalItem,
  type EvalSet,
  loadDataset,
  type ReadOptions,
  type TrainExample,
  type TrainReading,
  type TrainSet,
} from '../data/examples';
import { checkMixedRows, readMixed } from '../data/mixing/mixed-folder';
import { chooseShares, type Mixture, type MixtureReport, mixRows, takeInOrder } from '../data/mixture';
import { type Chunk, type PackingOptions, type PackingReport, packSamples } from '../data/packing/packing';
import { dataNotes } from '../data/reading/notes';
import { type Sample, type SampleReport, tokenizeExamples } from '../data/samples';
import { type StandIn, standInsOf } from '../data/stand-ins';
import type { Tokenizer } from '../data/tokenizer';
import type { ReadRows } from '../decontaminate/decontaminate';
import type { Planted } from '../decontaminate/planted';
import { writeFileAtomic } from '../files';
import { readItemFacts, readPlanted, readQuiz } from '../miniature/miniature';
import { createRandom } from '../random';
import type { Sources } from './inputs';
import type { RunConfig } from './presets';
import { sayLine } from './progress';

const SHOW_EVERY_MS = 3000;

/** What is said of training rows that were made into chunks, in memory or in files. */
export interface PreparedRows {
  readonly training: TrainReading;
  /** Read. */
  readonly rows: number;
  readonly mixture: MixtureReport;
  readonly packing: PackingReport;
}

/** Training rows made into chunks. */
export interface PreparedTraining extends PreparedRows {
  readonly training: TrainSet;
  readonly standIns: readonly StandIn[];
  readonly samples: SampleReport;
  readonly chunks: readonly Chunk[];
  readonly heldOut: readonly Chunk[];
  /** The rows that the chunks were packed from, and their tokens. */
  readonly packed: { readonly examples: readonly TrainExample[]; readonly samples: readonly Sample[] };
}

/** What a run says of its data, wherever its training rows lie. */
export interface RunData extends PreparedRows {
  readonly standIns: readonly StandIn[];
  /** Of the rows trained on. */
  readonly samples: SampleReport;
  readonly dataset: { readonly evaluation: EvalSet; readonly training: TrainReading };
  /** What is to be said of the rows, in the terminal and in reports: what was not read, left out or cut. */
  readonly notes: readonly string[];
  /** What only a generated world knows of itself; null for other data. */
  readonly world: World | null;
  /** All training rows at hand, drawn or not. */
  readonly readRows: ReadRows;
}

/** The same with all rows in memory. */
export interface PreparedData extends PreparedTraining, RunData {
  readonly training: TrainSet;
  readonly dataset: Dataset;
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
 * Both halves of a data folder, and its training rows as chunks.
 *
 * @param chunkLength T, cut to the model's context by the caller
 */
export async function prepareData(
  sources: Sources,
  config: RunConfig,
  tokenizer: Tokenizer,
  chunkLength: number,
): Promise<PreparedData> {
  const dataset = await loadDataset(sources.data, { ...config.rows, ...showReading() });
  const prepared = await prepareTraining(dataset.training, sources, config, tokenizer, chunkLength);
  return {
    ...prepared,
    dataset,
    notes: [...dataNotes(dataset), ...packingNotes(prepared)],
    world: await readWorld(sources.data),
    readRows: async (take) => dataset.training.examples.forEach(take),
  };
}

/** A line of progress while rows are read; nothing for a folder that is read at once. */
export function showReading(): Pick<ReadOptions, 'onRows'> {
  const began = performance.now();
  let shown = began;
  return {
    onRows: (file, rows) => {
      const now = performance.now();
      if (now - shown < SHOW_EVERY_MS) return;
      shown = now;
      sayLine(
        `reading ${file}  ${rows.toLocaleString('en')} rows  ${Math.round((1000 * rows) / (now - began))} rows/s`,
      );
    },
  };
}

/** How a run packs rows, whatever the packing. */
export const ROW_PACKING = {
  overlong: 'truncate',
  // A row without a response token has no loss and no gradient: leaving it out changes no update but its cost.
  zeroLossChunks: 'drop',
} as const satisfies Partial<PackingOptions>;

/** raw -> canonical -> mixed -> packed. */
export async function prepareTraining(
  training: TrainSet,
  sources: Sources,
  config: RunConfig,
  tokenizer: Tokenizer,
  chunkLength: number,
): Promise<PreparedTraining> {
  const mixed = await readMixed(sources.data);
  if (mixed) checkMixedRows(sources.data, mixed, training);
  const { examples, report: mixture } = mix(training.examples, config, mixed !== undefined);
  const split = splitDevelopment(examples, config.developmentFraction, createRandom(config.seed, 'development'));
  const template = config.template === 'model' ? await requireChatTemplate(sources.model) : config.template;
  const tokenized = await tokenizeExamples(split.train, tokenizer, template);
  const development = await tokenizeExamples(split.development, tokenizer, template);
  const pack = (samples: readonly Sample[]) =>
    packSamples(samples, { ...ROW_PACKING, packing: config.packing, maxSeqLen: chunkLength });
  const packed = pack(tokenized.samples);
  return {
    training,
    rows: training.examples.length,
    mixture,
    standIns: standInsOf(countSources(examples)),
    samples: tokenized.report,
    chunks: packed.chunks,
    heldOut: pack(development.samples).chunks,
    packing: packed.report,
    packed: { examples: split.train, samples: tokenized.samples },
  };
}

/** A folder that was mixed before is not shuffled again: its rows are in a seeded order already. */
function mix(examples: readonly TrainExample[], { mixture, samples, seed }: RunConfig, mixed: boolean): Mixture {
  if (!mixed) return mixRows(examples, mixture, samples, createRandom(seed, 'mixture'));
  const sources = examples.map(({ source }) => source);
  const { taken, report } = takeInOrder(sources, chooseShares(mixture, sources), samples);
  return { examples: examples.filter((_, i) => taken[i] === 1), report };
}

function countSources(examples: readonly TrainExample[]): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const { source } of examples) rows.set(source, (rows.get(source) ?? 0) + 1);
  return rows;
}

/** What was left out and cut as rows became chunks, in words. */
export function packingNotes({
  packing: { truncated, truncatedWithoutLoss, samples, maxSeqLen },
  samples: { lostSystems = 0 },
}: Pick<RunData, 'packing' | 'samples'>): string[] {
  return [
    ...(lostSystems > 0
      ? [
          `left out: the system prompt of ${lostSystems} of ${samples} rows, which the model's chat template does not ` +
            'write; the rows are learnt without it: put it into their first question, correct the template, or use ' +
            '--template med42',
        ]
      : []),
    ...(truncated > 0
      ? [`cut: ${truncated} of ${samples} rows are longer than ${maxSeqLen} tokens; their end is not learnt`]
      : []),
    ...(truncatedWithoutLoss > 0
      ? [`${truncatedWithoutLoss} of ${samples} rows lost their whole response: longer than ${maxSeqLen} tokens`]
      : []),
  ];
}

export async function readWorld(folder: string): Promise<World | null> {
  if (!existsSync(join(folder, 'item-facts.jsonl'))) return null;
  const [facts, planted, quiz] = await Promise.all([readItemFacts(folder), readPlanted(folder), readQuiz(folder)]);
  return { facts: Object.fromEntries(facts), planted, quiz };
}

/** Writes mixture.json and packing.json. */
export async function writeDataReports(data: RunData, out: string): Promise<void> {
  const { dataset, mixture, standIns, samples, packing, notes } = data;
  const { endMarkers } = dataset.training;
  await writeFileAtomic(join(out, 'mixture.json'), json({ ...mixture, standIns, endMarkers, notes }));
  await writeFileAtomic(join(out, 'packing.json'), json({ ...packing, ...samples }));
}

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
