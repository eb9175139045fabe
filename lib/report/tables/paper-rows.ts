import type { Answer } from '../../compare/estimate';
import type { RunRecord } from '../../compare/run-record';
import { scoredTasks } from '../../compare/runs';
import type { TaskFamily } from '../../eval/tasks/definition';
import { benchmarkOf, FAMILIES, type TaskName, taskLabel, tasksOfFamily } from '../../eval/tasks/tasks';
import { paperRow, TABLE_1 } from '../../paper/tables';
import type { Row } from '../table';

/** A row of the tables by benchmark, and which of our scored tasks it is made of. */
export interface BenchmarkRow {
  /** A task's name or a family's; of the paper's rows, also their key in its tables. */
  readonly key: string;
  readonly label: string;
  readonly level: Row['level'];
  readonly tasks: readonly TaskName[];
}

/**
 * The paper's rows in its order, those of which a task was scored, then a row for each scored task that the paper does not
 * have. An average over fewer tasks than the paper's says so; a task that the paper does not have is in none of its averages.
 */
export function scoredRows(record: RunRecord): BenchmarkRow[] {
  const scored = scoredTasks(record);
  const isPapers = (task: TaskName) => paperRow(TABLE_1, task) !== undefined;
  const papers = TABLE_1.flatMap(({ key }): BenchmarkRow[] => {
    const family = FAMILIES.find(({ name }) => name === key);
    if (!family) return scored.filter((task) => task === key).map(rowOf);
    return average(family, tasksOfFamily(key).filter(isPapers), scored);
  });
  const own = scored.filter((task) => !isPapers(task));
  const ownFamilies = FAMILIES.filter(({ name }) => !paperRow(TABLE_1, name));
  const inFamilies = ownFamilies.flatMap((family): BenchmarkRow[] => {
    const members = tasksOfFamily(family.name);
    return [...average(family, members, scored), ...own.filter((task) => members.includes(task)).map(rowOf)];
  });
  const alone = own.filter((task) => !ownFamilies.some(({ name }) => name === benchmarkOf(task).family?.name));
  return [...papers, ...inFamilies, ...alone.map((task) => ({ ...rowOf(task), level: undefined }))];
}

const rowOf = (task: TaskName): BenchmarkRow => ({
  key: task,
  label: taskLabel(task),
  level: benchmarkOf(task).family ? 'part' : undefined,
  tasks: [task],
});

/** @param members the tasks that the average is meant to be over */
function average(
  { name, label }: TaskFamily,
  members: readonly TaskName[],
  scored: readonly TaskName[],
): BenchmarkRow[] {
  const tasks = scored.filter((task) => members.includes(task));
  if (tasks.length === 0) return [];
  const missing = members.length - tasks.length;
  return [
    {
      key: name,
      label: `${label} (average)${missing > 0 ? `, ${missing} not scored` : ''}`,
      level: 'whole',
      tasks,
    },
  ];
}

export function answersTo({ tasks }: BenchmarkRow, answers: readonly Answer[]): Answer[] {
  return answers.filter(({ task }) => tasks.some((one) => one === task));
}
