import { inspect } from 'node:util';
import type { CellFailure } from './output';
import type { ConvertResult } from './tslab';

type Diagnostics = ConvertResult['diagnostics'];

/**
 * What the compiler refused, each complaint with its line and a mark under the place.
 *
 *     2:7  Type 'string' is not assignable to type 'number'.
 *          const n: number = 'x';
 *                ^
 */
export function compileFailure(diagnostics: Diagnostics, source: string): CellFailure {
  const lines = source.split('\n');
  const traceback = diagnostics.flatMap(({ start, messageText, fileName }) => {
    const place = `${fileName ? `${fileName}:` : ''}${start.line + 1}:${start.character + 1}  `;
    const indent = ' '.repeat(place.length);
    const message = `${place}${messageText.split('\n').join(`\n${indent}`)}`;
    const line = fileName ? undefined : lines[start.line];
    return line === undefined ? [message] : [message, indent + line, `${indent}${' '.repeat(start.character)}^`];
  });
  return { ename: 'CompileError', evalue: diagnostics[0]?.messageText.split('\n')[0] ?? '', traceback };
}

const INTERRUPTED: CellFailure = {
  ename: 'Interrupted',
  evalue: 'the cell was interrupted',
  traceback: ['Interrupted: the cell was interrupted'],
};

/** Frames of the library, of cells and of packages; Node's own and tslab's tell a reader nothing. */
const HIDDEN = /node:|\btslab[\\/]dist[\\/]/;
const CELL = /evalmachine\.<anonymous>/;
const MOST_FRAMES = 8;

/** @param root the workbook's folder, which paths in the trace are shown relative to */
export function thrownFailure(thrown: unknown, root: string): CellFailure {
  if (!(thrown instanceof Error)) {
    const text = inspect(thrown);
    return { ename: 'thrown', evalue: text, traceback: [`thrown: ${text}`] };
  }
  if (isInterrupt(thrown)) return INTERRUPTED;
  const short = (text: string) => text.replaceAll(`${root}/`, '').replaceAll(`${root}\\`, '');
  const { name, message } = thrown;
  const all = (thrown.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !HIDDEN.test(line));
  // A cell's own lines are those of its JavaScript, and what called the cell is the kernel: both say nothing.
  const inCell = all.findIndex((line) => CELL.test(line));
  const frames = inCell < 0 ? all : [...all.slice(0, inCell), '    at the cell'];
  const cause = thrown.cause === undefined ? [] : [`caused by ${short(firstLines(thrown.cause))}`];
  return {
    ename: name,
    evalue: short(message),
    traceback: [`${name}: ${short(message)}`, ...frames.slice(0, MOST_FRAMES).map(short), ...cause],
  };
}

const firstLines = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : inspect(thrown);

const isInterrupt = (error: Error): boolean =>
  error.message === 'Interrupted asynchronously' ||
  (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
