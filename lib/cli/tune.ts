import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { controlledPair, LEARNING_RATE_GRID, type TrainConfig } from '../config';
import type { Packing } from '../data/packing/packing';
import { loadTokenizer } from '../data/tokenizer';
import { openDevice } from '../engine/device';
import { scoreItems } from '../eval/score';
import { createTokenScorer } from '../eval/token-scorer';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { hashOf } from '../hash';
import { readItemFacts } from '../miniature/miniature';
import { openModelFolder } from '../model/folder';
import { hashWeights } from '../model/hash-weights';
import { tunedModel } from '../model/tuned';
import { newCommand, readArguments } from '../run/arguments';
import { json, prepareData } from '../run/data-stage';
import { PRESET_NAMES, PRESETS } from '../run/presets';
import { createProgress, sayLine } from '../run/progress';
import { tryRates } from '../run/rate-grid';
import {
  percent,
  readTrials,
  TRIALS_FILE,
  type Trial,
  TUNING_TABLE,
  trainingOf,
  trialsTable,
  tunedAccuracy,
} from '../run/rate-trial';
import { train } from '../train/train';
import { abortOnInterrupt, callersFolder } from './interrupt';

/** Training seeds that are not the reproduction's. */
const SEEDS = [1, 2] as const;
/** MedMCQA's form asks for the letter, HeadQA's for the option's text. */
const WAYS = ['medmcqa', 'headqa'] as const;

const GRID_PRESETS = PRESET_NAMES.filter((name) => PRESETS[name].rateGrid !== null);

const command = () =>
  newCommand(
    'tune',
    'Chooses peak learning rates. Without options: the miniature’s, and its packing, on its development items, by 60 ' +
      'trainings. With a preset that has a grid of rates: each method’s, by the loss on held-out training rows. Interrupted, ' +
      'the same command keeps what was done.',
  )
    .option('--preset <name>', GRID_PRESETS.join(' | '))
    .option('--data <folder>', 'with --preset: rows in FOLDER/train')
    .option('--model <folder>', 'with --preset: a Llama in a Hugging Face folder')
    .option('--out <folder>', 'with --preset: where trials go  (default: results/tune-PRESET)');

export async function main(args: readonly string[]): Promise<void> {
  const { options } = readArguments<Partial<Record<'preset' | 'data' | 'model' | 'out', string>>>(command(), args);
  const { preset, data, model, out } = options;
  if (preset === undefined && data === undefined && model === undefined && out === undefined) return tuneMiniature();
  const name = GRID_PRESETS.find((one) => one === preset);
  if (name === undefined) {
    throw new Error(
      `tune: --preset must be one of ${GRID_PRESETS.join(', ')}, got ${preset === undefined ? 'none' : `"${preset}"`}; --help lists the options`,
    );
  }
  if (data === undefined || model === undefined)
    throw new Error(`tune: --preset ${name} needs --data and --model; --help lists the options`);
  const path = (one: string) => resolve(callersFolder(), one);
  const signal = abortOnInterrupt('stopping after this update, with a checkpoint');
  const table = await tryRates(
    {
      preset: name,
      data: path(data),
      model: path(model),
      out: out === undefined ? join(WORKBOOK_ROOT, 'results', `tune-${name}`) : path(out),
    },
    signal,
    { say: sayLine },
  );
  console.log(table);
}

/**
 * Chooses the miniature's packing and learning rates: LoRA for the paper's eight epochs, LoRA and full for three (the
 * controlled pair), each at every rate of one grid, with rows in one stream and apart, with two seeds. The rows are
 * development rows, as many as the preset draws and of as many relations. What decides is the accuracy on the development
 * items of the tuned groups, each asked by letter and by text, whose facts neither the training rows teach nor an
 * evaluation item asks for; the loss on held-out rows stands beside it and decides between equals. No evaluation item is
 * read. Interrupted, the same command keeps the trials that were done.
 */
async function tuneMiniature(): Promise<void> {
  const root = WORKBOOK_ROOT;
  const folder = join(root, 'data', 'miniature');
  const out = join(root, 'results', 'tune');
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
  const packed = { concatenated: await prepare('concatenated'), 'block-diagonal': await prepare('block-diagonal') };
  const items = packed.concatenated.dataset.evaluation.items.flatMap((item) => WAYS.map((task) => ({ ...item, task })));
  const itemFacts = await readItemFacts(folder);
  const trials: Trial[] = [];

  const configs = LEARNING_RATE_GRID.flatMap((rate) => {
    const pair = controlledPair(preset.full, { lora: rate, full: rate });
    return [{ ...preset.lora, learningRate: rate }, pair.lora, pair.full];
  });
  const plans = (['block-diagonal', 'concatenated'] as const).flatMap((packing) =>
    configs.flatMap((one) => SEEDS.map((seed) => ({ packing, config: { ...one, seed } satisfies TrainConfig }))),
  );
  for (const { packing, config } of plans) {
    const { method, epochs, learningRate: rate, seed } = config;
    const data = packed[packing];
    const label = `${trainingOf({ method, epochs, packing })}, at ${rate}, seed ${seed}`;
    const progress = createProgress(label);
    const identity = hashOf({ config, modelHash, chunks: data.packing.sha256, items });
    const done = known.find((trial) => trial.identity === identity);
    if (done) {
      trials.push(done);
      progress.say(`${label}: was done`);
      continue;
    }
    const began = performance.now();
    const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
    const work = join(out, 'training');
    await rm(work, { recursive: true, force: true });
    const result = await train({
      model,
      config,
      device,
      chunks: data.chunks,
      heldOut: data.heldOut,
      separate: packing !== 'concatenated',
      folder: work,
      identity: { config, model: modelHash, chunks: data.packing.sha256 },
      checkpointEvery: Number.POSITIVE_INFINITY,
      onRecord: (record, plan) => progress.at(record.step, plan.totalSteps),
    });
    const scores = await scoreItems(items, createTokenScorer(model, result.state, device), tokenizer);
    result.state.dispose();
    const groups: Record<string, { right: number; items: number }> = {};
    for (const { id, prediction, answer } of scores.items) {
      const group = itemFacts.get(id)!.group;
      groups[group] ??= { right: 0, items: 0 };
      groups[group].items++;
      if (prediction === answer) groups[group].right++;
    }
    const losses = result.records.flatMap(({ heldOutLoss }) => heldOutLoss ?? []);
    const seconds = (performance.now() - began) / 1000;
    trials.push({
      identity,
      method,
      packing,
      rate,
      epochs,
      seed,
      steps: result.plan.totalSteps,
      seconds,
      firstLoss: losses[0]!,
      heldOutLoss: losses.at(-1)!,
      groups,
    });
    await writeFileAtomic(file, json(trials));
    progress.say(`${label}: ${percent(tunedAccuracy(trials.at(-1)!))} of the tuned groups' development items`);
  }
  await rm(join(out, 'training'), { recursive: true, force: true });
  await writeFileAtomic(file, json(trials));
  const table = trialsTable(trials);
  await writeFileAtomic(join(out, TUNING_TABLE), `${table}\n`);
  console.log(table);
}
