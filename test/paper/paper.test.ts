import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TASK_NAMES } from '../../lib/eval/tasks/definition';
import { paperRow, TABLE_1, TABLE_1_COLUMNS, TABLE_A2, TABLE_A3 } from '../../lib/paper/tables';

const PAPER = '../shared/paper.md';
const signed = (change: number) => (change === 0 ? '(0.0)' : `(${change > 0 ? '+' : ''}${change.toFixed(1)})`);

it.each([
  ['1', TABLE_1],
  ['A2', TABLE_A2],
  ['A3', TABLE_A3],
])('table %s has a row for every task and both averages', (_, table: readonly { readonly key: string }[]) => {
  const keys = table.map((row) => row.key).filter((key) => key !== 'total');
  expect([...keys].sort()).toEqual([...TASK_NAMES, 'mmlu', 'usmle'].sort());
});

it('finds a row by its task', () => {
  expect(paperRow(TABLE_1, 'medqa_4options')).toMatchObject({ label: 'MedQA', fpFt: 61.5 });
  expect(paperRow(TABLE_1, 'usmle')!.gpt4).toBe(84.1);
});

it('prints the changes of table A3 as its differences to table 1, but for rounding', () => {
  for (const row of TABLE_A3) {
    const before = paperRow(TABLE_1, row.key)!;
    expect(Math.abs(row.peFt - before.peFt - row.peFtChange)).toBeLessThan(0.11);
    expect(Math.abs(row.fpFt - before.fpFt - row.fpFtChange)).toBeLessThan(0.11);
  }
});

describe.skipIf(!existsSync(PAPER))('line for line as printed', () => {
  const lines = existsSync(PAPER) ? readFileSync(PAPER, 'utf8').split('\n') : [];

  it.each(TABLE_1)('table 1: $label', (row) => {
    const cells = TABLE_1_COLUMNS.map(({ key }) => row[key]?.toFixed(1) ?? '-');
    expect(lines).toContain([row.label, ...cells].join('\t'));
  });

  it.each(TABLE_A2)('table A2: $label', (row) => {
    const samples = row.key === 'mmlu' ? '1,089' : String(row.samples);
    const flagged = `${row.contaminated} (${row.contaminatedPercent.toFixed(1)})`;
    expect(lines).toContain([row.label, samples, flagged].join('\t'));
  });

  it.each(TABLE_A3)('table A3: $label', (row) => {
    const cells = [row.peFt.toFixed(1), signed(row.peFtChange), row.fpFt.toFixed(1), signed(row.fpFtChange)];
    expect(lines).toContain([row.label, ...cells].join('\t'));
  });
});
