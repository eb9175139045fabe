import { join } from 'node:path';
import { ALL_LINEAR, type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../lib/config';
import type { ChunkTensors } from '../lib/data/packing/chunks';
import { float32, type HostTensors, int32 } from '../lib/engine/tensors';
import { writeFileAtomic } from '../lib/files';
import type { ModelFolder } from '../lib/model/folder';
import { createModelFolder } from '../lib/model/initialize';
import { createRandom } from '../lib/random';
import { askedPlaces, type BatchForm } from '../lib/train/batches';

/** The 15.2M-parameter step that every peer runs; bench/README.md describes it. */
export const [B, T] = [4, 256];

export const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 32_000,
  hidden_size: 288,
  intermediate_size: 768,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 6,
  head_dim: 48,
  hidden_act: 'silu',
  max_position_embeddings: T,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  initializer_range: 0.02,
  tie_word_embeddings: true,
};

export function stepConfig(method: Method): TrainConfig {
  const paper = method === 'lora' ? PAPER_LORA : PAPER_FULL;
  const lora = { rank: 8, alpha: 16, dropout: 0, useRsLora: false, targetModules: ALL_LINEAR };
  return { ...paper, lora, learningRate: 3e-4, maxSeqLen: T, batchSize: B, accumulation: 1 };
}

/** One seed's weights and tokens, for all peers: model.safetensors and tokens.json in `folder`. */
export async function writeWorkload(folder: string): Promise<{ model: ModelFolder; tokensFile: string }> {
  const model = await createModelFolder(folder, CONFIG, createRandom(1, 'bench weights'));
  const tokensFile = join(folder, 'tokens.json');
  await writeFileAtomic(tokensFile, JSON.stringify(workloadTokens()));
  return { model, tokensFile };
}

function workloadTokens(): { tokens: number[][]; targets: number[][] } {
  const random = createRandom(1, 'bench tokens');
  const rows = () => Array.from({ length: B }, () => Array.from({ length: T }, () => random.int(CONFIG.vocab_size)));
  return { tokens: rows(), targets: rows() };
}

/** The one batch, every token in the loss. */
export function workloadBatch(): HostTensors {
  const { tokens, targets } = workloadTokens();
  return {
    tokens: int32([B, T], Int32Array.from(tokens.flat())),
    targets: int32([B, T], Int32Array.from(targets.flat())),
    weights: float32([B, T], new Float32Array(B * T).fill(1)),
  };
}

/** One row of `length` tokens, the last `learnt` of them response, and the form of a batch of it. */
export function oneRow(length: number, learnt: number): { row: ChunkTensors; form: BatchForm } {
  const ids = Int32Array.from({ length: length + 1 }, (_, i) => (i % 400) + 3);
  const row = {
    tokens: ids.slice(0, length),
    targets: ids.slice(1),
    // A token is learnt at the place before it. The target of the last place would be a token that a peer does not have.
    weights: new Float32Array(length).fill(1, length - 1 - learnt, length - 1),
    segments: new Int32Array(length),
    positions: Int32Array.from({ length }, (_, i) => i),
  };
  return { row, form: { separate: false, asked: askedPlaces([row]) } };
}
