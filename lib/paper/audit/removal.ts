import { fisherExact } from '../../statistics/fisher-exact';
import { holm } from '../../statistics/holm';
import type { Table1Row, TableA3Row } from '../tables';
import { type AuditCheck, countsPrintedAs, cutsTo, printsAs } from './check';
import { isTask, OWN_COLUMNS, type OwnColumn, type PaperTables, sizeOf } from './tables';

type Range = readonly [low: number, high: number];

/** How many of a task's flagged items a model had right: what tables 1, A2 and A3 say together. */
export interface RemovedItems {
  readonly task: string;
  readonly label: string;
  readonly column: OwnColumn['label'];
  readonly removed: number;
  /** Of them right: all numbers in this range that the printed accuracies allow. */
  readonly right: Range;
  /** Shares, 0..1. */
  readonly flaggedAccuracy: Range;
  readonly cleanAccuracy: Range;
  /** Fisher's exact test of flagged against clean items: the range over the counts that are possible. */
  readonly p: Range;
  /** The larger of them, corrected over all cells. */
  readonly pHolm: number;
}

interface Counts {
  readonly before: number;
  readonly after: number;
}

/**
 * Table A3 against tables 1 and A2: each accuracy after removal must be reached by taking the flagged items away, and each
 * printed change be the difference.
 */
export function auditRemoval(tables: PaperTables): AuditCheck[] {
  return OWN_COLUMNS.flatMap((column) =>
    rowPairs(tables).flatMap(({ before, after }) => {
      if (!isTask(after.key)) return [changeOfPrinted(before, after, column, '')];
      const { n, removed } = sizeOf(tables, after.key);
      const pairs = possibleCounts(before, after, column, n, removed);
      const whole = countsPrintedAs(after[column.key], n - removed).length > 0;
      return [
        ...(whole ? [reachCheck(before, after, column, n, removed, pairs)] : []),
        changeOfTask(before, after, column, n, removed, pairs),
      ];
    }),
  );
}

/** For each cell of table A3 that can be reached: the flagged items the model had right, and whether they differ from the clean ones. */
export function removedItems(tables: PaperTables): RemovedItems[] {
  const found = rowPairs(tables).flatMap(({ before, after }) =>
    OWN_COLUMNS.flatMap((column): Omit<RemovedItems, 'pHolm'>[] => {
      if (!isTask(after.key)) return [];
      const { n, removed } = sizeOf(tables, after.key);
      const pairs = possibleCounts(before, after, column, n, removed);
      if (pairs.length === 0 || removed === 0) return [];
      const right = pairs.map((pair) => pair.before - pair.after);
      const tests = pairs.map((pair) =>
        fisherExact({ count: pair.after, n: n - removed }, { count: pair.before - pair.after, n: removed }),
      );
      return [
        {
          task: after.key,
          label: after.label,
          column: column.label,
          removed,
          right: rangeOf(right),
          flaggedAccuracy: rangeOf(right.map((k) => k / removed)),
          cleanAccuracy: rangeOf(pairs.map((pair) => pair.after / (n - removed))),
          p: rangeOf(tests),
        },
      ];
    }),
  );
  const adjusted = holm(found.map(({ p }) => p[1]));
  return found.map((one, i) => ({ ...one, pHolm: adjusted[i]! }));
}

function rowPairs({ table1, tableA3 }: PaperTables): { before: Table1Row; after: TableA3Row }[] {
  return tableA3.map((after) => {
    const before = table1.find(({ key }) => key === after.key);
    if (!before) throw new Error(`audit: table 1 has no row ${after.key}, which table A3 has`);
    return { before, after };
  });
}

/** All counts before and after that print as printed and differ by at most the removed items, all of them right or none. */
function possibleCounts(
  before: Table1Row,
  after: TableA3Row,
  { key }: OwnColumn,
  n: number,
  removed: number,
): Counts[] {
  const afterCounts = countsPrintedAs(after[key], n - removed);
  return countsPrintedAs(before[key], n).flatMap((k) =>
    afterCounts.filter((rest) => rest <= k && k - rest <= removed).map((rest) => ({ before: k, after: rest })),
  );
}

