import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PAPER_FULL, type TrainConfig } from '../config';
import { type Packing, packSamples } from '../data/packing/packing';
import type { EvalItem } from '../data/rows';
import type { Sample } from '../data/samples';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import type { TokenScorer } from '../eval/loglikelihood';
import { type ItemResult, scoreItems } from '../eval/score';
import { taskOf } from '../eval/tasks/tasks';
import { createTokenScorer } from '../eval/token-scorer';
import { WORKBOOK_ROOT } from '../files';
import { type DocumentSamples, documentSamples, hideQuestions } from '../miniature/base-documents';
import { createMiniatureLessons, type Document, type Lesson, miniatureFacts, readQuiz } from '../miniature/miniature';
import { openModelFolder, saveModelFolder } from '../model/folder';
import { createModelFolder } from '../model/initialize';
import { tunedModel } from '../model/tuned';
import { createRandom } from '../random';
import { hashWeights } from '../run/hash-weights';
import { createProgress } from '../run/progress';
import type { EarlyLoss } from '../train/programs';
import { train } from '../train/train';
import { type BuildOptions, buildUsage, parseBuildOptions } from './build-options';

/** config.json of the bundled base. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 4096,
  hidden_size: 128,
  intermediate_size: 352,
  num_hidden_layers: 4,
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

const TRAINING: TrainConfig = {
  ...PAPER_FULL,
  learningRate: 1e-3,
  // With 1e-8 AdamW moves the embeddings of words that do not occur as far as those that do, all in one direction:
  // after the first two stages the medical ones had a mean cosine of 0.9.
  epsilon: 1e-5,
  warmupSteps: 100,
  epochs: 1,
  finalRateRatio: 1,
  maxSeqLen: 72,
  batchSize: 16,
  seed: 1,
};

interface Stage {
  readonly name: string;
  readonly lesson: Lesson;
  /** Drawn for it; each is read once. */
  readonly documents: number;
  readonly packing: Packing;
  readonly config: TrainConfig;
  /**
   * Share of the documents with options in which these see of the question its last token alone; none where not given.
   * Block-diagonal packing only.
   */
  readonly hidden?: number;
  /** Keeps the documents of the commonest length alone: every option stands at one place then. */
  readonly oneLength?: boolean;
}

/**
 * Pretraining is full-parameter training from random weights, in stages. What a letter stands for is learnt from the
 * shortest questions there are, all of one length; mixed with anything else at first, it was not learnt in five times the
 * updates. Then come answers directly after their questions, so that what is asked for stands at the question's end; then
 * the quiz with its options, which see that end alone; then everything, each document apart; then words to be found, more
 * than can be known by heart; and at last many documents on a page, as the training rows will be, with nothing hidden.
 * Where a document asks, the answer alone is learnt: the options are there by chance, and to guess them would be most of
 * the loss. environment.md tells what was tried.
 */
export const STAGES: readonly Stage[] = [
  {
    name: 'letters',
    lesson: 'letters',
    documents: 32_000,
    oneLength: true,
    packing: 'block-diagonal',
    config: TRAINING,
  },
  { name: 'answers', lesson: 'answers', documents: 50_000, hidden: 1, packing: 'block-diagonal', config: TRAINING },
  { name: 'quiz', lesson: 'quiz', documents: 50_000, hidden: 1, packing: 'block-diagonal', config: TRAINING },
  {
    name: 'text',
    lesson: 'text',
    documents: 80_000,
    hidden: 0.8,
    packing: 'block-diagonal',
    config: { ...TRAINING, maxSeqLen: 96, batchSize: 12 },
  },
  { name: 'options', lesson: 'options', documents: 30_000, hidden: 1, packing: 'block-diagonal', config: TRAINING },
  {
    name: 'pages',
    lesson: 'text',
    documents: 45_000,
    packing: 'concatenated',
    config: { ...TRAINING, finalRateRatio: 0.05, maxSeqLen: 256, batchSize: 4 },
  },
];

/**
 * Pretrains the base on the miniature's lessons and writes `base/` beside them. Interrupted, the same command
 * carries on.
 *
 * @param work where stages and checkpoints are kept meanwhile
 * @throws when the folder holds another world than the seed's
 */
