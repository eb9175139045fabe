import type { EvalItem } from '../data/examples';
import { assertFits, loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { splitOverlong } from '../eval/overlong';
import { type ModelFolder, openModelFolder } from '../model/folder';
import { hashOf } from '../train/checkpoint';
import { type PreparedData, prepareData } from './data-stage';
import type { ModelPlan } from './plan';
import type { RunConfig } from './presets';

/** Where a run reads. */
export interface Sources {
  readonly data: string;
  readonly model: string;
}

/** What every model of a run shares: rows, chunks, items, and the base they start from. */
export interface RunInputs {
  /** With chunks no longer than the model's context. */
  readonly config: RunConfig;
  readonly base: ModelFolder;
  readonly tokenizer: Tokenizer;
  readonly data: PreparedData;
  /** Items that can be scored. */
  readonly items: readonly EvalItem[];
  /** Ids of items whose answer alone is longer than the model's context. */
  readonly overlong: readonly string[];
}

/** Opens model and tokenizer, and makes rows into chunks: equal files give equal inputs, in any process. */
export async function openInputs(sources: Sources, config: RunConfig): Promise<RunInputs> {
  const base = await openModelFolder(sources.model);
  const tokenizer = await loadTokenizer(sources.model);
  assertFits(tokenizer, base.config.vocabSize);
  const context = base.config.maxPositionEmbeddings;
  const maxSeqLen = Math.min(config.full.maxSeqLen, context);
  const data = await prepareData(sources.data, config, tokenizer, maxSeqLen);
  const { scorable, overlong } = await splitOverlong(data.dataset.evaluation.items, tokenizer, context, config.bos);
  return {
    config: { ...config, lora: { ...config.lora, maxSeqLen }, full: { ...config.full, maxSeqLen } },
    base,
    tokenizer,
    data,
    items: scorable,
    overlong: overlong.map(({ id }) => id),
  };
}

/** Says which model a record is of: two with equal hashes were made of the same things in the same way. */
export function modelIdentity(plan: ModelPlan, inputs: RunInputs, modelHash: string, device: string): string {
  const { config, data, items, tokenizer } = inputs;
  const { limitPerTask, bos, seed } = config;
  return hashOf({
    plan,
    modelHash,
    device,
    tokenizer: tokenizer.sha256,
    chunks: plan.training && data.packing.sha256,
    scoring: { items, quiz: data.world?.quiz ?? null, limitPerTask, bos, seed },
  });
}
