import { fork } from 'node:child_process';
import { join } from 'node:path';
import { createGatherer } from './gather-outputs';
import type { Notebook, NotebookCell, NotebookOutput } from './notebook-file';
import type { RunMessage, RunRequest } from './run-child';

/** A cell with this tag may fail, and the notebook goes on: Jupyter's own convention. */
const MAY_FAIL = 'raises-exception';

export interface ExecutedNotebook extends Notebook {
  /** The first cell that failed without leave: its place among all cells, from 1, and why. */
  readonly failure: { readonly cell: number; readonly source: string; readonly message: string } | undefined;
}

/**
 * Runs the code cells of a notebook from top to bottom in a process of their own, and stops at the first that fails.
 *
 * @param root the workbook's folder, where cells run
 * @param onCell called when a cell begins, with its place among the code cells, from 1
 */
export async function runNotebook(
  notebook: Notebook,
  root: string,
  onCell: (place: number, total: number) => void = () => {},
): Promise<ExecutedNotebook> {
  const code = notebook.cells.flatMap((cell, index) =>
    cell.cell_type === 'code' && cell.source.trim() !== ''
      ? [{ index, source: cell.source, mayFail: cell.tags.includes(MAY_FAIL) }]
      : [],
  );
  const gathered = createGatherer();
  const counts = new Map<number, number>();
  const began = (cell: number) => {
    counts.set(cell, counts.size + 1);
    onCell(counts.size, code.length);
  };
  const ended = await runProcess({ root, cells: code }, began, gathered.add);
  const cells = notebook.cells.map((cell, i): NotebookCell => {
    if (cell.cell_type !== 'code') return cell;
    const executionCount = counts.get(i) ?? null;
    const outputs = gathered.outputsOf(i).map((output) => counted(output, executionCount));
    return { ...cell, executionCount, outputs };
  });
  return { ...notebook, cells, failure: failureOf(cells, ended) };
}

/** @returns why the process ended, when it did not run to its end */
function runProcess(
  request: RunRequest,
  began: (cell: number) => void,
  add: ReturnType<typeof createGatherer>['add'],
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, 'run-child.js'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    // The terminal's Ctrl-C reaches the child too, which stops its cell at a good place; the second ends it.
    let interrupted = 0;
    const onInterrupt = () => {
      interrupted++;
      if (interrupted > 2) child.kill('SIGKILL');
    };
    process.on('SIGINT', onInterrupt);
    let ended = false;
    child.on('message', (message: RunMessage) => {
      if (message.kind === 'began') began(message.cell);
      else if (message.kind === 'event') add(message.cell, message.event);
      else ended = true;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', onInterrupt);
      if (ended) resolve(undefined);
      else if (signal) resolve(`the process was ended by ${signal}${signal === 'SIGKILL' ? ' (out of memory?)' : ''}`);
      else resolve(`the process ended with status ${code} inside the cell`);
    });
    child.send(request);
  });
}

const counted = (output: NotebookOutput, count: number | null): NotebookOutput =>
  output.output_type === 'execute_result' && count !== null ? { ...output, execution_count: count } : output;

function failureOf(cells: readonly NotebookCell[], ended: string | undefined): ExecutedNotebook['failure'] {
  const failed = cells.findIndex(
    ({ tags, outputs }) => !tags.includes(MAY_FAIL) && outputs.some((output) => output.output_type === 'error'),
  );
  const error = cells[failed]?.outputs.find((output) => output.output_type === 'error');
  if (error?.output_type === 'error') {
    const message = error.ename === 'CompileError' ? error.traceback.join('\n') : `${error.ename}: ${error.evalue}`;
    return { cell: failed + 1, source: cells[failed]!.source, message };
  }
  if (ended === undefined) return undefined;
  const last = cells.findLastIndex(({ executionCount }) => executionCount !== null);
  return { cell: last + 1, source: cells[last]?.source ?? '', message: ended };
}
