import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packSamples } from '../data/packing/packing';
import type { EvalItem } from '../data/rows';
import type { Sample } from '../data/samples';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { isRight } from '../eval/item-result';
import type { TokenScorer } from '../eval/loglikelihood';
import { type ItemResult, scoreItems } from '../eval/score';
import { taskOf } from '../eval/tasks/tasks';
import { createTokenScorer } from '../eval/token-scorer';
import { openModelFolder, saveModelFolder } from '../model/folder';
import { hashWeights } from '../model/hash-weights';
import { createModelFolder } from '../model/initialize';
import { tunedModel } from '../model/tuned';
import { createRandom } from '../random';
import type { BatchLoss } from '../train/batch-loss';
import { train } from '../train/train';
import { type DocumentSamples, documentSamples, hideQuestions } from './base-documents';
import { BASE_CONFIG, STAGES, TRAINING } from './base-stages';
import { earlyLoss } from './early-loss';
import { createMiniatureLessons, type Document, miniatureFacts, readQuiz } from './miniature';

/** What a person sees while a stage goes on. */
export interface BaseProgress {
  say(text: string): void;
  at(done: number, total: number, details?: string): void;
}

/**
 * Pretrains the base on the miniature's lessons and writes `base/` beside them. Interrupted, the same command
 * carries on.
 *
 * @param seed of the world
 * @param data its folder
 * @param work where stages and checkpoints are kept meanwhile
 * @throws when the folder holds another world than the seed's
 */
export async function buildBase(
  { seed, data }: { readonly seed: number; readonly data: string },
  work: string,
  open: (label: string) => BaseProgress,
): Promise<void> {
  await checkWorld(seed, data);
  const tokenizer = await loadTokenizer(data);
  const write = createMiniatureLessons(seed, TRAINING.seed);
  const quiz = await readQuiz(data);
  const quizSamples = (await documentSamples(quiz.map(quizDocument), tokenizer)).samples;
  const device = await openDevice('cpu', 1, { flushDenormals: true });
  let base = await createModelFolder(join(work, 'fresh'), BASE_CONFIG, createRandom(TRAINING.seed, 'weights'));
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
    const progress = open(`pretraining, ${name}`);
    const result = await train({
      model,
      config,
      device,
      chunks,
      heldOut: pack(quizSamples).chunks,
      separate: packing !== 'concatenated',
      ...(hidden > 0 ? { loss: await answersEarly(tokenizer) } : {}),
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
    const card = {
      title: 'The miniature’s base model',
      details: `${details} Rebuild it with \`npx med42 build-base\`.`,
    };
    await saveModelFolder(saved, base, (tensor) => result.state.read(tensor), card);
    result.state.dispose();
    base = await openModelFolder(saved);
  }
  await rm(work, { recursive: true });
}

/** Answers are learnt after the second layer too; a letter is found after that. */
async function answersEarly(tokenizer: Tokenizer): Promise<BatchLoss> {
  const answers = await tokenizer.encodeBatch(
    ['A', 'B', 'C', 'D'].map((letter) => `Answer: ${letter}`),
    { addSpecialTokens: false },
  );
  return earlyLoss({ layer: 1, weight: 0.5, except: answers.map((tokens) => tokens.at(-1)!) });
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
  return `${some.filter(isRight).length} of ${some.length}`;
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
    throw new Error(`build:base: ${file} cannot be read; write the world first, with npx med42 build-miniature`);
  });
  const expected = miniatureFacts(seed).map((fact) => `${JSON.stringify(fact)}\n`);
  if (written !== expected.join('')) {
    throw new Error(
      `build:base: ${file} holds other facts, or other groups of them, than the world of seed ${seed}; pass the seed that ` +
        'npx med42 build-miniature was given',
    );
  }
}
