import { csvField } from '../escape';
import type { GroupResult } from './groups';
import type { ItemResult, TaskResult } from './score';

/** Items as JSON lines, log-likelihoods in full precision: what a paired comparison reads. */
export function itemsToJsonl(items: readonly ItemResult[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('');
}

type Cell = string | number | null;

const TASK_COLUMNS: readonly (readonly [name: string, cell: (result: TaskResult) => Cell])[] = [
  ['task', (r) => r.task],
  ['variant', (r) => r.variant],
  ['version', (r) => r.version],
  ['bos', (r) => r.bos],
  ['n', (r) => r.n],
  ['available', (r) => r.available],
  ['seed', (r) => r.seed],
  ['correct', (r) => r.acc.count],
  ['acc', (r) => r.acc.value],
  ['acc_stderr', (r) => r.acc.stderr],
  ['acc_low', (r) => r.acc.interval[0]],
  ['acc_high', (r) => r.acc.interval[1]],
  ['acc_norm', (r) => r.accNorm?.value ?? null],
  ['acc_norm_stderr', (r) => r.accNorm?.stderr ?? null],
  ['acc_norm_low', (r) => r.accNorm?.interval[0] ?? null],
  ['acc_norm_high', (r) => r.accNorm?.interval[1] ?? null],
  ['acc_bytes', (r) => r.accBytes?.value ?? null],
  ['acc_tokens', (r) => r.accTokens?.value ?? null],
  ['ties', (r) => r.ties],
  ['ties_norm', (r) => r.tiesNorm],
  ['chance', (r) => r.chance],
  ['majority', (r) => r.majority.share],
  ['requests', (r) => r.requests],
  ['truncated_items', (r) => r.truncatedItems],
  ['truncated_tokens', (r) => r.truncatedTokens],
  ['truncated_tokens_max', (r) => r.truncatedTokensMax],
  ['seams', (r) => r.seams],
  ['request_hash', (r) => r.requestHash],
];

const GROUP_COLUMNS: readonly (readonly [name: string, cell: (result: GroupResult) => Cell])[] = [
  ['group', (r) => r.group],
  ['tasks', (r) => r.tasks.join(', ')],
  ['missing', (r) => r.missing.join(', ')],
  ['n', (r) => r.n],
  ['acc', (r) => r.acc],
  ['acc_stderr', (r) => r.accStderr],
  ['acc_weighted', (r) => r.accWeighted],
  ['acc_weighted_stderr', (r) => r.accWeightedStderr],
];

/** The task rows as CSV; a value that does not exist is an empty field. */
export function tasksToCsv(tasks: readonly TaskResult[]): string {
  return table(TASK_COLUMNS, tasks);
}

/** The averages as CSV. */
export function groupsToCsv(groups: readonly GroupResult[]): string {
  return table(GROUP_COLUMNS, groups);
}

function table<T>(columns: readonly (readonly [string, (row: T) => Cell])[], rows: readonly T[]): string {
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  return lines.map((cells) => `${cells.map(csvField).join(',')}\r\n`).join('');
}
