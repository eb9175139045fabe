import * as v from 'valibot';
import type { LoraConfig, TrainConfig } from '../config';
import { MIXTURE } from '../data/mixture-schema';
import type { PackingReport } from '../data/packing/report';
import type { GroupResult } from '../eval/groups';
import { type ItemResult, isRight, type TaskResult } from '../eval/item-result';
import { above0, checkFields, count, fields, flag, formOf, list, number, text, whole } from '../schema';
import type { StepRecord } from '../train/log';
import { type ModelRecord, RUN_RECORD_VERSION, type RunRecord, SETTINGS, type TrainingRecord } from './run-record';

/*
 * What `run.json` must hold for tables and figures to be drawn from it: every number that they read, with its range. Fields
 * that a later workbook adds stay. `run-record.ts` says what each field is.
 */

const atLeast0 = v.pipe(number, v.minValue(0, 'a number of 0 or more'));
const share = v.pipe(number, v.minValue(0, 'a number from 0 to 1'), v.maxValue(1, 'a number from 0 to 1'));
const oneOf = <T extends readonly string[]>(names: T) => v.picklist(names, `one of ${names.join(', ')}`);

const step = formOf<StepRecord>()({
  step: count,
  epoch: count,
  loss: v.optional(number),
  gradientNorm: v.optional(atLeast0),
  learningRate: v.optional(atLeast0),
  responseTokens: v.optional(count),
  tokens: v.optional(count),
  seconds: v.optional(atLeast0),
  heldOutLoss: v.optional(number),
});

const config = formOf<Omit<TrainConfig, 'maxSteps'>>()({
  method: oneOf(['lora', 'full']),
  epochs: whole(1, Number.MAX_SAFE_INTEGER),
  learningRate: above0,
  warmupSteps: v.union([count, v.pipe(text, v.regex(/^[\d.]+%$/))], 'a number of updates or a share like "3%"'),
  finalRateRatio: share,
  beta1: share,
  beta2: share,
  epsilon: above0,
  weightDecay: atLeast0,
  decay: oneOf(['all', 'matrices']),
  clipNorm: above0,
  maxSeqLen: whole(2, Number.MAX_SAFE_INTEGER),
  batchSize: whole(1, Number.MAX_SAFE_INTEGER),
  accumulation: whole(1, Number.MAX_SAFE_INTEGER),
  seed: count,
  lora: formOf<Omit<LoraConfig, 'layers' | 'modulesToSave'>>()({
    rank: whole(1, Number.MAX_SAFE_INTEGER),
    alpha: above0,
    dropout: share,
    useRsLora: flag,
    targetModules: list(text),
  }),
});

const training = v.pipe(
  formOf<TrainingRecord>()({
    config,
    trainable: count,
    parameters: count,
    updates: count,
    seconds: atLeast0,
    tokens: count,
    peakMemoryBytes: count,
    savedBytes: count,
    log: list(step),
  }),
  v.check(
    ({ updates, log }) => log.filter(({ loss }) => loss !== undefined).length === updates,
    'a training whose "log" has a line for each of its "updates"',
  ),
  v.check(
    ({ tokens, log }) => log.reduce((sum, one) => sum + (one.tokens ?? 0), 0) === tokens,
    'a training whose "tokens" are those of its "log"',
  ),
);

const proportion = v.pipe(
  fields({
    value: share,
    count,
    n: count,
    stderr: v.nullable(atLeast0),
    interval: v.tuple([number, number], 'two numbers'),
  }),
  v.check(
    ({ value, count: right, n }) => right <= n && (n === 0 || Math.abs(value - right / n) < 1e-9),
    'a share whose "value" is "count" of "n"',
  ),
);

const item = v.pipe(
  formOf<ItemResult>()({
    id: text,
    task: text,
    logLikelihoods: list(number),
    isGreedy: list(flag),
    tokenCounts: list(count),
    prediction: count,
    predictionNorm: count,
    answer: count,
    tied: flag,
    tiedNorm: flag,
    truncatedTokens: count,
    seams: count,
  }),
  v.check(
    ({ logLikelihoods: { length }, prediction, predictionNorm, answer }) =>
      [prediction, predictionNorm, answer].every((place) => place < length),
    'an item whose places are those of its choices',
  ),
);

