import { describe, expect, it } from 'vitest';
import { TASK_NAMES } from '../../lib/eval/tasks/definition';
import { auditPaper } from '../../lib/paper/audit/audit';
import type { PaperTables } from '../../lib/paper/audit/tables';
import { PAPER_TABLES } from '../../lib/paper/audit/tables';
import type { Table1Row, TableA2Row, TableA3Row } from '../../lib/paper/tables';
import { createRandom, type Random } from '../../lib/random';

type Column = 'peFt' | 'fpFt';

function printed(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

/** Tables as an author would print them who made no slip: from whole numbers of items, all averages before rounding. */
function consistentTables(random: Random): PaperTables {
  const between = (low: number, high: number) => low + random.int(high - low + 1);
  const tasks = TASK_NAMES.map((key) => {
    const n = between(50, 5000);
    const flagged = between(0, Math.floor(n / 10));
    const model = () => {
      const right = between(0, n);
      const least = Math.max(0, flagged - (n - right));
      const removedRight = between(least, Math.min(flagged, right));
      return { before: right / n, after: (right - removedRight) / (n - flagged) };
    };
    return { key, n, flagged, peFt: model(), fpFt: model() };
  });
  const membersOf = (key: string) => tasks.filter((task) => task.key === key || task.key.startsWith(`${key}_`));
  const percent = (key: string, column: Column, when: 'before' | 'after') => {
    const members = membersOf(key);
    return (100 * members.reduce((sum, task) => sum + task[column][when], 0)) / members.length;
  };
  const published = (key: string) => printed(percent(key, 'peFt', 'before'), 1);

  const table1 = PAPER_TABLES.table1.map(
    (row): Table1Row => ({
      ...row,
      peFt: published(row.key),
      fpFt: printed(percent(row.key, 'fpFt', 'before'), 1),
      clinicalCamel: published(row.key),
      mediTron: row.mediTron === null ? null : published(row.key),
      gpt35: published(row.key),
      gpt4: published(row.key),
      medPalm2: published(row.key),
    }),
  );
  const a2Row = (key: TableA2Row['key'], label: string): TableA2Row => {
    const members = key === 'total' ? tasks : membersOf(key);
    const samples = members.reduce((sum, task) => sum + task.n, 0);
    const contaminated = members.reduce((sum, task) => sum + task.flagged, 0);
    return { key, label, samples, contaminated, contaminatedPercent: printed((100 * contaminated) / samples, 1) };
  };
  const a3Row = (row: TableA3Row): TableA3Row => {
    const cell = (column: Column) => percent(row.key, column, 'after');
    const change = (column: Column) => printed(cell(column) - percent(row.key, column, 'before'), 1);
    return {
      ...row,
      peFt: printed(cell('peFt'), 1),
      fpFt: printed(cell('fpFt'), 1),
      peFtChange: change('peFt'),
      fpFtChange: change('fpFt'),
    };
  };
  const rows = PAPER_TABLES.tableA1.rows.map((row) => ({ ...row, samples: between(1, 200_000) }));
  const all = rows.reduce((sum, row) => sum + row.samples, 0);
  const share = (samples: number) => ({ samples, percent: printed((100 * samples) / all, 2) });
  const total = (domain: string) =>
    share(rows.filter((row) => row.domain === domain).reduce((sum, row) => sum + row.samples, 0));
  return {
    table1,
    tableA1: {
      rows: rows.map((row) => ({ ...row, ...share(row.samples) })),
      totals: { medical: total('medical'), general: total('general') },
    },
    tableA2: PAPER_TABLES.tableA2.map(({ key, label }) => a2Row(key, label)),
    tableA3: PAPER_TABLES.tableA3.map(a3Row),
    claims: null,
    known: null,
  };
}

const wrong = (tables: PaperTables) => auditPaper(tables).checks.filter(({ verdict }) => verdict === 'disagrees');

describe('tables that were made to be consistent', () => {
  it('have nothing wrong', () => {
    for (let seed = 0; seed < 60; seed++) {
      const { checks } = auditPaper(consistentTables(createRandom(seed, 'tables')));
      expect(checks.length).toBeGreaterThan(140);
      expect(checks.filter(({ verdict }) => verdict === 'disagrees')).toEqual([]);
      // Only where no counts are known: averages of the others' models, and changes of averages.
      const rounded = checks.filter(({ verdict }) => verdict === 'rounding');
      expect(
        rounded.filter(({ rule, cell }) => !/average/.test(cell) || !['average', 'change'].includes(rule)),
      ).toEqual([]);
      expect(rounded.filter(({ rule, cell }) => rule === 'average' && /PE-FT|FP-FT/.test(cell))).toEqual([]);
    }
  });
});

describe('one number changed', () => {
  const seeds = [0, 1, 2, 3, 4, 5];
  const change = <T extends { readonly key: string }>(
    rows: readonly T[],
    key: string,
    by: (row: T) => Partial<T>,
  ): T[] => rows.map((row) => (row.key === key ? { ...row, ...by(row) } : row));

  // [what, the change, the cells that must then disagree, by a part of their name]
  const slips: [string, (tables: PaperTables) => PaperTables, RegExp][] = [
    [
      'a subset of table A1',
      (t) => ({
        ...t,
        tableA1: { ...t.tableA1, rows: t.tableA1.rows.map((r, i) => (i === 0 ? { ...r, samples: r.samples + 1 } : r)) },
      }),
      /^Total medical, samples$/,
    ],
    [
      'a percentage of table A1',
      (t) => ({
        ...t,
        tableA1: {
          ...t.tableA1,
          rows: t.tableA1.rows.map((r, i) => (i === 3 ? { ...r, percent: r.percent + 0.02 } : r)),
        },
      }),
      /^MedQA \(USMLE\), mixture ratio$/,
    ],
    [
      'the total of table A2',
      (t) => ({ ...t, tableA2: change(t.tableA2, 'total', (row) => ({ contaminated: row.contaminated + 1 })) }),
      /^Total, contaminated$/,
    ],
    [
      'a percentage of table A2',
      (t) => ({
        ...t,
        tableA2: change(t.tableA2, 'pubmedqa', (row) => ({ contaminatedPercent: row.contaminatedPercent + 0.2 })),
      }),
      /^PubmedQA, contaminated \(%\)$/,
    ],
    [
      'an average of table 1',
      (t) => ({ ...t, table1: change(t.table1, 'mmlu', (row) => ({ fpFt: row.fpFt + 0.3 })) }),
      /^MMLU \(average\), FP-FT \(Med42\)$/,
    ],
    [
      "another model's average",
      (t) => ({ ...t, table1: change(t.table1, 'usmle', (row) => ({ gpt4: row.gpt4! - 0.3 })) }),
      /^USMLE \(average\), GPT-4$/,
    ],
    [
      'an accuracy of table A3, out of reach of its removals',
      (t) => ({
        ...t,
        tableA3: change(t.tableA3, 'medqa_4options', (row) => ({
          peFt: row.peFt > 50 ? row.peFt - 30 : row.peFt + 30,
        })),
      }),
      /^MedQA, PE-FT$/,
    ],
    [
      'a change of table A3',
      (t) => ({ ...t, tableA3: change(t.tableA3, 'headqa_en', (row) => ({ fpFtChange: row.fpFtChange + 0.4 })) }),
      /^HeadQA, FP-FT change$/,
    ],
  ];

  it.each(slips)('is found: %s', (_, slip, cell) => {
    for (const seed of seeds) {
      const found = wrong(slip(consistentTables(createRandom(seed, 'tables'))));
      expect(
        found.map((one) => one.cell).filter((name) => cell.test(name)),
        `seed ${seed}`,
      ).toHaveLength(1);
    }
  });

  it('is found by granularity in small sets', () => {
    const tables = consistentTables(createRandom(1, 'tables'));
    const small: PaperTables = {
      ...tables,
      tableA2: change(tables.tableA2, 'pubmedqa', () => ({ samples: 50, contaminated: 0, contaminatedPercent: 0 })),
      table1: change(tables.table1, 'pubmedqa', () => ({ peFt: 75.8 })),
    };
    const check = auditPaper(small).checks.find(({ table, cell }) => table === '1' && cell === 'PubMedQA, PE-FT')!;
    expect(check).toMatchObject({ verdict: 'disagrees', computed: '37/50 = 74.00% or 38/50 = 76.00%' });
  });

  it('that others rest on, when gone, is named', () => {
    const tables = consistentTables(createRandom(1, 'tables'));
    const without = <T extends { readonly key: string }>(rows: readonly T[]) =>
      rows.filter(({ key }) => key !== 'medmcqa');
    expect(() => auditPaper({ ...tables, tableA2: without(tables.tableA2) })).toThrow(/table A2 has no row medmcqa/);
    expect(() => auditPaper({ ...tables, table1: without(tables.table1) })).toThrow(/table 1 has no row medmcqa/);
    const impossible = change(tables.table1, 'medmcqa', () => ({ peFt: 101 }));
    expect(() => auditPaper({ ...tables, table1: impossible })).toThrow(/p must lie from 0 to 1, got 1.01/);
  });
});
