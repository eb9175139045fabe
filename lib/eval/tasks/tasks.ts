import type { EvalItem } from '../../data/examples';
import { CHAT_TASKS } from './chat';
import { TASK_NAMES, type TaskDefinition, type TaskName, type TaskVariant } from './definition';
import { OLDER_TASKS } from './older';
import { MMLU_TASKS } from './parts';
import { PRESENT_TASKS } from './present';

/** Every definition there is: at most one for each name and variant. */
export const TASKS: readonly TaskDefinition[] = [...PRESENT_TASKS, ...OLDER_TASKS, ...CHAT_TASKS];

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
 * The task of an item, from its `task` and, for MMLU, its `subject` ({task: 'mmlu', subject: 'anatomy'} is mmlu_anatomy).
 *
 * @throws naming the item, the unknown task and those known
 */
export function taskNameOf(item: EvalItem): TaskName {
  const named = item.task === 'mmlu' ? `mmlu_${item.subject ?? ''}` : (DEFINITION_OF[item.task] ?? item.task);
  const found = TASK_NAMES.find((name) => name === named);
  if (found) return found;
  if (item.task === 'mmlu') {
    const subjects = MMLU_TASKS.map((name) => name.slice('mmlu_'.length));
    const got = JSON.stringify(item.subject) ?? 'none';
    throw new Error(
      `tasks: item ${item.id}: of task "mmlu", "subject" must be one of ${subjects.join(', ')}, got ${got}; mend or remove it`,
    );
  }
  const known = ['medqa', 'headqa', 'mmlu (with "subject")', ...TASK_NAMES];
  throw new Error(
    `tasks: item ${item.id}: no task ${JSON.stringify(item.task)}; "task" must be one of ${known.join(', ')}`,
  );
}

/**
 * The definition that scores an item.
 *
 * @throws naming the item, when its task is unknown or has no such form
 */
export function taskOf(item: EvalItem, variant: TaskVariant = 'present'): TaskDefinition {
  const name = taskNameOf(item);
  try {
    return taskNamed(name, variant);
  } catch (error) {
    throw new Error(`tasks: item ${item.id}: ${(error as Error).message.replace('tasks: ', '')}`);
  }
}
