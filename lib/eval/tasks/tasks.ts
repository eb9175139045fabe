import type { EvalItem } from '../../data/examples';
import { BENCHMARKS } from './benchmarks';
import { chatForm } from './chat';
import { type Benchmark, TASK_VARIANTS, type TaskDefinition, type TaskFamily, type TaskVariant } from './definition';

export type TaskName = (typeof BENCHMARKS)[number]['name'];

const ALL: readonly Benchmark<TaskName>[] = BENCHMARKS;

/** The tasks, in the order that they are shown. */
export const TASK_NAMES: readonly TaskName[] = ALL.map(({ name }) => name);

/** The families, in the order of their first tasks. */
export const FAMILIES: readonly TaskFamily[] = [
  ...new Map(ALL.flatMap(({ family }) => (family ? [[family.name, family] as const] : []))).values(),
];

/** Every definition there is: at most one for each name and variant. */
export const TASKS: readonly TaskDefinition[] = TASK_VARIANTS.flatMap((variant) =>
  ALL.flatMap(({ name, forms }) => {
    const form = variant === 'chat' ? chatForm(forms.present) : forms[variant];
    return form ? [{ name, variant, ...form }] : [];
  }),
);

/** What is known of a task; undefined for one that no benchmark has. */
export function benchmarkOf(task: string): Benchmark<TaskName> | undefined {
  return ALL.find(({ name }) => name === task);
}

/** A task's name for a reader; the name itself where no benchmark has it. */
export const taskLabel = (task: string): string => benchmarkOf(task)?.label ?? task;

/** The tasks of a family. */
export const tasksOfFamily = (family: string): TaskName[] =>
  ALL.filter((one) => one.family?.name === family).map(({ name }) => name);

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
  const spelt = ALL.filter(({ itemTask }) => itemTask?.task === item.task);
  const found = spelt.find(({ itemTask }) => [undefined, item.subject].includes(itemTask?.subject));
  const name = found?.name ?? benchmarkOf(item.task)?.name;
  if (name) return name;
  if (spelt.length > 0) {
    const subjects = spelt.map(({ itemTask }) => itemTask?.subject);
    const got = JSON.stringify(item.subject) ?? 'none';
    throw new Error(
      `tasks: item ${item.id}: of task "${item.task}", "subject" must be one of ${subjects.join(', ')}, got ${got}; mend or remove it`,
    );
  }
  const known = [...spellings(), ...TASK_NAMES];
  throw new Error(
    `tasks: item ${item.id}: no task ${JSON.stringify(item.task)}; "task" must be one of ${known.join(', ')}`,
  );
}

/** What an item's `task` may be beside the tasks' names; those that need a subject last. */
function spellings(): string[] {
  const all = ALL.flatMap(({ itemTask }) =>
    itemTask ? [`${itemTask.task}${itemTask.subject === undefined ? '' : ' (with "subject")'}`] : [],
  );
  return [...new Set(all)].reverse();
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
