import type { TableA2Row } from '../tables';
import { type AuditCheck, grouped, printsAs } from './check';
import { membersOf, type PaperTables } from './tables';

/** Table A2: sums and percentages of the flagged items, and what the text says of them. */
export function auditContamination(tables: PaperTables): AuditCheck[] {
  const { tableA2, claims, known } = tables;
  const sums = tableA2.flatMap((row) => {
    const members = membersOf(tableA2, row.key);
    return members.length === 0 ? [] : sumChecks(row, members, tables);
  });
  const percents = tableA2.map((row): AuditCheck => {
    const percent = (100 * row.contaminated) / row.samples;
    return {
      table: 'A2',
      cell: `${row.label}, contaminated (%)`,
      rule: 'percent',
      printed: `${row.contaminatedPercent.toFixed(1)}%`,
      computed: `${percent.toFixed(3)}%`,
      verdict: printsAs(percent, row.contaminatedPercent, 1) ? 'agrees' : 'disagrees',
      explanation: '',
    };
  });
  const sizes = tableA2.flatMap((row): AuditCheck[] => {
    const size = (known?.evaluation as Readonly<Record<string, number>> | undefined)?.[row.key];
    if (size === undefined) return [];
    return [
      {
        table: 'A2',
        cell: `${row.label}, samples`,
        rule: 'size',
        printed: grouped(row.samples),
        computed: grouped(size),
        verdict: size === row.samples ? 'agrees' : 'disagrees',
        explanation: 'rows of the published split',
      },
    ];
  });
  return [...sums, ...percents, ...sizes, ...(claims ? statement(tableA2, claims.contaminatedBelowPercent) : [])];
}

function sumChecks(row: TableA2Row, members: readonly TableA2Row[], tables: PaperTables): AuditCheck[] {
  const sums = total(members);
  const gap = { samples: row.samples - sums.samples, contaminated: row.contaminated - sums.contaminated };
  const explain = (column: keyof typeof gap) =>
    column === 'contaminated' && gap.samples !== 0
      ? `flagged among the ${grouped(gap.samples)} samples that are missing too`
      : explainGap(gap, members, tables);
  return (['samples', 'contaminated'] as const).map((column) => ({
    table: 'A2',
    cell: `${row.label}, ${column}`,
    rule: 'sum',
    printed: grouped(row[column]),
    computed: grouped(sums[column]),
    verdict: gap[column] === 0 ? 'agrees' : 'disagrees',
    explanation: gap[column] === 0 ? '' : `off by ${grouped(gap[column])}; ${explain(column)}`,
  }));
}

function total(rows: readonly TableA2Row[]): { samples: number; contaminated: number } {
  return {
    samples: rows.reduce((sum, row) => sum + row.samples, 0),
    contaminated: rows.reduce((sum, row) => sum + row.contaminated, 0),
  };
}

/** Sets of items, out of some with sizes, that are as large as a gap together. */
export function subsetsOfSize<T>(items: readonly T[], sizeOf: (item: T) => number, size: number): T[][] {
  const sets: T[][] = [[]];
  for (const item of items) sets.push(...sets.map((set) => [...set, item]));
  return sets.filter((set) => set.length > 0 && set.reduce((sum, item) => sum + sizeOf(item), 0) === size);
}

/** Looks for subjects left out of the table, and for rows counted twice, that would fill the gap of a sum. */
function explainGap(
  gap: { readonly samples: number; readonly contaminated: number },
  members: readonly TableA2Row[],
  { known }: PaperTables,
): string {
  const twice = subsetsOfSize(members, (row) => row.samples, gap.samples);
  const fits = twice.filter((set) => total(set).contaminated === gap.contaminated);
  const double =
    fits.length > 0
      ? `rows counted twice would give both gaps: ${fits.map((set) => set.map(({ label }) => label).join(' + ')).join(', or ')}`
      : `no rows counted twice give ${grouped(gap.samples)} samples and ${gap.contaminated} flagged (${twice.length} sets give the samples alone)`;
  if (!known) return double;
  const subjects = Object.entries(known.moreSubjects);
  const sets = subsetsOfSize(subjects, ([, size]) => size, gap.samples);
  const count = 2 ** subjects.length - 1;
  if (sets.length === 0)
    return `none of the ${count} sets of MMLU subjects missing here has ${gap.samples} test items; ${double}`;
  const named = sets.map((set) => set.map(([name, size]) => `${name} ${size}`).join(' + ')).join(', or ');
  const only = sets.length === 1 ? 'the only one' : `${sets.length}`;
  return `as many as the test items of ${named}, MMLU subjects that table A1 trains on and this table leaves out (${only} of ${count} such sets); ${double}`;
}

function statement(rows: readonly TableA2Row[], below: number): AuditCheck[] {
  const printed = rows.find(({ key }) => key === 'total');
  if (!printed) return [];
  const sums = total(membersOf(rows, 'total'));
  const percent = (row: { samples: number; contaminated: number }) => (100 * row.contaminated) / row.samples;
  const values = [percent(printed), percent(sums)];
  return [
    {
      table: 'text',
      cell: 'A.4, share of contaminated samples',
      rule: 'statement',
      printed: `less than ${below}%`,
      computed: `${values[0]!.toFixed(2)}% by the printed total, ${values[1]!.toFixed(2)}% by the rows`,
      verdict: values.every((value) => value < below) ? 'agrees' : 'disagrees',
      explanation: `table A2 prints ${printed.contaminatedPercent.toFixed(1)}%`,
    },
  ];
}
