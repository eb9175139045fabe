import type { Proportion } from '../statistics/proportion';
import { FAMILIES, type TaskName, tasksOfFamily } from './tasks/tasks';

/** A family of tasks; 'mmlu' and 'usmle' are the two averages of the paper's table 1. */
export type GroupName = string;

/** Several tasks in one number, taken both ways. */
export interface GroupResult {
  readonly group: GroupName;
  readonly tasks: readonly TaskName[];
  /** Tasks of the group that were not scored: with any, the average is not the paper's. */
  readonly missing: readonly TaskName[];
  /** Unweighted mean of the tasks, the paper's 'MMLU (average)'. */
  readonly acc: number;
  /** sqrt(sum of stderr²) / k */
  readonly accStderr: number | null;
  /** Mean weighted by items, the harness's. */
  readonly accWeighted: number;
  /** The harness's pooled standard error. */
  readonly accWeightedStderr: number | null;
  readonly n: number;
}

/**
 * The average of each family, 'MMLU (average)' and 'USMLE (average)' among them, over its tasks that are present.
 * The paper's is the unweighted mean, the harness's is weighted by size; at 70B the two order the models differently
 * (unweighted 76.70 and 76.72, weighted 76.93 and 76.30), so both are given.
 *
 * @returns one result for each group with at least one task
 * Source: the paper's table 1; lm_eval/api/metrics.py, aggregate_subtask_metrics and pooled_sample_stderr.
 */
export function groupResults(tasks: readonly { task: TaskName; acc: Proportion }[]): GroupResult[] {
  return FAMILIES.flatMap(({ name: group }) => {
    const own = tasksOfFamily(group);
    const members = tasks.filter(({ task }) => own.includes(task));
    return members.length === 0 ? [] : [averageOf(group, members)];
  });
}

function averageOf(group: GroupName, members: readonly { task: TaskName; acc: Proportion }[]): GroupResult {
  const k = members.length;
  const sum = (value: (acc: Proportion) => number) => members.reduce((total, { acc }) => total + value(acc), 0);
  const n = sum((acc) => acc.n);
  const known = members.every(({ acc }) => acc.stderr !== null);
  const variance = (acc: Proportion) => (acc.stderr ?? 0) ** 2;
  return {
    group,
    tasks: members.map((member) => member.task),
    missing: tasksOfFamily(group).filter((name) => !members.some(({ task }) => task === name)),
    acc: sum((acc) => acc.value) / k,
    accStderr: known ? Math.sqrt(sum(variance)) / k : null,
    accWeighted: sum((acc) => acc.count) / n,
    accWeightedStderr: known ? Math.sqrt(sum((acc) => (acc.n - 1) * variance(acc) * acc.n) / (n - k) / n) : null,
    n,
  };
}
