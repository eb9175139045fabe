import type { EvalItem } from '../data/examples';
import type { TaskVariant } from './tasks/definition';
import {
  benchmarkOf,
  FAMILIES,
  hasVariant,
  isListed,
  TASK_NAMES,
  type TaskName,
  taskNamed,
  taskNameOf,
  tasksOfFamily,
} from './tasks/tasks';

/** The items that a command asks for. */
export interface Selection {
  readonly items: readonly EvalItem[];
  /** Tasks with items that the form does not define: counted, not scored. */
  readonly undefinedTasks: Readonly<Partial<Record<TaskName, number>>>;
}

/**
 * The items of the named tasks.
 *
 * @param names of tasks or families (`mmlu`, `usmle`), or `all` for whatever the items are of
 * @param folder how errors call where the items came from
 * @throws naming a task that is unknown, has no such form, or has no items, with the file to bring
 */
export function selectItems(
  items: readonly EvalItem[],
  names: readonly string[],
  variant: TaskVariant,
  folder: string,
): Selection {
  const own = new Set(items.map(taskNameOf).filter((name) => !isListed(name)));
  const isDefined = (name: TaskName) => hasVariant(name, variant);
  const wanted = new Set<TaskName>();
  const optional = new Set<TaskName>();
  for (const name of names) {
    if (name === 'all') {
      for (const member of [...TASK_NAMES, ...own]) optional.add(member);
      continue;
    }
    const family = tasksOfFamily(name);
    if (family.length === 0 && !isListed(name) && !own.has(name)) throw unknownTask(name, own, folder);
    for (const member of family.length > 0 ? family : [name]) wanted.add(member);
  }
  const found = new Map<TaskName, number>();
  const undefinedTasks: Partial<Record<TaskName, number>> = {};
  const chosen = items.filter((item) => {
    const name = taskNameOf(item);
    if (!wanted.has(name) && !optional.has(name)) return false;
    if (!isDefined(name)) {
      undefinedTasks[name] = (undefinedTasks[name] ?? 0) + 1;
      return false;
    }
    found.set(name, (found.get(name) ?? 0) + 1);
    return true;
  });
  const missing = [...wanted].find((name) => !found.has(name));
  if (missing !== undefined) throw missingItems(missing, variant, isDefined(missing), folder);
  if (chosen.length === 0) throw new Error(`score: ${folder} has no items of a task in variant '${variant}'`);
  return { items: chosen, undefinedTasks };
}

function unknownTask(name: string, own: ReadonlySet<TaskName>, folder: string): Error {
  const known = [...FAMILIES.map((family) => family.name), ...TASK_NAMES];
  const there = own.size > 0 ? `; of your own: ${[...own].join(', ')}` : '';
  return new Error(
    `score: no task ${JSON.stringify(name)} is listed or has items in ${folder}; listed: ${known.join(', ')}${there}`,
  );
}

function missingItems(task: TaskName, variant: TaskVariant, isDefined: boolean, folder: string): Error {
  if (!isDefined) return new Error(`score: ${task} has no variant '${variant}'; leave it out, or take another variant`);
  const file = benchmarkOf(task).itemFile;
  const why = file?.why ? `; ${file.why}` : '';
  const { min, max } = taskNamed(task, variant).choiceCount;
  const texts = file?.choices ?? `${min === max ? min : `${min} to ${max}`} texts`;
  const context = file?.context ? `"context" (${file.context}), ` : '';
  return new Error(
    `score: ${folder} has no items of ${task}${why}. Put eval/${task}.jsonl there, one object a line: ` +
      `"id" (unique), "task": "${task}", ${context}"question", "choices" (${texts}), "answer" (the right one's place, from 0)`,
  );
}
