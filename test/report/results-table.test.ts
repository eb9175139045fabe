import { describe, expect, it } from 'vitest';
import { groupResults } from '../../lib/eval/groups';
import { resultsTable } from '../../lib/report/results-table';
import { tableToCsv, tableToMarkdown, tableToText } from '../../lib/report/table-formats';
import { SUBJECT, sampleScores, taskResult } from './sample-results';

/** RFC 4180 read back, quotes, commas and line breaks inside fields included. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

const hostile = {
  model: 'a "quoted", name\r\nof two lines',
  data: '<script>|*x*|</script> & [y](z)',
  device: '\u001b[2Jcpu',
};

describe('resultsTable', () => {
  it('has the paper’s rows in the paper’s order, with its 70B values as printed', () => {
    const rows = resultsTable(sampleScores());
    expect(rows.map(({ key }) => key)).toEqual([
      ...['mmlu', 'mmlu_clinical_knowledge', 'mmlu_college_biology', 'mmlu_college_medicine', 'mmlu_medical_genetics'],
      ...['mmlu_professional_medicine', 'mmlu_anatomy', 'headqa_en', 'medmcqa', 'medqa_4options', 'pubmedqa'],
      ...['usmle', 'usmle_self_assessment', 'usmle_sample_exam'],
    ]);
    const medqa = rows.find(({ key }) => key === 'medqa_4options')!;
    expect([medqa.n, medqa.paperPeFt, medqa.paperFpFt]).toEqual([1273, 59.1, 61.5]);
  });

  it('holds the numbers given, in percent', () => {
    const scores = sampleScores();
    const row = resultsTable(scores).find(({ key }) => key === 'pubmedqa')!;
    const { acc, truncatedItems, n } = scores.full!.tasks.find(({ task }) => task === 'pubmedqa')!;
    expect(row.full!.value).toBeCloseTo(100 * acc.value, 6);
    expect([row.full!.low, row.full!.high][1]).toBeCloseTo(100 * acc.interval[1], 6);
    expect(row.full!.low).toBeCloseTo(100 * acc.interval[0], 6);
    expect(row.full!.stderr).toBeCloseTo(100 * acc.stderr!, 6);
    expect(row.chance).toBeCloseTo(100 / 3, 6);
    expect(row.truncated).toBeCloseTo((100 * truncatedItems) / n, 6);
  });

  it('averages a group without weights, its interval 1.96 standard errors to each side', () => {
    const scores = sampleScores();
    const { acc, accStderr } = scores.lora!.groups.find(({ group }) => group === 'usmle')!;
    const { lora, n, missing } = resultsTable(scores).find(({ key }) => key === 'usmle')!;
    expect(lora!.value).toBeCloseTo(100 * acc, 6);
    expect(lora!.high - lora!.value).toBeCloseTo(196 * accStderr!, 2);
    expect([n, missing]).toEqual([650, 0]);
  });

  it('says when the chance level lies in the interval', () => {
    const of = (correct: number) => {
      const tasks = [taskResult('medqa_4options', correct, 100)];
      return { tasks, groups: groupResults(tasks) };
    };
    const [row] = resultsTable({ base: of(27), lora: of(60) });
    expect([row!.base!.atChance, row!.lora!.atChance, row!.full]).toEqual([true, false, null]);
  });

  it('counts the tasks an average lacks, and gives none to a model scored on fewer', () => {
    const part = sampleScores(['mmlu_anatomy', 'mmlu_medical_genetics']);
    const fewer = sampleScores(['mmlu_anatomy']);
    const [mmlu] = resultsTable({ base: part.base!, lora: fewer.lora! });
    expect(mmlu).toMatchObject({ key: 'mmlu', missing: 4, lora: null });
    expect(mmlu!.base).not.toBeNull();
  });

  it('refuses nothing', () => {
    expect(() => resultsTable({})).toThrow(/no task was scored/);
  });
});

describe('the table’s formats', () => {
  const rows = resultsTable(sampleScores());

  it('CSV parses back to the same numbers and names', () => {
    const [header, ...lines] = parseCsv(tableToCsv(rows, hostile));
    expect(lines.every((line) => line.length === header!.length)).toBe(true);
    const cell = (line: number, name: string) => lines[line]![header!.indexOf(name)]!;
    for (const [i, row] of rows.entries()) {
      expect(cell(i, 'key')).toBe(row.key);
      expect(Number(cell(i, 'n'))).toBe(row.n);
      expect(Number(cell(i, 'lora_acc'))).toBe(row.lora!.value);
      expect(Number(cell(i, 'full_stderr'))).toBe(row.full!.stderr);
      expect(cell(i, 'base_at_chance')).toBe(row.base!.atChance ? 'yes' : 'no');
      expect(Number(cell(i, 'paper_fp_ft_70b'))).toBe(row.paperFpFt);
      expect([cell(i, 'model'), cell(i, 'data'), cell(i, 'device')]).toEqual(Object.values(hostile));
    }
  });

  it('CSV leaves fields empty where a model was not scored', () => {
    const [header, line] = parseCsv(tableToCsv(resultsTable({ base: sampleScores().base! }), SUBJECT));
    expect(line![header!.indexOf('lora_acc')]).toBe('');
  });

  it('Markdown has one cell for each heading, and no markup from outside', () => {
    const markdown = tableToMarkdown(rows, hostile);
    const table = markdown.split('\n').filter((line) => line.startsWith('|'));
    expect(table).toHaveLength(rows.length + 2);
    for (const line of table) expect(line.split(/(?<!\\)\|/)).toHaveLength(11);
    expect(markdown).not.toMatch(/<script|(?<!\\)\*x|(?<!\\)\[y/);
    const medqa = rows.find(({ key }) => key === 'medqa_4options')!.full!;
    expect(markdown).toContain(`${medqa.value.toFixed(1)} \\[${medqa.low.toFixed(1)}, ${medqa.high.toFixed(1)}\\]`);
  });

  it('the terminal’s text is aligned, carries the note, and no escape sequence', () => {
    const text = tableToText(rows, hostile);
    expect(text).not.toContain('\u001b');
    const lines = text.split('\n');
    const head = lines.findIndex((line) => line.startsWith('task'));
    const table = lines.slice(head, head + rows.length + 2);
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
    expect(lines.slice(head + rows.length + 2).join(' ')).toMatch(/another scale of model.*Truncated/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(table[0]!.length);
  });
});
