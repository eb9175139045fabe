import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PAPER_FULL, type TrainConfig } from '../config';
import { parseGeneralText } from '../data/miniature';
import { packSamples } from '../data/packing';
import type { Sample } from '../data/samples';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { saveModelFolder } from '../model/folder';
import { createModelFolder } from '../model/initialize';
import { tunedModel } from '../model/tuned';
import { createRandom } from '../random';
import { train } from '../train/train';
import { createProgress } from './progress';

/** config.json of the bundled base. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 1024,
  hidden_size: 160,
  intermediate_size: 432,
  num_hidden_layers: 4,
  num_attention_heads: 5,
  num_key_value_heads: 5,
  head_dim: 32,
  hidden_act: 'silu',
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  initializer_range: 0.02,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: null,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
};

/** Pretraining is full-parameter training from random weights, every token in the loss. */
export const BASE_TRAINING: TrainConfig = {
  ...PAPER_FULL,
  epochs: 10,
  learningRate: 3e-3,
  warmupSteps: 100,
  maxSeqLen: 256,
  batchSize: 16,
  seed: 1,
};

/** Documents held out of pretraining, to see that it generalises. */
const HELD_OUT = 96;

/**
 * Pretrains the bundled base on `general.txt` and writes `base/` beside it. Interrupted, the same command carries on.
 *
 * @param data the miniature's folder
 * @param work where the checkpoint is kept meanwhile
 */
export async function buildBase(data: string, work: string): Promise<void> {
  const tokenizer = await loadTokenizer(data);
  const documents = parseGeneralText(await readFile(join(data, 'general.txt'), 'utf8'));
  const samples = await documentSamples(createRandom(BASE_TRAINING.seed, 'documents').shuffle(documents), tokenizer);
  const pack = (part: readonly Sample[]) =>
    packSamples(part, { packing: 'paper', maxSeqLen: BASE_TRAINING.maxSeqLen, zeroLossChunks: 'drop' });
  const heldOut = pack(samples.slice(0, HELD_OUT));
  const packed = pack(samples.slice(HELD_OUT));
  const fresh = await createModelFolder(join(work, 'fresh'), CONFIG, createRandom(BASE_TRAINING.seed, 'weights'));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await copyFile(join(data, name), join(fresh.folder, name));
  }
  const progress = createProgress('pretraining');
  const result = await train({
    model: tunedModel(fresh, 'full'),
    config: BASE_TRAINING,
    device: await openDevice('cpu'),
    chunks: packed.chunks,
    heldOut: heldOut.chunks,
    separate: false,
    folder: join(work, 'train'),
    identity: { config: BASE_TRAINING, model: 'fresh', chunks: packed.report.sha256 },
    checkpointEvery: 500,
    onRecord: ({ step, loss, heldOutLoss }, plan) => {
      if (heldOutLoss !== undefined) progress.say(`step ${step}: held-out loss ${heldOutLoss.toFixed(4)}`);
      else progress.at(step, plan.totalSteps, `loss ${loss?.toFixed(4)}`);
    },
  });
  const last = result.records.findLast((r) => r.heldOutLoss !== undefined);
  await saveModelFolder(join(data, 'base'), fresh, (name) => result.state.read(name), {
    title: 'The miniature’s base model',
    details:
      `A Llama pretrained on data/miniature/general.txt alone (${packed.report.tokens} tokens, ${BASE_TRAINING.epochs} ` +
      `epochs; held-out loss ${last?.heldOutLoss?.toFixed(4)}). Rebuild it with \`npm run build:base\`.`,
  });
  result.state.dispose();
  await rm(work, { recursive: true });
}

/** Documents as samples whose every token but the first is learnt, the end-of-sequence token included. */
async function documentSamples(documents: readonly string[], tokenizer: Tokenizer): Promise<Sample[]> {
  const encoded = await tokenizer.encodeBatch(documents, { addSpecialTokens: true });
  return encoded.map((tokens, i) => {
    const ids = Int32Array.from([...tokens, tokenizer.eosId]);
    return { id: `document-${i}`, source: 'general text', ids, labels: ids };
  });
}

if (require.main === module) {
  const root = join(__dirname, '..', '..');
  buildBase(join(root, 'data', 'miniature'), join(root, 'results', 'build-base')).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
