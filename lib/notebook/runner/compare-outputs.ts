import { type NotebookCell, type NotebookOutput, sorted } from './notebook-file';

/** Outputs of a cell with this tag are of the machine or the moment: speed, memory, versions. */
const VARIES = 'varies';

/** What differs from run to run and machine to machine; `root` is the workbook's folder. */
function mask(text: string, root: string): string {
  return (
    text
      .replaceAll(root, '.')
      .replace(/(?<![\w.])\/(?:tmp|var|home|root|Users|work)\/[^\s'"`,;:)<]+/g, '<path>')
      .replace(/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?/g, '<date>')
      .replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds?|min|minutes?|h|hours?)\b/g, '<time>')
      .replace(/\b\d+:\d\d(?::\d\d)?\b/g, '<time>')
      .replace(/\b[\d.,]+\s?\w*\/s\b/g, '<rate>')
      // Measured on the machine of the run, as a share of another model's.
      .replace(/\b\d+% of the (peak memory|time)\b/g, '<share> of the $1')
  );
}

const NUMBER = /[-+−]?(?:\d+(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

const numberIn = (text: string): number => Number(text.replaceAll(',', '').replace('−', '-'));

/** Two texts are alike when they differ in masked parts alone, or in numbers by no more than the tolerance. */
export function sameText(a: string, b: string, root: string, tolerance: number): boolean {
  const [left, right] = [mask(a, root), mask(b, root)];
  if (left.replace(NUMBER, '#') !== right.replace(NUMBER, '#')) return false;
  const numbers = right.match(NUMBER) ?? [];
  return (left.match(NUMBER) ?? []).every((number, i) =>
    sameNumber(numberIn(number), numberIn(numbers[i]!), tolerance),
  );
}

const sameNumber = (a: number, b: number, tolerance: number): boolean =>
  a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));

export interface Difference {
  /** Its place among all cells of the notebook, from 1. */
  readonly cell: number;
  readonly what: string;
}

/**
 * Where the outputs of two runs of a notebook differ.
 *
 * @param root the workbook's folder, masked in texts
 * @param tolerance of numbers, relative
 */
export function compareRuns(
  before: readonly NotebookCell[],
  after: readonly NotebookCell[],
  root: string,
  tolerance: number,
): Difference[] {
  return after.flatMap((cell, i): Difference[] => {
    if (cell.cell_type !== 'code' || cell.tags.includes(VARIES)) return [];
    const known = before[i];
    if (!known || known.executionCount === null) {
      return cell.executionCount === null ? [] : [{ cell: i + 1, what: 'was never run in the saved notebook' }];
    }
    const what = differenceOf(known.outputs, cell.outputs, root, tolerance);
    return what === undefined ? [] : [{ cell: i + 1, what }];
  });
}

function differenceOf(
  before: readonly NotebookOutput[],
  after: readonly NotebookOutput[],
  root: string,
  tolerance: number,
): string | undefined {
  const [a, b] = [before.map(formsOf), after.map(formsOf)];
  if (a.length !== b.length) return `had ${a.length} outputs, now ${b.length}: ${b.map(kinds).join(' | ') || 'none'}`;
  for (const [i, forms] of a.entries()) {
    if (kinds(forms) !== kinds(b[i]!)) return `output ${i + 1} was ${kinds(forms)}, now ${kinds(b[i]!)}`;
    for (const [form, text] of Object.entries(forms)) {
      const now = b[i]![form]!;
      if (sameText(text, now, root, tolerance)) continue;
      const [was, is] = firstDifference(text, now, root, tolerance);
      return `output ${i + 1} (${form})\n    was  ${was}\n    now  ${is}`;
    }
  }
  return undefined;
}

const kinds = (forms: Readonly<Record<string, string>>): string => Object.keys(forms).sort().join(', ');

/** The texts of an output by form. A figure's picture follows from the data beside it, a picture's bytes from the fonts. */
function formsOf(output: NotebookOutput): Record<string, string> {
  if (output.output_type === 'stream') return { [output.name]: output.text };
  if (output.output_type === 'error') return { error: `${output.ename}: ${output.evalue}` };
  const isFigure = 'application/vnd.plotly.v1+json' in output.data;
  return Object.fromEntries(
    Object.entries(output.data).map(([type, value]) => {
      if (isFigure ? /^image\//.test(type) : /^image\/(?!svg)/.test(type)) return [type, ''];
      return [type, typeof value === 'string' ? value : JSON.stringify(sorted(value), null, 1)];
    }),
  );
}

function firstDifference(a: string, b: string, root: string, tolerance: number): [string, string] {
  const [left, right] = [a.split('\n'), b.split('\n')];
  const at = left.findIndex((line, i) => right[i] === undefined || !sameText(line, right[i], root, tolerance));
  const short = (line: string | undefined) =>
    line === undefined ? '(nothing)' : line.length > 160 ? `${line.slice(0, 160)}…` : line;
  return at < 0 ? ['(nothing)', short(right[left.length])] : [short(left[at]), short(right[at])];
}
