import { escapeHtml, terminalText } from '../../escape';
import { asText, currentOutputs, type MimeBundle } from '../kernel/output';

/**
 * Shows a thing under the cell, in several forms by media type. Outside a notebook its `text/plain` is printed.
 *
 * @param metadata by media type, as Jupyter takes it: the size of a picture, say
 */
export function show(data: MimeBundle, metadata: Readonly<Record<string, unknown>> = {}): void {
  const outputs = currentOutputs();
  const safe = Object.fromEntries(Object.entries(data).map(([type, value]) => [type, shownAs(type, value)]));
  if (outputs) outputs.display({ data: safe, metadata, transient: {} }, false);
  else console.log(safe['text/plain'] ?? Object.keys(data).join(', '));
}

/** Jupyter obeys the colours of a terminal in plain text, and sets what stands between dollars of HTML as a formula. */
function shownAs(type: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (type === 'text/plain') return terminalText(value);
  if (type === 'text/html' && value.includes('$')) {
    return `<div class="tex2jax_ignore mathjax_ignore">${value}</div>`;
  }
  return value;
}

export function showMarkdown(markdown: string): void {
  show({ 'text/markdown': markdown, 'text/plain': markdown });
}

/** @param text what stands in for it where HTML is not shown */
export function showHtml(html: string, text: string): void {
  show({ 'text/html': html, 'text/plain': text });
}

/** A cell of a table; anything else is shown as `console.log` would. */
type Value = string | number | boolean | null | undefined;

export interface TableOptions {
  readonly caption?: string;
  /** Which columns, in which order; default: the keys of the rows. */
  readonly columns?: readonly string[];
  /** Decimals of the columns whose numbers are not all whole; default 3. */
  readonly digits?: number;
}

/**
 * Shows rows as a table: HTML, and text aligned in columns. Numbers stand on the right.
 *
 * @throws when there is no row, or a row lacks a column that was asked for
 */
export function showTable(rows: readonly Readonly<Record<string, unknown>>[], options: TableOptions = {}): void {
  const { caption, digits = 3 } = options;
  if (rows.length === 0) throw new Error('table: there are no rows');
  const columns = options.columns ?? [...new Set(rows.flatMap((row) => Object.keys(row)))];
  for (const column of options.columns ?? []) {
    const missing = rows.findIndex((row) => !(column in row));
    if (missing >= 0) {
      throw new Error(`table: row ${missing + 1} has no ${column}; it has ${Object.keys(rows[missing]!).join(', ')}`);
    }
  }
  // Of a column of which one number is not whole, all have decimals.
  const decimals = columns.map((column) => (rows.every((row) => isWhole(row[column])) ? 0 : digits));
  const cells = rows.map((row) => columns.map((column, i) => cellText(row[column] as Value, decimals[i]!)));
  const right = columns.map((column) => rows.every((row) => row[column] == null || typeof row[column] === 'number'));
  show({
    'text/html': tableHtml(columns, cells, right, caption),
    'text/plain': tableText(columns, cells, right, caption),
  });
}

const isWhole = (value: unknown): boolean => typeof value !== 'number' || Number.isInteger(value);

function cellText(value: Value, digits: number): string {
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'number') return asText(value);
  if (value !== 0 && Math.abs(value) < 10 ** -digits) return value.toExponential(2);
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function tableHtml(
  columns: readonly string[],
  cells: readonly (readonly string[])[],
  right: readonly boolean[],
  caption: string | undefined,
): string {
  const line = (tag: 'th' | 'td', texts: readonly string[]) =>
    `<tr>${texts
      .map((text, i) => `<${tag} style="text-align:${right[i] ? 'right' : 'left'}">${escapeHtml(text)}</${tag}>`)
      .join('')}</tr>`;
  return [
    '<table>',
    ...(caption === undefined ? [] : [`<caption>${escapeHtml(caption)}</caption>`]),
    `<thead>${line('th', columns)}</thead>`,
    '<tbody>',
    ...cells.map((texts) => line('td', texts)),
    '</tbody>',
    '</table>',
  ].join('\n');
}

function tableText(
  columns: readonly string[],
  cells: readonly (readonly string[])[],
  right: readonly boolean[],
  caption: string | undefined,
): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((line) => line[i]!.length)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) => (right[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [...(caption === undefined ? [] : [caption, '']), line(columns), rule, ...cells.map(line)].join('\n');
}
