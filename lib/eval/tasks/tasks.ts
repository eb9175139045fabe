import type { EvalItem } from '../../data/examples';
import { BENCHMARKS } from './benchmarks';
import { chatForm } from './chat';
import { type Benchmark, TASK_VARIANTS, type TaskDefinition, type TaskFamily, type TaskVariant } from './definition';
import { ownBenchmark } from './own';

/** A listed benchmark's task, or one of the user's own. */
export type TaskName = (typeof BENCHMARKS)[number]['name'] | (string & {});

const ALL: readonly Benchmark<TaskName>[] = BENCHMARKS;

/** The listed tasks, in the order that they are shown. */
export const TASK_NAMES: readonly TaskName[] = ALL.map(({ name }) => name);

/** The families, in the order of their first tasks. */
export const FAMILIES: readonly TaskFamily[] = [
  ...new Map(ALL.flatMap(({ family }) => (family ? [[family.name, family] as const] : []))).values(),
];

/** Every definition of the listed tasks: at most one for each name and variant. */
export const TASKS: readonly TaskDefinition[] = TASK_VARIANTS.flatMap((variant) =>
  ALL.flatMap((benchmark) => definitionOf(benchmark, variant) ?? []),
);

function definitionOf({ name, forms }: Benchmark, variant: TaskVariant): TaskDefinition | undefined {
  const form = variant === 'chat' ? chatForm(forms.present) : forms[variant];
  return form ? { name, variant, ...form } : undefined;
}

/** Whether a task has a form of a variant. */
export const hasVariant = (task: string, variant: TaskVariant): boolean =>
  definitionOf(benchmarkOf(task), variant) !== undefined;

/** Whether the workbook brings a task, so that it is not one of the user's own. */
export const isListed = (task: string): boolean => TASK_NAMES.includes(task);

/** What is known of a task: a listed one's benchmark, else one of the user's own. */
export function benchmarkOf(task: string): Benchmark<TaskName> {
  return ALL.find(({ name }) => name === task) ?? ownBenchmark(task);
}

/** A task's name for a reader. */
export const taskLabel = (task: string): string => benchmarkOf(task).label;

/** Each task once: the listed ones in their order, then the user's own as they come. */
export function inTaskOrder(tasks: Iterable<TaskName>): TaskName[] {
  const all = new Set(tasks);
  return [...TASK_NAMES.filter((name) => all.has(name)), ...[...all].filter((name) => !isListed(name))];
}

/** The tasks of a family. */
export const tasksOfFamily = (family: string): TaskName[] =>
  ALL.filter((one) => one.family?.name === family).map(({ name }) => name);

/**
 * The definition called `name`.
 *
 * @throws naming the task that has no such variant
 */
export function taskNamed(name: string, variant: TaskVariant = 'present'): TaskDefinition {
  const found = definitionOf(benchmarkOf(name), variant);
  if (found) return found;
  const known = TASK_VARIANTS.filter((one) => hasVariant(name, one));
  throw new Error(`tasks: ${name} has no variant '${variant}', it has ${known.join(', ')}`);
}

/**
 * The task of an item, from its `task` and, for MMLU, its `subject` ({task: 'mmlu', subject: 'anatomy'} is mmlu_anatomy).
 * A task that is not listed is one of the user's own.
 *
 * @throws naming the item, and what is wrong with its task or subject
 */
export function taskNameOf(item: EvalItem): TaskName {
  const spelt = ALL.filter(({ itemTask }) => itemTask?.task === item.task);
  const subject = item.subject
    ?.trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  const found = spelt.find(({ itemTask }) => [undefined, subject].includes(itemTask?.subject));
  const name = found?.name ?? (isListed(item.task) ? item.task : undefined);
  if (name) return name;
  if (spelt.length > 0) {
    const subjects = spelt.map(({ itemTask }) => itemTask?.subject);
    const got = JSON.stringify(item.subject) ?? 'none';
    throw new Error(
      `tasks: item ${item.id}: of task "${item.task}", "subject" must be one of ${subjects.join(', ')}, got ${got}; mend or remove it`,
    );
  }
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const meant = [...spellings(), ...TASK_NAMES].find((known) => plain(known) === plain(item.task));
  if (meant !== undefined) {
    throw new Error(`tasks: item ${item.id}: "task" ${JSON.stringify(item.task)} must be written ${meant}`);
  }
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N}_.-]{0,99}$/u.test(item.task)) {
    throw new Error(
      `tasks: item ${item.id}: "task" must be letters, digits, "_", "." or "-" to name a benchmark of your own, ` +
        `got ${JSON.stringify(item.task)}; rename the file, or give its rows a "task" of such a name; listed ones: ${[...spellings(), ...TASK_NAMES].join(', ')}`,
    );
  }
  return item.task;
}

/** What an item's `task` may be beside the tasks' names. */
const spellings = (): string[] => [...new Set(ALL.flatMap(({ itemTask }) => (itemTask ? [itemTask.task] : [])))];

/**
 * The definition that scores an item.
 *
 * @throws naming the item, when its task cannot be or has no such form
 */
export function taskOf(item: EvalItem, variant: TaskVariant = 'present'): TaskDefinition {
  const name = taskNameOf(item);
  try {
    return taskNamed(name, variant);
  } catch (error) {
    throw new Error(`tasks: item ${item.id}: ${(error as Error).message.replace('tasks: ', '')}`);
  }
}
