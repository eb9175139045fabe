import { rm } from 'node:fs/promises';
import { join } from 'node:path';
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
import { PRESETS } from '../run/presets';
import { createProgress } from '../run/progress';
import { readTrials, TRIALS_FILE, type Trial, TUNING_TABLE, trainingOf, tunedAccuracy } from '../run/rate-trial';
import { train } from '../train/train';

/** Training seeds that are not the reproduction's. */
const SEEDS = [1, 2] as const;
/** MedMCQA's form asks for the letter, HeadQA's for the option's text. */
const WAYS = ['medmcqa', 'headqa'] as const;

const command = () =>
  newCommand(
    'tune',
    'Chooses the miniature’s packing and learning rates on its development items: 60 trainings. Interrupted, the same ' +
      'command keeps the trials that were done.',
  );

/**
 * Chooses the miniature's packing and learning rates: LoRA for the paper's eight epochs, LoRA and full for three (the
 * controlled pair), each at every rate of one grid, with rows in one stream and apart, with two seeds. The rows are
 * development rows, as many as the preset draws and of as many relations. What decides is the accuracy on the development
 * items of the tuned groups, each asked by letter and by text, whose facts neither the training rows teach nor an
 * evaluation item asks for; the loss on held-out rows stands beside it and decides between equals. No evaluation item is
 * read. Interrupted, the same command keeps the trials that were done.
 */
export async function main(args: readonly string[]): Promise<void> {
  readArguments(command(), args);
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
    const heldOutLoss = result.records.findLast((r) => r.heldOutLoss !== undefined)!.heldOutLoss!;
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
      heldOutLoss,
      groups,
    });
    await writeFileAtomic(file, json(trials));
    progress.say(`${label}: ${percent(tunedAccuracy(trials.at(-1)!))} of the tuned groups' development items`);
  }
  await rm(join(out, 'training'), { recursive: true, force: true });
  await writeFileAtomic(file, json(trials));
  const table = tuningTable(trials);
  await writeFileAtomic(join(out, TUNING_TABLE), `${table}\n`);
  console.log(table);
}

/** A row for each method, number of epochs and rate, means over the seeds; the chosen rates are bold. */
function tuningTable(trials: readonly Trial[]): string {
  const keys = [...new Set(trials.map(trainingOf))];
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const lines = keys.flatMap((key) => {
    const rows = LEARNING_RATE_GRID.map((rate) => {
      const same = trials.filter((one) => one.rate === rate && trainingOf(one) === key);
      const groups = Object.keys(same[0]!.groups).sort();
      return {
        rate,
        accuracy: mean(same.map(tunedAccuracy)),
        loss: mean(same.map(({ heldOutLoss }) => heldOutLoss)),
        byGroup: groups.map((group) =>
          percent(mean(same.map((one) => one.groups[group]!.right / one.groups[group]!.items))),
        ),
      };
    });
    const best = rows.reduce((a, b) =>
      b.accuracy > a.accuracy || (b.accuracy === a.accuracy && b.loss < a.loss) ? b : a,
    );
    return rows.map(({ rate, accuracy, loss, byGroup }) => {
      const shown = rate === best.rate ? `**${percent(accuracy)}**` : percent(accuracy);
      return `| ${[key, rate.toExponential(), shown, loss.toFixed(3), ...byGroup].join(' | ')} |`;
    });
  });
  const groups = Object.keys(trials[0]!.groups).sort();
  return [
    `| training | peak rate | tuned groups | held-out loss | ${groups.join(' | ')} |`,
    `|---|---:|---:|---:|${groups.map(() => '---:|').join('')}`,
    ...lines,
  ].join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
