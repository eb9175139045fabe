import { assertFits, loadTokenizer } from '../data/tokenizer';
import { encodeRequests } from '../eval/encode-request';
import { splitOverlong } from '../eval/overlong';
import { hashOf } from '../hash';
import { openModelFolder } from '../model/folder';
import { type PreparedData, prepareData } from './data-stage';
import type { ModelInputs } from './model-inputs';
import type { ModelPlan } from './plan';
import type { RunConfig } from './presets';

/** Where a run reads. */
export interface Sources {
  readonly data: string;
  readonly model: string;
}

/** What a run works with: what its models share, and the rows it comes from. */
export interface RunInputs extends ModelInputs {
  readonly data: PreparedData;
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
  const data = await prepareData(sources, config, tokenizer, maxSeqLen);
  const { scorable, overlong } = await splitOverlong(data.dataset.evaluation.items, tokenizer, context, config.bos);
  const cut = (pair: Pick<RunConfig, 'lora' | 'full'>) => ({
    lora: { ...pair.lora, maxSeqLen },
    full: { ...pair.full, maxSeqLen },
  });
  return {
    config: { ...config, ...cut(config), controlled: config.controlled && cut(config.controlled) },
    base,
    tokenizer,
    data,
    chunks: data.chunks,
    heldOut: data.heldOut,
    packing: data.packing,
    quiz: data.world?.quiz ?? null,
    items: scorable,
    encode: (requests) => encodeRequests(requests, tokenizer, config.bos),
    overlong: overlong.map(({ id }) => id),
  };
}

/** Says which model a record is of: two with equal hashes were made of the same things in the same way. */
export function modelIdentity(plan: ModelPlan, inputs: ModelInputs, modelHash: string, device: string): string {
  const { config, packing, items, quiz, tokenizer } = inputs;
  const { limitPerTask, bos, seed } = config;
  return hashOf({
    plan,
    modelHash,
    device,
    tokenizer: tokenizer.sha256,
    chunks: plan.training && packing.sha256,
    scoring: { items, quiz, limitPerTask, bos, seed },
  });
}
