import type { ItemResult } from './score';
import { inTaskOrder, type TaskName } from './tasks/tasks';

/** A task on which a model chose one place nearly every time. */
export interface ConstantAnswer {
  readonly task: TaskName;
  /** Place in the task's choices, 0-based. */
  readonly choice: number;
  /** Of the model's answers. */
  readonly share: number;
  /** The accuracy of always choosing it. */
  readonly accuracy: number;
}

/**
 * Tasks on which at least `threshold` of the answers are the same choice. Their accuracy is how often that choice
 * happens to be right among the items: above or below chance, it is no knowledge, and its interval does not tell.
 */
export function constantAnswers(items: readonly ItemResult[], threshold = 0.9): ConstantAnswer[] {
  return inTaskOrder(items.map(({ task }) => task)).flatMap((task) => {
    const own = items.filter((item) => item.task === task);
    const counts = new Map<number, number>();
    for (const { prediction } of own) counts.set(prediction, (counts.get(prediction) ?? 0) + 1);
    const [choice, count] = [...counts].sort(([, a], [, b]) => b - a)[0]!;
    const share = count / own.length;
    const accuracy = own.filter((item) => item.answer === choice).length / own.length;
    return share >= threshold ? [{ task, choice, share, accuracy }] : [];
  });
}
