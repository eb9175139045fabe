import type { Method } from '../config';
import { isRight } from '../eval/item-result';
import { inTaskOrder, type TaskName } from '../eval/tasks/tasks';
import type { Answer } from './estimate';
import { ANSWER_IN_CONTEXT } from './models';
import { isUnder, type ModelRecord, type RunRecord, SETTINGS, type Setting } from './run-record';

/** The three ways to have a model, in the order they are shown. */
export const MODELS = ['base', 'lora', 'full'] as const;

export type ModelName = (typeof MODELS)[number];

/** What the numbers are of; said beside every figure and table. */
export interface Subject {
  readonly model: string;
  readonly data: string;
  readonly device: string;
}

/** The setting that stands beside the paper's numbers: its epochs, at the run's own rates where these were run. */
export function mainSetting({ models }: RunRecord): Setting {
  return models.some(({ method, setting }) => method !== 'base' && setting === 'tuned') ? 'tuned' : 'paper';
}

/**
 * The setting that methods are compared in: the controlled one where both were run so, because a difference under the
 * paper's epochs is of method and epochs together.
 */
export function fairSetting(record: RunRecord): Setting {
  const both = (['lora', 'full'] as const).every((method) => runsOf(record, method, 'controlled').length > 0);
  return both ? 'controlled' : mainSetting(record);
}

/**
 * The runs of one method at one setting, one for each training seed; of the base one, whatever the setting. A training
 * that serves two settings is found under both.
 */
export function runsOf(record: RunRecord, method: ModelName, setting: Setting = mainSetting(record)): ModelRecord[] {
  return record.models.filter((model) => model.method === method && (method === 'base' || isUnder(model, setting)));
}

/** The runs of one method that were trained for one setting. */
export interface Arm {
  readonly method: Method;
  readonly setting: Setting;
  readonly runs: readonly ModelRecord[];
}

/** Every training of a record once, by setting and method: one that serves two settings stands under its own. */
export function armsOf({ models }: RunRecord): Arm[] {
  return SETTINGS.flatMap((setting) =>
    (['lora', 'full'] as const).flatMap((method): Arm[] => {
      const runs = models.filter((model) => model.method === method && model.setting === setting);
      return runs.length === 0 ? [] : [{ method, setting, runs }];
    }),
  );
}

/** Whether an arm's models are those that methods are compared by; they may have been trained for another setting first. */
export function isCompared(record: RunRecord, { method, setting }: { method: ModelName; setting: Setting }): boolean {
  return runsOf(record, method, fairSetting(record))[0]?.setting === setting;
}

/** The base with its size in two digits, where a training tells it: 'base (1.4 million parameters)', '970 thousand'. */
export function baseName({ models, subject }: RunRecord): string {
  const [trained] = models.flatMap(({ method, training }) => (training ? [{ method, ...training }] : []));
  if (!trained) return subject.model;
  // An adapter's parameters come on top of the base's.
  const size = trained.parameters - (trained.method === 'lora' ? trained.trainable : 0);
  const [value, unit] =
    size >= 1e9 ? [size / 1e9, 'billion'] : size >= 1e6 ? [size / 1e6, 'million'] : [size / 1e3, 'thousand'];
  return `${subject.model} (${Number(value.toPrecision(2))} ${unit} parameters)`;
}

/** The tasks that were scored, in the benchmarks' order. */
export function scoredTasks({ models }: RunRecord): TaskName[] {
  return inTaskOrder(models.flatMap(({ scores }) => scores.tasks.map(({ task }) => task)));
}

/**
 * Every item's answer, over the seeds of a method: clustered by the fact that the item asks for where that is known.
 *
 * @param runs of one method and setting; none gives no answers
 */
export function answersOf(record: RunRecord, runs: readonly ModelRecord[]): Answer[] {
  const [first, ...others] = runs;
  if (!first) return [];
  const right = others.map(({ scores }) => new Map(scores.items.map((item) => [keyOf(item), Number(isRight(item))])));
  return first.scores.items.map((item) => {
    const key = keyOf(item);
    const sum = right.reduce((total, of) => total + of.get(key)!, Number(isRight(item)));
    return {
      id: item.id,
      task: item.task,
      right: sum / runs.length,
      chance: 1 / item.logLikelihoods.length,
      cluster: record.facts?.[item.id]?.factId ?? key,
    };
  });
}

/** The answers of base, LoRA and full-parameter training at the main setting, of those that were run. */
export function answersByMethod(record: RunRecord): { readonly method: ModelName; readonly answers: Answer[] }[] {
  return MODELS.map((method) => ({ method, answers: answersOf(record, runsOf(record, method)) })).filter(
    ({ answers }) => answers.length > 0,
  );
}

/** The held-out loss before the first update and after the last, in nats a response token; null where it was not measured. */
export function heldOutLosses({ training }: ModelRecord): {
  readonly before: number | null;
  readonly after: number | null;
} {
  const losses = (training?.log ?? []).flatMap(({ heldOutLoss }) => heldOutLoss ?? []);
  return { before: losses[0] ?? null, after: losses.length > 1 ? losses.at(-1)! : null };
}

/** The group of the fact that an item asks for; undefined where that is not known, or the answer stands in its own context. */
export function factGroupOf({ facts }: RunRecord, { id, task }: Answer): string | undefined {
  return ANSWER_IN_CONTEXT.some((one) => one === task) ? undefined : facts?.[id]?.group;
}

const keyOf = ({ task, id }: { readonly task: string; readonly id: string }) => `${task}\n${id}`;

/**
 * @throws when two models were asked different questions: their difference would not be the training's
 */
export function checkSameQuestions({ models }: RunRecord): void {
  const [first, ...others] = models;
  if (first?.method !== 'base') {
    throw new Error('report: the record must begin with the untouched base; score it and run again');
  }
  for (const { name, scores } of others) {
    const wanted = first.scores.tasks.map(({ task, requestHash }) => `${task} ${requestHash}`);
    const got = scores.tasks.map(({ task, requestHash }) => `${task} ${requestHash}`);
    const place = wanted.findIndex((one, i) => one !== got[i]);
    if (place >= 0 || got.length !== wanted.length) {
      const task = first.scores.tasks[Math.max(place, 0)]?.task ?? 'a task';
      throw new Error(
        `report: ${task} was asked of ${name} in other words or on other items than of ${first.name}; ` +
          'score all models with the same items, sample seed and task variant',
      );
    }
  }
}
