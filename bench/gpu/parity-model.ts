import { join } from 'node:path';
import { ALL_LINEAR, type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../../lib/config';
import { float32, type HostTensors, int32, readSources } from '../../lib/engine/tensors';
import { writeFileAtomic } from '../../lib/files';
import type { ModelFolder } from '../../lib/model/folder';
import { createModelFolder } from '../../lib/model/initialize';
import { type TunedModel, tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';

/** The model of the ten updates whose losses PyTorch recorded: small, with query heads in groups, everything seeded. */

const [B, T, V] = [4, 128, 512];
export const PARITY_STEPS = 10;

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: V,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 16,
  hidden_act: 'silu',
  max_position_embeddings: T,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  initializer_range: 0.02,
  tie_word_embeddings: false,
};

export function parityConfig(method: Method): TrainConfig {
  const lora = { rank: 8, alpha: 16, dropout: 0, useRsLora: false, targetModules: ALL_LINEAR };
  const paper = method === 'lora' ? PAPER_LORA : PAPER_FULL;
  // Rates at which ten updates change the losses in the second digit, and rounding is not amplified.
  return { ...paper, lora, learningRate: method === 'lora' ? 3e-3 : 1e-4, maxSeqLen: T, batchSize: B, accumulation: 1 };
}

export interface ParityModel {
  readonly base: ModelFolder;
  /** {"tokens": [B][T], "targets": [B][T]} */
  readonly tokensFile: string;
}

export async function writeParityModel(folder: string): Promise<ParityModel> {
  const base = await createModelFolder(folder, CONFIG, createRandom(1, 'parity weights'));
  const tokensFile = join(folder, 'tokens.json');
  const { tokens, targets } = rows();
  await writeFileAtomic(tokensFile, JSON.stringify({ tokens, targets }));
  return { base, tokensFile };
}

export function tunedParityModel(base: ModelFolder, method: Method): TunedModel {
  return tunedModel(base, method, method === 'lora' ? parityConfig(method).lora : undefined);
}

/** What is trained, before the first update: for LoRA the adapter. */
export const parityStart = (model: TunedModel): Promise<HostTensors> =>
  readSources(model.initial(createRandom(1, 'parity adapter')));

function rows() {
  const random = createRandom(1, 'parity tokens');
  const draw = () => Array.from({ length: B }, () => Array.from({ length: T }, () => random.int(V)));
  return { tokens: draw(), targets: draw() };
}

/** The one batch, every token in the loss. */
export function parityBatch(): HostTensors {
  const { tokens, targets } = rows();
  return {
    tokens: int32([B, T], Int32Array.from(tokens.flat())),
    targets: int32([B, T], Int32Array.from(targets.flat())),
    weights: float32([B, T], new Float32Array(B * T).fill(1)),
  };
}
