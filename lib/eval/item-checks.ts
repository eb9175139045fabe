import type { EvalItem } from '../data/examples';
import type { TaskDefinition } from './tasks/definition';
import { benchmarkOf } from './tasks/tasks';
import { strip } from './whitespace';

/**
 * Refuses an item that could be scored but would mean nothing.
 * Differs: the harness logs a warning for a gold answer out of range and scores the item 0.
 *
 * @throws naming the task, the item, what was required and what came
 */
export function checkItem(item: EvalItem, task: TaskDefinition): void {
  const refuse = (what: string): never => {
    throw new Error(`${task.name}: item ${item.id} ${what}`);
  };
  const count = item.choices.length;
  if (strip(item.question) === '') refuse('has an empty question; remove it or mend its file');
  if (count < 2) refuse(`has ${count} option(s), a choice needs at least 2; remove it or mend its file`);
  const { min, max } = task.choiceCount;
  if (count < min || count > max) {
    refuse(`has ${count} options, the task needs ${min === max ? min : `${min} to ${max}`}; use another task for it`);
  }
  if (!Number.isInteger(item.answer) || item.answer < 0 || item.answer >= count) {
    refuse(`has answer ${item.answer}, required an index from 0 to ${count - 1}; answers are counted from 0`);
  }
  // With the space before it, an empty option is scored as the harness scores it.
  const empty = task.docToChoice(item).findIndex((choice) => task.targetDelimiter + choice === '');
  if (empty >= 0) refuse(`has an empty option at ${empty}, which has no likelihood; remove the item or mend its file`);
  const unfit = benchmarkOf(task.name).unfit?.(item);
  if (unfit !== undefined) refuse(unfit);
}