export async function buildBase({ seed, data }: BuildOptions, work: string): Promise<void> {
  await checkWorld(seed, data);
  const tokenizer = await loadTokenizer(data);
  const write = createMiniatureLessons(seed, TRAINING.seed);
  const quiz = await readQuiz(data);
  const quizSamples = (await documentSamples(quiz.map(quizDocument), tokenizer)).samples;
  const device = await openDevice('cpu', 1, { flushDenormals: true });
  let base = await createModelFolder(join(work, 'fresh'), CONFIG, createRandom(TRAINING.seed, 'weights'));
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(data, name), join(base.folder, name));
  let details = 'A Llama pretrained on lessons such as data/miniature/general.txt has, drawn anew.';
  for (const { name, lesson, documents, hidden = 0, oneLength = false, packing, config } of STAGES) {
    const written = await documentSamples(write(lesson, documents), tokenizer);
    const { samples, questionTokens } = oneLength ? ofOneLength(written) : written;
    const pack = (some: readonly Sample[]) =>
      packSamples(some, {
        packing,
        maxSeqLen: config.maxSeqLen,
        overlong: 'truncate',
        zeroLossChunks: 'drop',
      });
    const packed = pack(samples);
    const coin = createRandom(TRAINING.seed, `hidden questions, ${name}`);
    const chunks = hidden > 0 ? hideQuestions(packed.chunks, questionTokens, hidden, coin) : packed.chunks;
    const model = tunedModel(base, 'full');
    const progress = createProgress(`pretraining, ${name}`);
    const result = await train({
      model,
      config,
      device,
      chunks,
      heldOut: pack(quizSamples).chunks,
      separate: packing !== 'concatenated',
      ...(hidden > 0 ? { early: await earlyLoss(tokenizer) } : {}),
      folder: join(work, name, 'train'),
      identity: { config: { ...config, hidden }, model: await hashWeights(base), chunks: packed.report.sha256 },
      checkpointEvery: 200,
      onRecord: ({ step, loss, heldOutLoss }, plan) => {
        if (heldOutLoss !== undefined)
          progress.say(`step ${step}: loss of the held-out quiz ${heldOutLoss.toFixed(4)}`);
        else progress.at(step, plan.totalSteps, `loss ${loss?.toFixed(4)}`);
      },
    });
    const right = await quizRight(quiz, createTokenScorer(model, result.state, device), tokenizer);
    details +=
      ` Stage “${name}”: ${samples.length} documents, ${packed.report.tokens} tokens (${packed.report.truncated} documents cut), ` +
      `${result.plan.totalSteps} updates; of the held-out quiz then right: ${right}.`;
    progress.say(details);
    const saved = name === STAGES.at(-1)!.name ? join(data, 'base') : join(work, name, 'model');
    const card = { title: 'The miniature’s base model', details: `${details} Rebuild it with \`npm run build:base\`.` };
    await saveModelFolder(saved, base, (tensor) => result.state.read(tensor), card);
    result.state.dispose();
    base = await openModelFolder(saved);
  }
  await rm(work, { recursive: true });
}

/** Answers are learnt after the second layer too; a letter is found after that. */
async function earlyLoss(tokenizer: Tokenizer): Promise<EarlyLoss> {
  const answers = await tokenizer.encodeBatch(
    ['A', 'B', 'C', 'D'].map((letter) => `Answer: ${letter}`),
    { addSpecialTokens: false },
  );
  return { layer: 1, weight: 0.5, except: answers.map((tokens) => tokens.at(-1)!) };
}

/** The samples that are as long as most are. */
function ofOneLength({ samples, questionTokens }: DocumentSamples): DocumentSamples {
  const counts = new Map<number, number>();
  for (const { ids } of samples) counts.set(ids.length, (counts.get(ids.length) ?? 0) + 1);
  const [length] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best));
  const isKept = samples.map(({ ids }) => ids.length === length);
  return {
    samples: samples.filter((_, i) => isKept[i]),
    questionTokens: questionTokens.filter((_, i) => isKept[i]),
  };
}

/** By letter and by the option's text: right answers about facts asked for elsewhere and about facts only told. */
async function quizRight(quiz: readonly EvalItem[], scorer: TokenScorer, tokenizer: Tokenizer): Promise<string> {
  const ways = [
    { way: 'by letter', items: quiz },
    { way: 'by the option’s text', items: quiz.map((item) => ({ ...item, task: 'headqa' })) },
  ];
  const parts: string[] = [];
  for (const { way, items } of ways) {
    const scores = (await scoreItems(items, scorer, tokenizer)).items;
    parts.push(
      `${way} ${rightOf(scores, 'asked')} about facts asked for elsewhere with other options, ` +
        `${rightOf(scores, 'told')} about facts only told`,
    );
  }
  return parts.join('; ');
}

function rightOf(items: readonly ItemResult[], kind: 'asked' | 'told'): string {
  const some = items.filter(({ id }) => id.startsWith(`quiz-${kind}`));
  return `${some.filter(({ prediction, answer }) => prediction === answer).length} of ${some.length}`;
}

/** A question of the quiz as MedMCQA is asked, with its letter. */
function quizDocument(item: EvalItem): Document {
  const task = taskOf(item, 'present');
  return { prompt: task.docToText(item), response: ` ${task.docToChoice(item)[item.answer]!}` };
}

/** A base that reads other facts than its world's rows and items have would be told from chance where it should not be. */
async function checkWorld(seed: number, data: string): Promise<void> {
  const file = join(data, 'facts.jsonl');
  const written = await readFile(file, 'utf8').catch(() => {
    throw new Error(`build:base: ${file} cannot be read; write the world first, with npm run build:miniature`);
  });
  const expected = miniatureFacts(seed).map((fact) => `${JSON.stringify(fact)}\n`);
  if (written !== expected.join('')) {
    throw new Error(
      `build:base: ${file} holds other facts, or other groups of them, than the world of seed ${seed}; pass the seed that ` +
        'npm run build:miniature was given',
    );
  }
}

async function main(): Promise<void> {
  const options = parseBuildOptions(process.argv.slice(2), process.env.INIT_CWD ?? process.cwd());
  if (options) return buildBase(options, join(WORKBOOK_ROOT, 'results', 'build-base', String(options.seed)));
  console.log(buildUsage('build:base', 'Pretrains a world’s base on one thread, from random weights: half an hour.'));
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
