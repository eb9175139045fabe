import type { ValueWithInterval } from '../compare/estimate';

export type Cell = string | number | null | ValueWithInterval;

export interface Column {
  /** Head of the CSV's column: lower case, underscores. */
  readonly key: string;
  readonly label: string;
  /** Heading over this column and its neighbours of the same group. */
  readonly group?: string;
  /** Decimals of a number; default 0. */
  readonly digits?: number;
  /** Numbers are differences: with their sign. */
  readonly signed?: boolean;
  /** Cells are estimates: the CSV gives them three columns. A bare number has no interval. */
  readonly estimate?: boolean;
  /** Numbers are p-values: what is below a thousandth says so. */
  readonly isP?: boolean;
  /** Default: text on the left, numbers on the right. */
  readonly align?: 'left' | 'right';
}

export interface Row {
  readonly cells: readonly Cell[];
  /** 'part': of the row above it that is a 'whole'. */
  readonly level?: 'whole' | 'part' | undefined;
}

/**
 * A table as data, which every format is made from: CSV with all digits, and Markdown, HTML, LaTeX and text to be read.
 * It is also what `<key>.json` holds.
 */
export interface Table {
  /** Names its files: 'table-1'. */
  readonly key: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** What a reader must know before comparing; below the table. */
  readonly notes: readonly string[];
}

export function isEstimate(cell: Cell): cell is ValueWithInterval {
  return typeof cell === 'object' && cell !== null;
}

/** A cell as it is read: '45.1 [40.2, 50.1]*', '+1.2', '19,988,480', '–' for what does not exist. */
export function cellText(
  cell: Cell,
  { digits = 0, signed = false, isP = false }: Omit<Column, 'key' | 'label'>,
): string {
  if (cell === null) return '–';
  if (typeof cell === 'string') return cell;
  if (isP && typeof cell === 'number') return pText(cell);
  const number = (value: number) => numberText(value, digits, signed);
  if (!isEstimate(cell)) return number(cell);
  return `${number(cell.value)} [${number(cell.low)}, ${number(cell.high)}]${cell.atChance ? '*' : ''}`;
}

/** A p-value as it is read. */
export function pText(p: number): string {
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

/** With thousands marked, a true minus sign, and a plus where signs are wanted. Zero has no sign. */
export function numberText(value: number, digits: number, signed = false): string {
  const size = Math.abs(value).toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  if (Number(size.replaceAll(',', '')) === 0) return size;
  return value < 0 ? `−${size}` : signed ? `+${size}` : size;
}

/** Whether a column reads better flush right. */
export function isNumeric(table: Table, column: number): boolean {
  const { align } = table.columns[column]!;
  if (align) return align === 'right';
  const cells = table.rows.map(({ cells: of }) => of[column] ?? null).filter((cell) => cell !== null);
  return cells.length > 0 && cells.every((cell) => typeof cell !== 'string');
}

/** Neighbouring columns under one heading: [heading or '', number of columns]. Empty when no column has a group. */
export function columnGroups(columns: readonly Column[]): (readonly [string, number])[] {
  if (columns.every(({ group }) => group === undefined)) return [];
  const groups: [string, number][] = [];
  for (const { group = '' } of columns) {
    const last = groups.at(-1);
    if (last && last[0] === group) last[1]++;
    else groups.push([group, 1]);
  }
  return groups;
}