function reachCheck(
  before: Table1Row,
  after: TableA3Row,
  { key, label }: OwnColumn,
  n: number,
  removed: number,
  pairs: readonly Counts[],
): AuditCheck {
  const starts = countsPrintedAs(before[key], n);
  const reach: Range = [
    (100 * Math.max(0, (starts[0] ?? 0) - removed)) / (n - removed),
    (100 * Math.min(n - removed, starts.at(-1) ?? n)) / (n - removed),
  ];
  const right = pairs.map((pair) => pair.before - pair.after);
  return {
    table: 'A3',
    cell: `${after.label}, ${label}`,
    rule: 'removal',
    printed: `${after[key].toFixed(1)}%`,
    computed: `${reach[0].toFixed(1)} to ${reach[1].toFixed(1)}%`,
    verdict: pairs.length > 0 ? 'agrees' : 'disagrees',
    explanation:
      pairs.length > 0
        ? `${rangeText(rangeOf(right))} of ${removed} removed right`
        : `out of reach of ${starts.join(' or ')} of ${n} when ${removed} items are removed`,
  };
}

function changeOfTask(
  before: Table1Row,
  after: TableA3Row,
  column: OwnColumn,
  n: number,
  removed: number,
  pairs: readonly Counts[],
): AuditCheck {
  if (pairs.length === 0) return changeOfPrinted(before, after, column, 'no counts are possible');
  const printed = after[column.change];
  const changes = pairs.map((pair) => 100 * (pair.after / (n - removed) - pair.before / n));
  const ofPrinted = after[column.key] - before[column.key];
  const agrees = changes.some((change) => printsAs(change, printed, 1));
  const verdict = agrees ? 'agrees' : Math.abs(ofPrinted - printed) < 1e-9 ? 'rounding' : 'disagrees';
  const cut = changes.some((change) => cutsTo(change, printed, 1));
  return {
    ...changeOfPrinted(before, after, column, ''),
    computed: `${signed(ofPrinted, 1)} between the printed cells, ${rangeText(rangeOf(changes), (x) => signed(x, 3))} between the counts`,
    verdict,
    explanation:
      verdict === 'agrees'
        ? ''
        : verdict === 'rounding'
          ? 'the difference of cells already rounded, not of the counts'
          : `not the difference of any counts that print so${cut ? '; it is if cut off instead of rounded' : ''}`,
  };
}

/** A change where only printed cells are known, each good to half a tenth. */
function changeOfPrinted(before: Table1Row, after: TableA3Row, column: OwnColumn, note: string): AuditCheck {
  const printed = after[column.change];
  const difference = after[column.key] - before[column.key];
  const off = Math.abs(difference - printed);
  return {
    table: 'A3',
    cell: `${after.label}, ${column.label} change`,
    rule: 'change',
    printed: signed(printed, 1),
    computed: `${signed(difference, 1)} between the printed cells`,
    verdict: off < 0.05 ? 'agrees' : off <= 0.15 ? 'rounding' : 'disagrees',
    explanation:
      note || (off < 0.05 ? '' : off <= 0.15 ? 'possible if taken before rounding' : 'more than rounding can do'),
  };
}

function rangeOf(values: readonly number[]): Range {
  return [Math.min(...values), Math.max(...values)];
}

function rangeText([low, high]: Range, show: (value: number) => string = String): string {
  return show(low) === show(high) ? show(low) : `${show(low)} to ${show(high)}`;
}

function signed(value: number, decimals: number): string {
  const text = Math.abs(value).toFixed(decimals);
  return Number(text) === 0 ? text : `${value < 0 ? '-' : '+'}${text}`;
}
