import { type ModelRecord, RUN_RECORD_VERSION, type RunRecord, type Setting } from '../../lib/compare/run-record';
import { type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../../lib/config';
import type { Decontamination, EvidencePair, TruthRow } from '../../lib/decontaminate/record';
import { groupResults } from '../../lib/eval/groups';
import type { ItemResult, ScoreResult, TaskResult } from '../../lib/eval/score';
import type { TaskName } from '../../lib/eval/tasks/tasks';
import { PAPER_BENCHMARKS } from '../../lib/paper/benchmarks';
import { SUBSETS, TOTALS } from '../../lib/paper/table-a1';
import { createRandom, type Random } from '../../lib/random';
import { proportion } from '../../lib/statistics/proportion';
import type { StepRecord } from '../../lib/train/log';

/*
 * Records as a run leaves them, drawn from a seed: what a report is made of, without training anything.
 */

export const GROUPS = ['read-and-tuned', 'read-only', 'tuned-only', 'control'] as const;

/** How often a method's models answer rightly: in each group of facts, or everywhere alike. */
export type Level = number | Readonly<Record<(typeof GROUPS)[number], number>>;

export interface RecordOptions {
  readonly base?: Level;
  /** Null: not trained. */
  readonly lora?: Level | null;
  readonly full?: Level | null;
  readonly seeds?: readonly number[];
  /** Runs at the paper's own rates besides; default true. */
  readonly paperRuns?: boolean;
  /** LoRA for as many epochs as full-parameter training besides; its level. */
  readonly loraControlled?: Level;
  readonly itemsPerTask?: number;
  /** False: data without known facts. */
  readonly facts?: boolean;
  readonly quiz?: boolean;
  readonly tasks?: readonly TaskName[];
  /** Stands in every name and id. */
  readonly hostile?: string;
}

const LEARNT = { 'read-and-tuned': 0.72, 'read-only': 0.4, 'tuned-only': 0.6, control: 0.25 };
const UNTOUCHED = { 'read-and-tuned': 0.4, 'read-only': 0.42, 'tuned-only': 0.25, control: 0.25 };

export function sampleRecord(options: RecordOptions = {}): RunRecord {
  const { base = UNTOUCHED, lora = LEARNT, full = LEARNT, seeds = [42, 43, 44], paperRuns = true } = options;
  const { facts = true, quiz = true, hostile = '', loraControlled } = options;
  const items = sampleItems(options);
  const model = (method: ModelRecord['method'], setting: Setting, seed: number | null, level: Level): ModelRecord => {
    const random = createRandom(seed ?? 1, `${method} ${setting}`);
    const tail = method === 'base' ? '' : setting === 'tuned' ? `-${seed}` : `-${setting}-${seed}`;
    return {
      name: `${method}${tail}${hostile}`,
      method,
      setting,
      ...(method === 'full' && setting === 'tuned' && loraControlled !== undefined
        ? { alsoSettings: ['controlled'] }
        : {}),
      seed,
      training: method === 'base' ? null : sampleTraining(method, setting, seed!),
      scores: sampleScores(items, level, random),
      quiz: quiz ? sampleQuiz(method === 'base' ? 0.9 : method === 'lora' ? 0.85 : 0.7, random) : null,
    };
  };
  const trained = (method: Method, level: Level | null) => {
    if (level === null) return [];
    const tuned = seeds.map((seed) => model(method, 'tuned', seed, level));
    return [...tuned, ...(paperRuns ? [model(method, 'paper', seeds[0]!, base)] : [])];
  };
  const known = items.map(({ id, group, fact }): [string, { factId: string; group: string }] => [
    id,
    { factId: fact, group },
  ]);
  return {
    version: RUN_RECORD_VERSION,
    preset: `miniature${hostile}`,
    subject: {
      model: `miniature-base, 1.1M parameters${hostile}`,
      data: `miniature${hostile}`,
      device: `cpu, 2 threads${hostile}`,
    },
    models: [
      model('base', 'tuned', null, base),
      ...trained('lora', lora),
      ...trained('full', full),
      ...(loraControlled === undefined ? [] : seeds.map((seed) => model('lora', 'controlled', seed, loraControlled))),
    ],
    mixture: sampleMixture(),
    standIns: [{ subset: 'openorca_t0', note: `generated rows in the form of OpenOrca T0${hostile}`, rows: 110 }],
    packing: samplePacking(),
    samples: { samples: 665, tokens: 50_000, lossTokens: 14_000, straddlingTokens: 3 },
    facts: facts ? Object.fromEntries(known) : null,
    overlong: [`medqa-9${hostile}`],
  };
}

interface SampleItem {
  readonly id: string;
  readonly task: TaskName;
  readonly group: (typeof GROUPS)[number];
  readonly fact: string;
  readonly choices: number;
}

function sampleItems({ itemsPerTask = 40, tasks = PAPER_BENCHMARKS, hostile = '' }: RecordOptions): SampleItem[] {
  return tasks.flatMap((task) =>
    Array.from({ length: itemsPerTask }, (_, i) => {
      const group = GROUPS[i % 4]!;
      return {
        id: `${task}-${i}${hostile}`,
        task,
        group,
        fact: `${group}-${(i * 7) % 31}`,
        choices: task === 'pubmedqa' ? 3 : 4,
      };
    }),
  );
}

function sampleScores(items: readonly SampleItem[], level: Level, random: Random): ScoreResult {
  const results = items.map(({ id, task, group, choices }): ItemResult => {
    const answer = random.int(choices);
    return item(id, task, answer, choices, random.next() < (typeof level === 'number' ? level : level[group]), random);
  });
  // The right answers are the questions', not the models'.
  const keys = createRandom(9);
  const aligned = results.map((one) => {
    const choices = one.logLikelihoods.length;
    const answer = keys.int(choices);
    const prediction = one.prediction === one.answer ? answer : (answer + 1 + random.int(choices - 1)) % choices;
    return { ...one, answer, prediction, predictionNorm: prediction };
  });
  const tasks = [...new Set(items.map(({ task }) => task))].map((task) =>
    taskResult(
      task,
      aligned.filter((one) => one.task === task),
    ),
  );
  return { tasks, groups: groupResults(tasks), items: aligned, rowCount: aligned.length, tokenCount: 0 };
}

function item(id: string, task: TaskName, answer: number, choices: number, right: boolean, random: Random): ItemResult {
  const prediction = right ? answer : (answer + 1) % choices;
  return {
    id,
    task,
    logLikelihoods: Array.from({ length: choices }, (_, i) => -random.next() - (i === prediction ? 0 : 2)),
    isGreedy: new Array<boolean>(choices).fill(false),
    tokenCounts: new Array<number>(choices).fill(1),
    prediction,
    predictionNorm: prediction,
    answer,
    tied: false,
    tiedNorm: false,
    truncatedTokens: 0,
    seams: 0,
  };
}

function taskResult(task: TaskName, items: readonly ItemResult[]): TaskResult {
  const n = items.length;
  return {
    task,
    variant: 'present',
    version: '1.0',
    bos: 'never',
    n,
    available: n,
    seed: null,
    acc: proportion(items.filter(({ prediction, answer }) => prediction === answer).length, n),
    accNorm: null,
    accBytes: null,
    accTokens: null,
    ties: 1,
    tiesNorm: 0,
    chance: 1 / items[0]!.logLikelihoods.length,
    majority: { answer: 0, share: 0.3 },
    requests: n * 4,
    requestHash: task.padEnd(64, '0'),
    truncatedItems: Math.floor(n / 20),
    truncatedTokens: 7,
    truncatedTokensMax: 5,
    seams: 0,
  };
}

function sampleQuiz(level: number, random: Random): NonNullable<ModelRecord['quiz']> {
  const items = Array.from({ length: 120 }, (_, i) =>
    item(`quiz-${i}`, 'medqa_4options', i % 4, 4, random.next() < level, random),
  );
  return { correct: items.filter(({ prediction, answer }) => prediction === answer).length, n: items.length, items };
}

function sampleTraining(method: Method, setting: Setting, seed: number): NonNullable<ModelRecord['training']> {
  const epochs = setting === 'controlled' ? PAPER_FULL.epochs : PAPER_LORA.epochs;
  const config: TrainConfig =
    method === 'lora' ? { ...PAPER_LORA, epochs, seed, maxSeqLen: 256 } : { ...PAPER_FULL, seed, maxSeqLen: 256 };
  const updates = method === 'lora' && setting !== 'controlled' ? 160 : 60;
  return {
    config:
      setting !== 'paper'
        ? { ...config, learningRate: method === 'lora' ? 3e-3 : 1e-3, warmupSteps: 10, batchSize: 8 }
        : config,
    trainable: method === 'lora' ? 61_440 : 1_100_000,
    parameters: 1_100_000,
    updates,
    seconds: method === 'lora' ? 22.5 : 10.25,
    tokens: updates * 2048,
    peakMemoryBytes: method === 'lora' ? 4.1e8 : 4.4e8,
    savedBytes: method === 'lora' ? 252_000 : 4_410_000,
    log: sampleLog(updates, 3.2, setting === 'paper' ? 2.6 : 0.9, updates / 4, seed),
  };
}

/** A log that falls from `from` to `to` with noise, a held-out look each `every` updates. */
export function sampleLog(updates: number, from: number, to: number, every: number, seed: number): StepRecord[] {
  const random = createRandom(seed);
  const records: StepRecord[] = [];
  for (let step = 0; step <= updates; step++) {
    const loss = to + (from - to) * Math.exp((-5 * step) / updates);
    const common = { step, epoch: Math.floor((3 * step) / (updates + 1)) };
    if (step > 0) records.push({ ...common, loss: loss * (1 + 0.08 * random.normal()), tokens: 2048, seconds: 0.8 });
    if (step % every === 0) records.push({ ...common, heldOutLoss: loss * 1.04 });
  }
  return records;
}

function sampleMixture(): RunRecord['mixture'] {
  const total = 700;
  const rows = SUBSETS.map(({ key, name, domain, samples, percent }) => {
    const drawn = Math.max(1, Math.round((total * samples) / TOTALS.all.samples));
    const drawnPercent = (100 * drawn) / total;
    return {
      subset: key,
      name,
      domain,
      paperSamples: samples,
      paperPercent: percent,
      targetPercent: percent,
      available: drawn,
      drawn,
      drawnPercent,
      deviation: drawnPercent - percent,
      standInRows: drawn,
      standIn: true,
      short: false,
    };
  });
  const domain = (name: 'medical' | 'general') => {
    const drawn = rows.filter((row) => row.domain === name).reduce((sum, row) => sum + row.drawn, 0);
    return { drawn, drawnPercent: (100 * drawn) / total, paperPercent: TOTALS[name].percent };
  };
  return {
    total,
    shares: 'paper',
    rows,
    missing: [],
    domains: { medical: domain('medical'), general: domain('general') },
    totalWithoutShortfall: total,
  };
}

function samplePacking(): RunRecord['packing'] {
  return {
    packing: 'concatenated',
    maxSeqLen: 256,
    zeroLoss: 1,
    truncated: 0,
    truncatedWithoutLoss: 0,
    droppedPartial: 0,
    droppedZeroLoss: 1,
    samples: 665,
    chunks: 195,
    tokens: 49_800,
    paddingTokens: 120,
    fillRate: 0.9976,
    samplesSplit: 150,
    lossTokens: 14_000,
    droppedTokens: 0,
    droppedLossTokens: 0,
    lossTokensPerChunk: { min: 4, median: 70, max: 160 },
    sources: [],
    sha256: 'a'.repeat(64),
  };
}

/** What decontamination says of a record's items: every `every`-th is flagged. */
export function sampleDecontamination(
  record: RunRecord,
  options: { every?: number; hostile?: string; papers?: boolean } = {},
): Decontamination {
  const { every = 25, hostile = '', papers = false } = options;
  const items = record.models[0]!.scores.items;
  const flagged = items.filter((_, i) => i % every === 0);
  const count = (n: number, all: number) => ({ n: all, flagged: n, percent: (100 * n) / all });
  const pairs = flagged.map(({ id, task }, i): EvidencePair => {
    return {
      itemId: id,
      task,
      subject: null,
      rowId: `medmcqa-${i}${hostile}`,
      source: `medmcqa_miniature${hostile}`,
      copies: 1,
      rank: 1,
      cosine: 0.99 - 0.004 * i,
      flagged: true,
      itemText: `Which vitamin does a person with scurvy lack?\na. vitamin C b. vitamin D c. vitamin ${i} d. iron${hostile}`,
      rowText:
        i % 3 === 0
          ? `Which vitamin does a person with scurvy lack?\na. vitamin C b. vitamin D c. vitamin ${i} d. iron${hostile}`
          : `Scurvy is a lack of which vitamin?\na. vitamin C b. vitamin D c. vitamin ${i} d. iron${hostile}`,
      exact: i % 3 === 0,
      sharedNgram: null,
    };
  });
  const thresholds = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
  const truth = thresholds.map(
    (threshold, i): TruthRow => ({
      threshold,
      precision: [0.3, 0.5, 0.8, 0.95, 1, null][i]!,
      recall: [1, 1, 0.95, 0.8, 0.5, 0][i]!,
      flagged: 20,
      truePositives: 16,
      falseSameTopic: 3,
      falseOther: 1,
      falseTaught: 1,
      precisionUntaught: [0.4, 0.6, 0.85, 1, 1, null][i]!,
      kinds: (['exact', 'reworded', 'same-topic'] as const).map((kind, k) => ({
        kind,
        items: 20,
        flagged: 20 - 8 * k,
        rowFound: 20 - 8 * k,
        rate: (20 - 8 * k) / 20,
      })),
    }),
  );
  return {
    version: 1,
    method: `${papers ? 'cosine of all-MiniLM-L6-v2 embeddings' : 'cosine of TF-IDF vectors'}${hostile}`,
    kind: papers ? 'embedding' : 'tf-idf',
    isPapersMethod: papers,
    notice: papers ? null : `Not the paper’s method: word statistics.${hostile}`,
    threshold: 0.8,
    view: 'question-options',
    topK: 5,
    floor: 0.5,
    encoder: null,
    truncation: null,
    trainingRows: record.mixture.total,
    trainingTexts: record.mixture.total - 5,
    total: count(flagged.length, items.length),
    tasks: [],
    flagged: flagged.map(({ id }) => id),
    nearest: items.map(() => 0.4),
    pairs,
    sweep: thresholds.map((threshold, i) => ({
      threshold,
      ...count(Math.round(items.length / 2 ** (i + 1)), items.length),
      tasks: [],
    })),
    secondOpinions: [
      {
        method: '13-gram overlap',
        rule: 'one shared run of 13 words, as lm_eval/decontamination has it',
        total: count(4, items.length),
        tasks: [],
        flagged: flagged.slice(0, 4).map(({ id }) => id),
        alsoFlagged: 4,
        cannotMatch: 100,
        truth: truth[3]!,
      },
    ],
    truth,
    assumptions: [`text compared: question and options${hostile}`],
  };
}
