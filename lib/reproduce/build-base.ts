import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PAPER_FULL, type TrainConfig } from '../config';
import { isFindTheLine, parseGeneralText, readQuiz } from '../data/miniature';
import { type Packing, packSamples } from '../data/packing';
import type { EvalItem } from '../data/rows';
import { IGNORED, type Sample } from '../data/samples';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { type ItemResult, scoreItems } from '../eval/score';
import { taskOf } from '../eval/tasks';
import { createTokenScorer } from '../eval/token-scorer';
import { openModelFolder, saveModelFolder } from '../model/folder';
import { createModelFolder } from '../model/initialize';
import { tunedModel } from '../model/tuned';
import { createRandom } from '../random';
import { train } from '../train/train';
import { hashWeights } from './hash-weights';
import { createProgress } from './progress';

/** config.json of the bundled base. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 2048,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 8,
  head_dim: 16,
  hidden_act: 'silu',
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  // One over the root of the width: with Llama's 0.02 a model this narrow starts with all attention nearly equal.
  initializer_range: 0.09,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: null,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
};

const TRAINING: TrainConfig = { ...PAPER_FULL, learningRate: 1e-3, warmupSteps: 100, seed: 1 };

interface Stage {
  readonly name: string;
  readonly packing: Packing;
  /** Which documents it reads, as samples. */
  readonly reads: (samples: readonly DocumentSample[]) => readonly DocumentSample[];
  readonly config: TrainConfig;
}

type DocumentSample = Sample & { readonly isLine: boolean };

/**
 * Pretraining is full-parameter training from random weights, in two stages. What a letter stands for is learnt from the
 * shortest questions there are, each apart; then everything else is read, packed as the training
 * rows will be. In a document that ends in `Answer:` and an answer, the answer alone is learnt: the options are there by
 * chance, and to guess them would be most of the loss.
 */
export const STAGES: readonly Stage[] = [
  {
    name: 'letters',
    packing: 'block-diagonal',
    reads: shortLines,
    config: { ...TRAINING, epochs: 4, finalRateRatio: 1, maxSeqLen: 128, batchSize: 8 },
  },
  {
    name: 'text',
    packing: 'block-diagonal',
    reads: (samples) => {
      const left = new Set(shortLines(samples).filter((_, i) => i % LINES_KEPT !== 0));
      return samples.filter((sample) => !left.has(sample));
    },
    config: { ...TRAINING, epochs: 4, maxSeqLen: 128, batchSize: 8 },
  },
];

/** One in so many of the first stage's questions is read in the second, too. */
const LINES_KEPT = 4;

/** The questions of single-token words. */
function shortLines(samples: readonly DocumentSample[]): readonly DocumentSample[] {
  return samples.filter(({ isLine, ids }) => isLine && ids.length <= 33);
}

/**
 * Pretrains the bundled base on `general.txt` and writes `base/` beside it. Interrupted, the same command carries on.
 *
 * @param data the miniature's folder
 * @param work where stages and checkpoints are kept meanwhile
 */
export async function buildBase(data: string, work: string): Promise<void> {
  const tokenizer = await loadTokenizer(data);
  const documents = parseGeneralText(await readFile(join(data, 'general.txt'), 'utf8'));
  const samples = await documentSamples(createRandom(TRAINING.seed, 'documents').shuffle(documents), tokenizer);
  const quiz = await readQuiz(data);
  const quizSamples = await documentSamples(quiz.map(quizDocument), tokenizer);
  const device = await openDevice('cpu');
  let base = await createModelFolder(join(work, 'fresh'), CONFIG, createRandom(TRAINING.seed, 'weights'));
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(data, name), join(base.folder, name));
  let details = 'A Llama pretrained on data/miniature/general.txt alone.';
  for (const { name, packing, reads, config } of STAGES) {
    const pack = (some: readonly Sample[]) =>
      packSamples(some, { packing, maxSeqLen: config.maxSeqLen, zeroLossChunks: 'drop' });
    const packed = pack(reads(samples));
    const model = tunedModel(base, 'full');
    const progress = createProgress(`pretraining, ${name}`);
    const result = await train({
      model,
      config,
      device,
      chunks: packed.chunks,
      heldOut: pack(quizSamples).chunks,
      separate: packing === 'block-diagonal',
      folder: join(work, name, 'train'),
      identity: { config, model: await hashWeights(base), chunks: packed.report.sha256 },
      checkpointEvery: 200,
      onRecord: ({ step, loss, heldOutLoss }, plan) => {
        if (heldOutLoss !== undefined)
          progress.say(`step ${step}: loss of the held-out quiz ${heldOutLoss.toFixed(4)}`);
        else progress.at(step, plan.totalSteps, `loss ${loss?.toFixed(4)}`);
      },
    });
    const { items } = await scoreItems(quiz, createTokenScorer(model, result.state, device), tokenizer);
    details +=
      ` Stage “${name}”: ${packed.report.tokens} tokens, ${config.epochs} epochs, ${result.plan.totalSteps} updates; of the ` +
      `held-out quiz then right: ${rightOf(items, 'asked')} about facts asked for elsewhere with other options, ` +
      `${rightOf(items, 'told')} about facts only told.`;
    progress.say(details);
    const saved = name === STAGES.at(-1)!.name ? join(data, 'base') : join(work, name, 'model');
    const card = { title: 'The miniature’s base model', details: `${details} Rebuild it with \`npm run build:base\`.` };
    await saveModelFolder(saved, base, (tensor) => result.state.read(tensor), card);
    result.state.dispose();
    base = await openModelFolder(saved);
  }
  await rm(work, { recursive: true });
}

function rightOf(items: readonly ItemResult[], kind: 'asked' | 'told'): string {
  const some = items.filter(({ id }) => id.startsWith(`quiz-${kind}`));
  return `${some.filter(({ prediction, answer }) => prediction === answer).length} of ${some.length}`;
}

/** A question of the quiz as MedMCQA is asked, with its letter. */
function quizDocument(item: EvalItem): string {
  const task = taskOf(item, 'present');
  return `${task.docToText(item)} ${task.docToChoice(item)[item.answer]!}`;
}

const ANSWER = '\nAnswer:';

/** Documents as samples; what is learnt of a question is its answer, the end-of-sequence token is always learnt. */
async function documentSamples(documents: readonly string[], tokenizer: Tokenizer): Promise<DocumentSample[]> {
  const encoded = await tokenizer.encodeBatch(documents, { addSpecialTokens: false });
  const asked = documents.map((text) => (text.includes(ANSWER) ? text.slice(0, text.indexOf(ANSWER)) + ANSWER : ''));
  const prompts = await tokenizer.encodeBatch(asked, { addSpecialTokens: false });
  return encoded.map((tokens, i) => {
    // The evaluation asks without a BOS; so does the quiz.
    const start = asked[i] === '' && tokenizer.bosId !== undefined ? [tokenizer.bosId] : [];
    const ids = Int32Array.from([...start, ...tokens, tokenizer.eosId]);
    const labels = asked[i] === '' ? ids : ids.slice().fill(IGNORED, 0, prompts[i]!.length);
    return { id: `document-${i}`, source: 'general text', ids, labels, isLine: isFindTheLine(documents[i]!) };
  });
}

if (require.main === module) {
  const root = join(__dirname, '..', '..');
  buildBase(join(root, 'data', 'miniature'), join(root, 'results', 'build-base')).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
