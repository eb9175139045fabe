import type { GroupName } from '../eval/groups';
import type { ScoreResult, TaskResult } from '../eval/score';
import { TASK_NAMES, type TaskName } from '../eval/task-definition';

/** The three models of the comparison, in the order they are shown. */
export const MODELS = ['base', 'lora', 'full'] as const;

export type ModelName = (typeof MODELS)[number];

/** What is compared: a model that was not scored is left out. */
export type Scores = Readonly<Partial<Record<ModelName, Pick<ScoreResult, 'tasks' | 'groups'>>>>;

/** What the numbers are of; said beside every figure and table. */
export interface Subject {
  readonly model: string;
  readonly data: string;
  readonly device: string;
}

/** One task's results, and what must be the same for all models: the questions. */
export interface ComparedTask {
  readonly task: TaskName;
  readonly n: number;
  readonly chance: number;
  readonly results: Readonly<Partial<Record<ModelName, TaskResult>>>;
}

/** A chance level inside the 95% interval: the model may as well be guessing. */
export function isAtChance([low, high]: readonly [number, number], chance: number): boolean {
  return low <= chance && chance <= high;
}

/**
 * The tasks that any model was scored on, in table 1's order.
 *
 * @throws when two models were asked different questions: their difference would not be the training's
 */
export function comparedTasks(scores: Scores): ComparedTask[] {
  return TASK_NAMES.flatMap((task) => {
    const results: Partial<Record<ModelName, TaskResult>> = {};
    let first: { model: ModelName; result: TaskResult } | undefined;
    for (const model of MODELS) {
      const result = scores[model]?.tasks.find((one) => one.task === task);
      if (!result) continue;
      results[model] = result;
      first ??= { model, result };
      if (result.requestHash !== first.result.requestHash || result.n !== first.result.n) {
        throw new Error(
          `compared: ${task} was asked of ${model} in other words or on other items than of ${first.model} ` +
            `(request hash ${result.requestHash.slice(0, 8)} and ${first.result.requestHash.slice(0, 8)}); ` +
            'score all models with the same items, sample seed and task variant',
        );
      }
    }
    return first ? [{ task, n: first.result.n, chance: first.result.chance, results }] : [];
  });
}

/** The members of an average that were scored. */
export function groupMembers(tasks: readonly ComparedTask[], group: GroupName): ComparedTask[] {
  return tasks.filter(({ task }) => task.startsWith(`${group}_`));
}
