import type { GroupName, GroupResult } from '../eval/groups';
import type { TaskResult } from '../eval/score';
import { normalQuantile } from '../statistics/distributions';
import {
  type ComparedTask,
  comparedTasks,
  groupMembers,
  isAtChance,
  MODELS,
  type ModelName,
  type Scores,
} from './compared';
import { type PaperRowKey, TABLE_1 } from './paper';

/** An accuracy in percent, with its 95% interval and standard error in percent points. */
export interface Accuracy {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Null for a single item. */
  readonly stderr: number | null;
  /** The chance level lies in the interval. */
  readonly atChance: boolean;
}

/** One line of our table 1; all shares in percent. */
export interface ResultsRow extends Readonly<Record<ModelName, Accuracy | null>> {
  readonly key: PaperRowKey;
  readonly label: string;
  /** Of a group: the tasks of it that were not scored; its average is then not the paper's. */
  readonly missing: number;
  readonly n: number;
  readonly chance: number;
  /** Items of which a request was cut on the left; the most of the models'. */
  readonly truncated: number;
  /** As printed for Llama-2 70B. */
  readonly paperPeFt: number;
  readonly paperFpFt: number;
}

const Z_95 = normalQuantile(0.975);

/**
 * The paper's table 1 for our models: its rows in its order, those that were scored.
 *
 * A task's interval is Wilson's. An average's is mean ± 1.96 standard errors, the tasks taken as independent; its chance
 * level is the unweighted mean of its tasks', as its accuracy is.
 *
 * @throws when nothing was scored, or models were asked different questions
 * Source: table 1. Differs: interval, chance and truncation are not in the paper.
 */
export function resultsTable(scores: Scores): ResultsRow[] {
  const tasks = comparedTasks(scores);
  if (tasks.length === 0) throw new Error('results table: no task was scored; give the results of at least one model');
  return TABLE_1.flatMap(({ key, label, peFt, fpFt }) => {
    const isGroup = key === 'mmlu' || key === 'usmle';
    const members = isGroup ? groupMembers(tasks, key) : tasks.filter(({ task }) => task === key);
    if (members.length === 0) return [];
    const chance = mean(members.map((member) => member.chance));
    const accuracy = (model: ModelName) =>
      isGroup
        ? ofGroup(scores[model]?.groups, key, members, model, chance)
        : ofTask(members[0]!.results[model], chance);
    const row = { base: accuracy('base'), lora: accuracy('lora'), full: accuracy('full') };
    return [
      {
        key,
        label,
        missing: isGroup ? allMembers(key) - members.length : 0,
        n: members.reduce((sum, { n }) => sum + n, 0),
        ...row,
        chance: percent(chance),
        truncated: percent(Math.max(...MODELS.map((model) => truncatedShare(members, model)))),
        paperPeFt: peFt,
        paperFpFt: fpFt,
      },
    ];
  });
}

function allMembers(group: GroupName): number {
  return TABLE_1.filter(({ key }) => key.startsWith(`${group}_`)).length;
}

function ofTask(result: TaskResult | undefined, chance: number): Accuracy | null {
  if (!result) return null;
  const { value, stderr, interval } = result.acc;
  return inPercent(value, interval, stderr, chance);
}

/** Null unless the model was scored on the same tasks as the others: averages over other tasks do not compare. */
function ofGroup(
  groups: readonly GroupResult[] | undefined,
  key: GroupName,
  members: readonly ComparedTask[],
  model: ModelName,
  chance: number,
): Accuracy | null {
  const group = groups?.find((one) => one.group === key);
  if (!group || members.some(({ results }) => !results[model])) return null;
  const half = Z_95 * (group.accStderr ?? Number.NaN);
  const interval = [Math.max(0, group.acc - half), Math.min(1, group.acc + half)] as const;
  return inPercent(group.acc, interval, group.accStderr, chance);
}

function inPercent(
  value: number,
  interval: readonly [number, number],
  stderr: number | null,
  chance: number,
): Accuracy | null {
  if (interval.some(Number.isNaN)) return null;
  return {
    value: percent(value),
    low: percent(interval[0]),
    high: percent(interval[1]),
    stderr: stderr === null ? null : percent(stderr),
    atChance: isAtChance(interval, chance),
  };
}

function truncatedShare(members: readonly ComparedTask[], model: ModelName): number {
  const results = members.flatMap(({ results: of }) => of[model] ?? []);
  const n = results.reduce((sum, one) => sum + one.n, 0);
  return n === 0 ? 0 : results.reduce((sum, one) => sum + one.truncatedItems, 0) / n;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** To a millionth of a percent, so that 0.29 becomes 29 and not 28.999999999999996. */
function percent(share: number): number {
  return Number((100 * share).toFixed(6));
}
