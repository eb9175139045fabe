import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { controlledPair, LEARNING_RATE_GRID, type TrainConfig } from '../config';
import type { Packing } from '../data/packing/packing';
import { loadTokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { isRight } from '../eval/item-result';
import { scoreItems } from '../eval/score';
import { createTokenScorer } from '../eval/token-scorer';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { hashOf } from '../hash';
import { readItemFacts } from '../miniature/miniature';
import { openModelFolder } from '../model/folder';
import { hashWeights } from '../model/hash-weights';
import { tunedModel } from '../model/tuned';
import { train } from '../train/train';
import { json, prepareData } from './data-stage';
import { lockFolder } from './lock';
import { PRESETS } from './presets';
import { createProgress, type OpenProgress, type Progress } from './progress';
import {
  asWritten,
  percent,
  readTrials,
  TRIALS_FILE,
  type Trial,
  TUNING_TABLE,
  trainingOf,
  trialsTable,
  tunedAccuracy,
} from './rate-trial';
import type { RunWatcher } from './run';

/** Training seeds that are not the reproduction's. */
const SEEDS = [1, 2] as const;
/** MedMCQA's form asks for the letter, HeadQA's for the option's text. */
const WAYS = ['medmcqa', 'headqa'] as const;

/**
 * Chooses the miniature's packing and learning rates: LoRA for the paper's eight epochs, LoRA and full for three (the
 * controlled pair), each at every rate of one grid, with rows in one stream and apart, with two seeds. The rows are
 * development rows, as many as the preset draws and of as many relations. What decides is the accuracy on the development
 * items of the tuned groups, each asked by letter and by text, whose facts neither the training rows teach nor an
 * evaluation item asks for; the loss on held-out rows stands beside it and decides between equals. No evaluation item is
 * read. Interrupted or killed, the same command keeps the trials that were done and carries on the one that was not.
 *
 * @returns the table of trials
 * @throws when interrupted
 */
export async function tryMiniatureRates(
  signal: AbortSignal,
  { progress: openProgress = createProgress }: RunWatcher,
): Promise<string> {
  const folder = join(WORKBOOK_ROOT, 'data', 'miniature');
  const out = join(WORKBOOK_ROOT, 'results', 'tune');
  const lock = await lockFolder(out);
  try {
    return await tryInto(out, folder, signal, openProgress);
  } finally {
    lock.release();
  }
}

async function tryInto(out: string, folder: string, signal: AbortSignal, openProgress: OpenProgress): Promise<string> {
  const file = join(out, TRIALS_FILE);
  // What is wrong with them is said before anything is loaded.
  const known = await readTrials(file);
  const preset = PRESETS.miniature;
  const base = await openModelFolder(join(folder, 'base'));
  const modelHash = await hashWeights(base);
  const device = await openDevice('cpu', preset.threads ?? undefined, { flushDenormals: true });
  const tokenizer = await loadTokenizer(base.folder);
  const sources = { data: join(folder, 'development'), model: base.folder };
  const prepare = (packing: Packing) => prepareData(sources, { ...preset, packing }, tokenizer, preset.full.maxSeqLen);
  const data = { concatenated: await prepare('concatenated'), 'block-diagonal': await prepare('block-diagonal') };
  const items = data.concatenated.dataset.evaluation.items.flatMap((item) => WAYS.map((task) => ({ ...item, task })));
  const itemFacts = await readItemFacts(folder);
  const trials: Trial[] = [];
  /** Those of before that are still to come stay in the file. */
  const write = () => {
    const own = new Set(trials.map(({ identity }) => identity));
    return writeFileAtomic(file, json(asWritten([...trials, ...known.filter(({ identity }) => !own.has(identity))])));
  };

  const tryOne = async (packing: keyof typeof data, config: TrainConfig, work: string, progress: Progress) => {
    const { method, epochs, learningRate: rate, seed } = config;
    const { chunks, heldOut, packing: packed } = data[packing];
    const began = performance.now();
    const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
    const { state, records, plan, resumedAt } = await train({
      ...{ model, config, device, chunks, heldOut, signal },
      separate: packing !== 'concatenated',
      folder: work,
      identity: { config, model: modelHash, chunks: packed.sha256 },
      checkpointEvery: preset.checkpointEvery,
      onRecord: (record, { totalSteps }) => progress.at(record.step, totalSteps),
    });
    const scores = await scoreItems(items, createTokenScorer(model, state, device), tokenizer);
    state.dispose();
    const groups: Record<string, { right: number; items: number }> = {};
    for (const item of scores.items) {
      const group = itemFacts.get(item.id)!.group;
      groups[group] ??= { right: 0, items: 0 };
      groups[group].items++;
      if (isRight(item)) groups[group].right++;
    }
    const losses = records.flatMap(({ heldOutLoss }) => heldOutLoss ?? []);
    const before = records.reduce((sum, { step, seconds = 0 }) => sum + (step <= resumedAt ? seconds : 0), 0);
    const seconds = before + (performance.now() - began) / 1000;
    const came = { steps: plan.totalSteps, seconds, firstLoss: losses[0]!, heldOutLoss: losses.at(-1)!, groups };
    return { method, packing, rate, epochs, seed, ...came };
  };

  const configs = LEARNING_RATE_GRID.flatMap((rate) => {
    const pair = controlledPair(preset.full, { lora: rate, full: rate });
    return [{ ...preset.lora, learningRate: rate }, pair.lora, pair.full];
  });
  const plans = (['block-diagonal', 'concatenated'] as const).flatMap((packing) =>
    configs.flatMap((one) => SEEDS.map((seed) => ({ packing, config: { ...one, seed } satisfies TrainConfig }))),
  );
  for (const { packing, config } of plans) {
    const { method, epochs, learningRate: rate, seed } = config;
    const label = `${trainingOf({ method, epochs, packing })}, at ${rate}, seed ${seed}`;
    const progress = openProgress(label);
    const identity = hashOf({ config, modelHash, chunks: data[packing].packing.sha256, items });
    const done = known.find((trial) => trial.identity === identity);
    if (done) {
      trials.push(done);
      progress.say(`${label}: was done`);
      continue;
    }
    if (signal.aborted) {
      throw new Error(
        `tune: interrupted after ${trials.length} of ${plans.length} trainings; the same command carries on`,
      );
    }
    const work = join(out, 'training', identity.slice(0, 12));
    trials.push({ identity, ...(await tryOne(packing, config, work, progress)) });
    await write();
    await rm(work, { recursive: true });
    progress.say(`${label}: ${percent(tunedAccuracy(trials.at(-1)!))} of the tuned groups' development items`);
  }
  await rm(join(out, 'training'), { recursive: true, force: true });
  await writeFileAtomic(file, json(asWritten(trials)));
  const table = trialsTable(trials);
  await writeFileAtomic(join(out, TUNING_TABLE), `${table}\n`);
  return table;
}
