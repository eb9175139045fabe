import { mean } from 'simple-statistics';
import { TABLE_1_COLUMNS } from '../tables';
import { type AuditCheck, countsPrintedAs, cutsTo, printsAs } from './check';
import { isTask, membersOf, OWN_COLUMNS, type OwnColumn, type PaperTables, sizeOf } from './tables';

type Table = '1' | 'A3';

/** A row of table 1 or A3, one column of it. */
interface Cell {
  readonly key: string;
  readonly label: string;
  readonly percent: number;
}

/**
 * Tables 1 and A3: whether each accuracy is a whole number of its task's items (of the paper's own two models; how many
 * items the others were asked is not printed), and each average the average of its rows.
 */
export function auditAccuracy(tables: PaperTables): AuditCheck[] {
  const table1 = TABLE_1_COLUMNS.flatMap(({ key, label }) => {
    const cells = tables.table1.flatMap((row) => (row[key] === null ? [] : [{ ...row, percent: row[key] }]));
    const own = OWN_COLUMNS.find((column) => column.key === key);
    return [
      ...(own ? countChecks('1', own, cells, tables) : []),
      ...averageChecks('1', label, cells, own !== undefined, tables),
    ];
  });
  const tableA3 = OWN_COLUMNS.flatMap((column) => {
    const cells = tables.tableA3.map((row) => ({ ...row, percent: row[column.key] }));
    return [...countChecks('A3', column, cells, tables), ...averageChecks('A3', column.label, cells, true, tables)];
  });
  return [...table1, ...tableA3, ...usmleStatement(tables)];
}

/** Items a cell is of: table A2's, without the flagged ones in table A3. */
export function itemsOf(table: Table, key: string, tables: PaperTables): number {
  const { n, removed } = sizeOf(tables, key);
  return table === '1' ? n : n - removed;
}

function countChecks(table: Table, column: OwnColumn, cells: readonly Cell[], tables: PaperTables): AuditCheck[] {
  return cells
    .filter(({ key }) => isTask(key))
    .map(({ key, label, percent }) => {
      const n = itemsOf(table, key, tables);
      const counts = countsPrintedAs(percent, n);
      const nearest = Math.round((percent / 100) * n);
      const shown = (k: number) => `${k}/${n} = ${((100 * k) / n).toFixed(2)}%`;
      const around = [Math.floor((percent / 100) * n), Math.ceil((percent / 100) * n)];
      return {
        table,
        cell: `${label}, ${column.label}`,
        rule: 'count' as const,
        printed: `${percent.toFixed(1)}%`,
        computed:
          counts.length > 0 ? shown(counts.includes(nearest) ? nearest : counts[0]!) : around.map(shown).join(' or '),
        verdict: counts.length > 0 ? ('agrees' as const) : ('disagrees' as const),
        explanation:
          counts.length > 1
            ? `${counts.length} counts print so`
            : counts.length === 1
              ? ''
              : notOfItems(table, column, key, percent, tables),
      };
    });
}

/** Why a percentage may not be of n items: cut off instead of rounded, or of another number of removed items. */
function notOfItems(table: Table, column: OwnColumn, key: string, percent: number, tables: PaperTables): string {
  const { n: all } = sizeOf(tables, key);
  const n = itemsOf(table, key, tables);
  const cut = [...Array(n + 1).keys()].filter((k) => cutsTo((100 * k) / n, percent, 1));
  const starts = countsPrintedAs(tables.table1.find((row) => row.key === key)?.[column.key] ?? percent, all);
  const reached = (left: number) =>
    countsPrintedAs(percent, left).some((k) => starts.some((start) => k <= start && start - k <= all - left));
  const near = Array.from({ length: 21 }, (_, i) => n - 10 + i)
    .filter((left) => left > 0 && left < all && reached(left))
    .sort((a, b) => Math.abs(a - n) - Math.abs(b - n));
  return [
    `no whole number of ${n} items prints so`,
    ...(cut.length > 0 ? [`${cut[0]}/${n} does if cut off instead of rounded`] : []),
    ...(table === 'A3' && near.length > 0 ? [`possible if ${all - near[0]!} items were removed, not ${all - n}`] : []),
  ].join('; ');
}

function averageChecks(
  table: Table,
  column: string,
  cells: readonly Cell[],
  own: boolean,
  tables: PaperTables,
): AuditCheck[] {
  return cells.flatMap((cell): AuditCheck[] => {
    const members = membersOf(cells, cell.key);
    const whole = membersOf(tables.tableA2, cell.key).length;
    if (members.length === 0 || members.length < whole) return [];
    const ofPrinted = mean(members.map(({ percent }) => percent));
    const exact = own ? exactAverages(table, members, tables) : null;
    const printed = printsAs(ofPrinted, cell.percent, 1);
    const unrounded = exact
      ? exact.low <= cell.percent + 0.05 + 1e-9 && exact.high >= cell.percent - 0.05 - 1e-9
      : null;
    // Each member stands for half a tenth to either side, and so does their mean.
    const possible = Math.abs(ofPrinted - cell.percent) <= 0.1 + 1e-9;
    const agrees = unrounded ?? printed;
    const verdict = agrees ? 'agrees' : printed || (exact === null && possible) ? 'rounding' : 'disagrees';
    return [
      {
        table,
        cell: `${cell.label}, ${column}`,
        rule: 'average',
        printed: `${cell.percent.toFixed(1)}%`,
        computed: `${ofPrinted.toFixed(2)}% of the printed rows${exact ? `, ${rangeText(exact)} of the counts` : ''}`,
        verdict,
        explanation:
          verdict === 'rounding'
            ? exact
              ? 'the average of cells already rounded, not of the counts'
              : 'possible if the rows were averaged before they were rounded'
            : verdict === 'disagrees'
              ? `off by ${(cell.percent - ofPrinted).toFixed(1)} points, more than rounding can do; it is the average of other numbers than these`
              : '',
      },
    ];
  });
}

/** The unweighted average's least and largest value, from the counts that print as the members do; null without such counts. */
function exactAverages(
  table: Table,
  members: readonly Cell[],
  tables: PaperTables,
): { low: number; high: number } | null {
  const shares = members.map(({ key, percent }) => {
    const n = itemsOf(table, key, tables);
    return countsPrintedAs(percent, n).map((k) => (100 * k) / n);
  });
  if (shares.some((values) => values.length === 0)) return null;
  return { low: mean(shares.map((values) => values[0]!)), high: mean(shares.map((values) => values.at(-1)!)) };
}

function rangeText({ low, high }: { readonly low: number; readonly high: number }): string {
  return high - low < 0.0005 ? `${low.toFixed(3)}%` : `${low.toFixed(3)} to ${high.toFixed(3)}%`;
}

function usmleStatement({ table1, claims }: PaperTables): AuditCheck[] {
  const row = table1.find(({ key }) => key === 'usmle');
  if (!claims || !row) return [];
  return [
    {
      table: 'text',
      cell: 'Abstract, Med42 on USMLE',
      rule: 'statement',
      printed: `${claims.usmlePercent}%`,
      computed: `${row.fpFt.toFixed(1)}%`,
      verdict: printsAs(row.fpFt, claims.usmlePercent, 0) ? 'agrees' : 'disagrees',
      explanation: '',
    },
  ];
}
