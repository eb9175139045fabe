import { relative } from 'node:path';
import type { TaskResult } from '../eval/score';
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
  const percent = (value: number) => (100 * value).toFixed(1).padStart(5);
  console.log(`${'task'.padEnd(28)}     n    acc   95% interval  acc_norm  ties  cut  seams`);
  for (const { task, n, acc, accNorm, ties, truncatedItems, seams } of result.tasks) {
    const interval = `${percent(acc.interval[0])} to ${percent(acc.interval[1])}`;
    const norm = accNorm ? percent(accNorm.value) : '    -';
    const counts = `${String(ties).padStart(4)} ${String(truncatedItems).padStart(4)} ${String(seams).padStart(6)}`;
    console.log(
      `${task.padEnd(28)} ${String(n).padStart(5)}  ${percent(acc.value)}  ${interval}     ${norm}  ${counts}`,
    );
  }
  for (const { group, acc, accWeighted, tasks } of result.groups) {
    console.log(
      `${`${group}, mean of ${tasks.length}`.padEnd(28)}        ${percent(acc)}  (by items ${percent(accWeighted)})`,
    );
  }
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
