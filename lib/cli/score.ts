import { relative } from 'node:path';
import { constantAnswers } from '../eval/constant-answers';
import type { ScoreResult, TaskResult } from '../eval/score';
import { hasVariant } from '../eval/tasks/tasks';
import { WORKBOOK_ROOT } from '../files';
import { createProgress } from '../run/progress';
import { requestLines, scoreFolder } from '../run/score-folder';
import { parseScoreOptions } from '../run/score-options';
import { abortOnInterrupt, callersFolder } from './interrupt';

export async function main(args: readonly string[]): Promise<void> {
  const from = callersFolder();
  const command = parseScoreOptions(args, WORKBOOK_ROOT, from);
  const progress = createProgress('score');
  if (command.showRequests !== null) {
    for await (const line of requestLines(command, progress)) console.log(line);
    return;
  }
  const signal = abortOnInterrupt('stopping after this item');
  const { result, file, maxLength } = await scoreFolder(command, signal, progress);
  for (const line of tableLines(result)) console.log(line);
  for (const line of constantLines(result)) console.log(`\n${line}`);
  const sum = (of: (task: TaskResult) => number) => result.tasks.reduce((total, task) => total + of(task), 0);
  const cut = sum((task) => task.truncatedItems);
  if (cut > 0) {
    console.log(
      `\ncut: ${cut} of ${result.items.length} items are longer than the model's ${maxLength} tokens; the beginning of their ` +
        `context was dropped, ${sum((task) => task.truncatedTokens)} tokens in all, as the harness does`,
    );
  }
  const seams = sum((task) => task.seams);
  if (seams > 0) {
    console.log(
      `\nseams: in ${seams} of ${sum((task) => task.requests)} requests the tokenizer merged the context's end with the answer; ` +
        'they are scored as the harness does, which cuts by length',
    );
  }
  console.log(`\n${relative(from, file)}\nResearch only, not for clinical decisions.`);
}

const percent = (value: number): string => (100 * value).toFixed(1).padStart(5);

function tableLines({ tasks, groups }: ScoreResult): string[] {
  return [
    `${'task'.padEnd(28)}     n    acc   95% interval  chance  acc_norm  ties  cut  seams`,
    ...tasks.map(({ task, n, acc, accNorm, chance, ties, truncatedItems, seams }) => {
      const interval = `${percent(acc.interval[0])} to ${percent(acc.interval[1])}`;
      const norm = accNorm ? percent(accNorm.value) : '    -';
      const counts = `${String(ties).padStart(4)} ${String(truncatedItems).padStart(4)} ${String(seams).padStart(6)}`;
      return `${task.padEnd(28)} ${String(n).padStart(5)}  ${percent(acc.value)}  ${interval}   ${percent(chance)}     ${norm}  ${counts}`;
    }),
    ...groups.map(({ group, acc, accWeighted, tasks: of }) => {
      const name = `${group}, mean of ${of.length}`.padEnd(28);
      return `${name}        ${percent(acc)}  (by items ${percent(accWeighted)})`;
    }),
  ];
}

/** Fewer items say little of a habit. */
const LEAST_ITEMS = 8;

/** An accuracy that comes from one answer to nearly every question says so. */
function constantLines({ tasks, items }: ScoreResult): string[] {
  return constantAnswers(items).flatMap(({ task, choice, share, accuracy }) => {
    const { n, variant } = tasks.find((one) => one.task === task)!;
    if (n < LEAST_ITEMS) return [];
    const answer = String.fromCharCode(65 + choice);
    return (
      `${task}: the model answers ${answer} in ${Math.round(share * n)} of ${n} items, of which always ${answer} would get ` +
      `${percent(accuracy).trim()} % right: the accuracy is of that habit, and tells nothing of what the model knows` +
      (variant !== 'continuation' && hasVariant(task, 'continuation')
        ? ' (--variant continuation scores whole answers in place of letters)'
        : '')
    );
  });
}
