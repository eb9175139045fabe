import type { EvalItem } from '../data/examples';
import { PRESENT_TASKS } from './present-tasks';
import type { TaskDefinition, TaskName, TaskVariant } from './task-definition';

/** Every definition there is: one for each name and variant. */
export const TASKS: readonly TaskDefinition[] = PRESENT_TASKS;

/** An item's `task` where it is not the definition's own name; MMLU's is made with its subject. */
const DEFINITION_OF: Readonly<Record<string, TaskName>> = {
  medqa: 'medqa_4options',
  headqa: 'headqa_en',
};

/**
 * The definition called `name`.
 *
 * @throws naming the unknown task and those known
 */
export function taskNamed(name: string, variant: TaskVariant = 'present'): TaskDefinition {
  const found = TASKS.find((task) => task.name === name && task.variant === variant);
  if (found) return found;
  const known = TASKS.filter((task) => task.variant === variant).map((task) => task.name);
  throw new Error(`tasks: no task ${JSON.stringify(name)} in variant '${variant}'; known: ${known.join(', ')}`);
}

/**
 * The definition that scores an item, from its `task` and, for MMLU, its `subject`
 * ({task: 'mmlu', subject: 'anatomy'} is mmlu_anatomy).
 *
 * @throws naming the item, the unknown task and those known
 */
export function taskOf(item: EvalItem, variant: TaskVariant = 'present'): TaskDefinition {
  const named = item.task === 'mmlu' ? `mmlu_${item.subject ?? ''}` : (DEFINITION_OF[item.task] ?? item.task);
  try {
    return taskNamed(named, variant);
  } catch (error) {
    throw new Error(`tasks: item ${item.id}: ${(error as Error).message.replace('tasks: ', '')}`);
  }
}
