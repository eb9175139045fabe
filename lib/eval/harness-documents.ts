import type { EvalItem } from '../data/examples';
import type { TaskDefinition } from './tasks/definition';
import { benchmarkOf } from './tasks/tasks';

/** The harness's own name of a task in a form: `mmlu_anatomy_continuation`. */
export const harnessName = ({ name, variant }: Pick<TaskDefinition, 'name' | 'variant'>): string =>
  variant === 'continuation' ? `${name}_continuation` : name;

/** An item with the columns of the data set that the harness downloads for a task, as its sample files hold it. */
export function harnessDocument(item: EvalItem, { name }: Pick<TaskDefinition, 'name'>): Record<string, unknown> {
  return benchmarkOf(name).toDocument(item);
}

/** What the harness's `target` says of an item: a word where the task's answers are words, else the place. */
export function harnessTarget(item: EvalItem, task: TaskDefinition): string {
  const { toTarget } = benchmarkOf(task.name);
  return toTarget ? toTarget(item) : String(task.docToTarget(item));
}
