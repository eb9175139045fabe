import { loadEvalItems, loadTrainExamples, readTrainExamples } from '../data/examples';
import { checkMixedRows, type MixedFolder, readMixed } from '../data/mixing/mixed-folder';
import { dataNotes } from '../data/reading/notes';
import { loadTokenizer, tokensBy } from '../data/tokenizer';
import { assertFits } from '../data/tokenizer-fits';
import type { XlaOptions } from '../engine/xla/options';
import { encodeRequests } from '../eval/encode-request';
import { splitOverlong } from '../eval/overlong';
import { hashOf } from '../hash';
import type { ModelFolder } from '../model/folder';
import { hashWeights } from '../model/hash-weights';
import {
  type PreparedData,
  type PreparedTraining,
  packingNotes,
  prepareData,
  prepareTraining,
  type RunData,
  readWorld,
  showReading,
} from './data-stage';
import { type PreparedFiles, prepareMixed } from './mixed-training';
import type { MadeChunks, ModelInputs } from './model-inputs';
import { openModelAt } from './open-model';
import type { ModelPlan } from './plan';
import { chunkLength, type RunConfig } from './presets';
import type { OpenProgress } from './progress';

/** Where a run reads. */
export interface Sources {
  readonly data: string;
  readonly model: string;
}

/** What a run works with: what its models share, and the rows it comes from. */
export interface RunInputs extends ModelInputs {
  readonly data: RunData;
  readonly chunks: MadeChunks;
  readonly heldOut: MadeChunks;
  /** Ids of items whose answer alone is longer than the model's context. */
  readonly overlong: readonly string[];
}

/** Opens model and tokenizer, and makes rows into chunks: equal files give equal inputs, in any process. */
export async function openInputs(
  sources: Sources,
  config: RunConfig,
): Promise<RunInputs & { readonly data: PreparedData }> {
  const opened = await openModel(sources.model, config);
  const data = await prepareData(sources, config, opened.tokenizer, opened.maxSeqLen);
  return { ...(await runInputs(opened, data, data)), data };
}

/** As `openInputs`, for a mixed folder: its training rows stay in files, however many there are. */
export async function openMixedRunInputs(
  sources: Sources,
  mixed: MixedFolder,
  config: RunConfig,
  progress: OpenProgress,
): Promise<RunInputs> {
  const opened = await openModel(sources.model, config);
  const { tokenizer, maxSeqLen: chunkLength } = opened;
  const evaluation = await loadEvalItems(sources.data, config.rows);
  const files = await prepareMixed(sources, mixed, { config, tokenizer, chunkLength, progress });
  const dataset = { evaluation, training: files.training };
  const data: RunData = {
    ...files,
    dataset,
    notes: [...dataNotes(dataset), ...packingNotes(files)],
    world: await readWorld(sources.data),
    readRows: async (take) =>
      checkMixedRows(sources.data, mixed, await readTrainExamples(sources.data, take, config.rows)),
  };
  return runInputs(opened, data, files);
}

async function runInputs(
  { base, tokenizer, fitted }: Awaited<ReturnType<typeof openModel>>,
  data: RunData,
  { chunks, heldOut }: { readonly chunks: MadeChunks; readonly heldOut: MadeChunks },
): Promise<RunInputs> {
  const { items } = data.dataset.evaluation;
  const { scorable, overlong } = await splitOverlong(items, tokenizer, base.config.maxPositionEmbeddings, fitted.bos);
  return {
    config: fitted,
    base,
    tokenizer,
    data,
    chunks,
    heldOut,
    packing: data.packing,
    quiz: data.world?.quiz ?? null,
    items: scorable,
    encode: (requests) => encodeRequests(requests, tokenizer, fitted.bos),
    overlong: overlong.map(({ id }) => id),
  };
}

/** What one training works with: as `openInputs`, without items. */
export interface TrainingInputs extends ModelInputs {
  readonly data: PreparedTraining | PreparedFiles;
  readonly chunks: MadeChunks;
  readonly heldOut: MadeChunks;
}

/** With the rows and their tokens at hand. */
export interface RowInputs extends TrainingInputs {
  readonly data: PreparedTraining;
}

