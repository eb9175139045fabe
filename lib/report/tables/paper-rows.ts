import type { Answer } from '../../compare/estimate';
import type { RunRecord } from '../../compare/run-record';
import { scoredTasks } from '../../compare/runs';
import type { TaskName } from '../../eval/tasks/definition';
import { type PaperRowKey, TABLE_1 } from '../../paper/tables';
import type { Row } from '../table';

/** A row of the paper's tables, and which of our scored tasks it is made of. */
export interface BenchmarkRow {
  readonly key: PaperRowKey;
  readonly label: string;
  readonly level: Row['level'];
  readonly tasks: readonly TaskName[];
}

/** The paper's rows in its order, those of which a task was scored; an average over fewer tasks than the paper's says so. */
export function scoredRows(record: RunRecord): BenchmarkRow[] {
  const scored = scoredTasks(record);
  return TABLE_1.flatMap(({ key, label }): BenchmarkRow[] => {
    if (key !== 'mmlu' && key !== 'usmle') {
      const level = /^(mmlu|usmle)_/.test(key) ? 'part' : undefined;
      return scored.some((task) => task === key) ? [{ key, label, level, tasks: [key] }] : [];
    }
    const tasks = scored.filter((task) => task.startsWith(`${key}_`));
    const missing = TABLE_1.filter((row) => row.key.startsWith(`${key}_`)).length - tasks.length;
    if (tasks.length === 0) return [];
    return [{ key, label: missing > 0 ? `${label}, ${missing} not scored` : label, level: 'whole', tasks }];
  });
}

export function answersTo({ tasks }: BenchmarkRow, answers: readonly Answer[]): Answer[] {
  return answers.filter(({ task }) => tasks.some((one) => one === task));
}