const task = formOf<TaskResult>()({
  task: text,
  variant: text,
  version: text,
  bos: oneOf(['never', 'tokenizer']),
  n: count,
  available: count,
  seed: v.nullable(count),
  acc: proportion,
  accNorm: v.nullable(proportion),
  accBytes: v.nullable(proportion),
  accTokens: v.nullable(proportion),
  ties: count,
  tiesNorm: count,
  chance: share,
  majority: fields({ answer: count, share }),
  requests: count,
  requestHash: text,
  truncatedItems: count,
  truncatedTokens: count,
  truncatedTokensMax: count,
  seams: count,
});

const group = formOf<GroupResult>()({
  group: text,
  tasks: list(text),
  missing: list(text),
  acc: share,
  accStderr: v.nullable(atLeast0),
  accWeighted: share,
  accWeightedStderr: v.nullable(atLeast0),
  n: count,
});

const scores = v.pipe(
  fields({ tasks: list(task), groups: list(group), items: list(item), rowCount: count, tokenCount: count }),
  v.check(({ tasks, items }) => {
    const right = new Map<string, [number, number]>();
    for (const one of items) {
      const [n, correct] = right.get(one.task) ?? [0, 0];
      right.set(one.task, [n + 1, correct + Number(isRight(one))]);
    }
    return (
      right.size === tasks.length &&
      tasks.every(({ task: name, n, acc }) => right.get(name)?.[0] === n && right.get(name)?.[1] === acc.count)
    );
  }, 'scores whose "tasks" count their "items"'),
);

const quiz = v.pipe(
  fields({ correct: count, n: count, items: list(item) }),
  v.check(
    ({ correct, n, items }) => items.length === n && items.filter(isRight).length === correct,
    'a quiz whose "n" and "correct" count its "items"',
  ),
);

export const MODEL_RECORD = formOf<ModelRecord>()({
  name: text,
  method: oneOf(['base', 'lora', 'full']),
  setting: oneOf(SETTINGS),
  alsoSettings: v.optional(list(oneOf(SETTINGS))),
  seed: v.nullable(count),
  training: v.nullable(training),
  scores,
  quiz: v.nullable(quiz),
});

const packing = formOf<PackingReport>()({
  packing: text,
  maxSeqLen: count,
  samples: count,
  chunks: count,
  zeroLoss: v.optional(count),
  truncated: v.optional(count),
  truncatedWithoutLoss: v.optional(count),
  droppedPartial: v.optional(count),
  droppedZeroLoss: v.optional(count),
  tokens: count,
  paddingTokens: count,
  fillRate: share,
  samplesSplit: count,
  lossTokens: count,
  droppedTokens: count,
  droppedLossTokens: count,
  lossTokensPerChunk: fields({ min: number, median: number, max: number }),
  sources: list(fields({ source: text, samples: count, tokens: count, lossTokens: count })),
  sha256: text,
});

/** Of models that are compared item by item. */
const areSame = (lists: readonly (readonly { readonly id: string }[])[]): boolean =>
  lists.every((one) => one.length === lists[0]!.length && one.every(({ id }, i) => id === lists[0]![i]!.id));

const RECORD = formOf<RunRecord>()({
  version: v.literal(RUN_RECORD_VERSION),
  preset: text,
  subject: fields({ model: text, data: text, device: text }),
  models: v.pipe(
    list(MODEL_RECORD),
    v.check((models) => new Set(models.map(({ name }) => name)).size === models.length, 'models of different names'),
    v.check(
      (models) => areSame(models.map(({ scores: { items } }) => items)),
      'models that are scored on the same items',
    ),
    v.check((models) => areSame(models.map(({ quiz: own }) => own?.items ?? [])), 'models that answer the same quiz'),
  ),
  mixture: MIXTURE,
  notes: v.optional(list(text)),
  standIns: list(fields({ subset: text, note: text, rows: count })),
  packing,
  samples: fields({
    samples: count,
    tokens: count,
    lossTokens: count,
    straddlingTokens: count,
    lostSystems: v.optional(count),
  }),
  facts: v.nullable(v.record(text, fields({ factId: text, group: text }), 'an object')),
  overlong: list(text),
});

/** @throws naming file and field, what was required and what came */
export function checkRunRecord(json: unknown, file: string): RunRecord {
  const remedy = 'the file is not as a run wrote it: make the run anew with `npm run reproduce -- --fresh`';
  checkFields(RECORD, json, `results: ${file}`, remedy);
  return json as RunRecord;
}