/**
 * Opens model and tokenizer, and makes the training rows of `<data>/train` into chunks: in files, where the folder was
 * mixed and may have more rows than memory holds, else in memory.
 */
export async function openTrainingInputs(
  sources: Sources,
  config: RunConfig,
  progress: OpenProgress,
): Promise<TrainingInputs> {
  const mixed = await readMixed(sources.data);
  if (!mixed) return openRowInputs(sources, config);
  const opened = await openModel(sources.model, config);
  const { tokenizer, maxSeqLen: chunkLength } = opened;
  return trainingInputs(opened, await prepareMixed(sources, mixed, { config, tokenizer, chunkLength, progress }));
}

/** As `openTrainingInputs`, with all rows in memory. */
export async function openRowInputs(sources: Sources, config: RunConfig): Promise<RowInputs> {
  const opened = await openModel(sources.model, config);
  const training = await loadTrainExamples(sources.data, { ...config.rows, ...showReading() });
  return trainingInputs(opened, await prepareTraining(training, sources, config, opened.tokenizer, opened.maxSeqLen));
}

function trainingInputs<Data extends PreparedTraining | PreparedFiles>(
  { base, tokenizer, fitted }: Awaited<ReturnType<typeof openModel>>,
  data: Data,
): TrainingInputs & { readonly data: Data } {
  const { chunks, heldOut, packing } = data;
  const encode: TrainingInputs['encode'] = (requests) => encodeRequests(requests, tokenizer, fitted.bos);
  return { config: fitted, base, tokenizer, data, chunks, heldOut, packing, quiz: null, items: [], encode };
}

/** @returns besides the model, the settings with chunks no longer than its context */
async function openModel(folder: string, config: RunConfig) {
  const base = await openModelAt(folder);
  const tokenizer = await loadTokenizer(folder);
  assertFits(tokenizer, base.config.vocabSize);
  const maxSeqLen = Math.min(chunkLength(config), base.config.maxPositionEmbeddings);
  const cut = (pair: Pick<RunConfig, 'lora' | 'full'>) => ({
    lora: { ...pair.lora, maxSeqLen },
    full: { ...pair.full, maxSeqLen },
  });
  const fitted: RunConfig = { ...config, ...cut(config), controlled: config.controlled && cut(config.controlled) };
  return { base, tokenizer, maxSeqLen, fitted };
}

/**
 * Device and arithmetic, as far as numbers follow from them: how many devices shared a training changes none beyond rounding,
 * and it may go on with others.
 */
export const computedOn = (
  device: string,
  { precision, attention }: Pick<XlaOptions, 'precision' | 'attention'>,
): string =>
  [device, ...(precision === 'float32' ? [] : [precision]), ...(attention === 'blocks' ? [] : [attention])].join(' ');

/** What a base's numbers follow from beside its weights. */
export const madeBy = (base: Pick<ModelFolder, 'config'>, tokenizer: Parameters<typeof tokensBy>[0]) => ({
  model: base.config,
  tokenizer: tokensBy(tokenizer),
});

/**
 * Of all that a base's numbers follow from: where no folder keeps its configuration (`claimFolder`), a model made with
 * another is told apart by this.
 *
 * @throws as `hashWeights`
 */
export async function hashModel({ base, tokenizer }: Pick<ModelInputs, 'base' | 'tokenizer'>): Promise<string> {
  return hashOf({ weights: await hashWeights(base), ...madeBy(base, tokenizer) });
}

/** Says which model a record is of: two with equal hashes were made of the same things in the same way. */
export function modelIdentity(
  plan: ModelPlan,
  inputs: ModelInputs,
  modelHash: string,
  device: string,
  xla: Pick<XlaOptions, 'precision' | 'attention'>,
): string {
  const { config, packing, items, quiz, tokenizer } = inputs;
  const { limitPerTask, bos, seed } = config;
  return hashOf({
    plan,
    modelHash,
    device: computedOn(device, xla),
    tokenizer: tokenizer.sha256,
    chunks: plan.training && packing.sha256,
    scoring: { items, quiz, limitPerTask, bos, seed },
  });
}
