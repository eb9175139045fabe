import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunRecord } from '../../lib/compare/run-record';
import { loadEvalItems } from '../../lib/data/examples';
import { groupResults } from '../../lib/eval/groups';
import { harnessResults, readHarnessResults } from '../../lib/eval/harness-results';
import { harnessSample, readHarnessSamples } from '../../lib/eval/harness-samples';
import { checkItem } from '../../lib/eval/item-checks';
import { requestsOf } from '../../lib/eval/requests';
import { type ScoreResult, scoreItems } from '../../lib/eval/score';
import { type Selection, selectItems } from '../../lib/eval/select-items';
import { TASK_NAMES, type TaskName, taskNamed, taskOf } from '../../lib/eval/tasks/tasks';
import { PAPER_BENCHMARKS } from '../../lib/paper/benchmarks';
import { accuracyFigure } from '../../lib/report/figures/accuracy';
import { figure1 } from '../../lib/report/figures/figure-1';
import { figure2 } from '../../lib/report/figures/figure-2';
import type { Table } from '../../lib/report/table';
import { scoredRows } from '../../lib/report/tables/paper-rows';
import { writeReport } from '../../lib/report/write-report';
import { sampleDecontamination, sampleRecord } from '../report/fixture';
import { byteTokenizer, distribution, fakeScorer } from './fakes';

/*
 * Adds benchmarks through the one list that a new file is named in, and takes one from its items to the written report.
 */

vi.mock('../../lib/eval/tasks/benchmarks', async (original) => {
  const { BENCHMARKS } = await original<typeof import('../../lib/eval/tasks/benchmarks')>();
  const { BOARDS } = await import('./boards.js');
  const nursing = { name: 'nursing', label: 'Nursing' };
  const others = [
    { ...BOARDS, name: 'nursing_adult', label: 'Adults', family: nursing },
    { ...BOARDS, name: 'nursing_child', label: 'Children', family: nursing },
    { ...BOARDS, name: 'mmlu_virology', label: 'Virology', family: { name: 'mmlu', label: 'MMLU' } },
  ].map(({ itemTask: _, ...one }) => one);
  return { BENCHMARKS: [...BENCHMARKS, BOARDS, ...others] };
});

const added = (...names: string[]) => names as TaskName[];
const tokenizer = byteTokenizer([' A', ' B', ' C', ' D']);
const ITEMS = 24;

let folder: string;
let selection: Selection;
let record: RunRecord;
const scores: ScoreResult[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'benchmark-'));
  await mkdir(join(folder, 'eval'));
  const lines = (task: string) =>
    Array.from({ length: ITEMS }, (_, i) =>
      JSON.stringify({ id: `${task}-${i}`, task, question: `Q${i}?`, choices: ['p', 'q', 'r', 's'], answer: i % 4 }),
    ).join('\n');
  await writeFile(join(folder, 'eval', 'boards.jsonl'), lines('board-exam'));
  await writeFile(join(folder, 'eval', 'medqa.jsonl'), lines('medqa'));
  selection = selectItems((await loadEvalItems(folder)).items, ['all'], 'present', folder);
  const drawn = sampleRecord({ tasks: ['medqa_4options'], seeds: [42, 43], facts: false, quiz: false });
  for (const [i] of drawn.models.entries()) {
    const scorer = fakeScorer(512, (prefix) => distribution([i, ...prefix]));
    scores.push(await scoreItems(selection.items, scorer, tokenizer));
  }
  record = { ...drawn, models: drawn.models.map((model, i) => ({ ...model, scores: scores[i]! })) };
});
afterAll(() => rm(folder, { recursive: true }));

describe('a benchmark that the paper does not have', () => {
  it('is asked, checked and scored', () => {
    expect(TASK_NAMES.slice(-4)).toEqual(['boards', 'nursing_adult', 'nursing_child', 'mmlu_virology']);
    const item = selection.items.find(({ task }) => task === 'board-exam')!;
    expect(requestsOf(item, taskOf(item))[1]).toEqual({
      id: 'board-exam-0',
      context: 'Question: Q0?\nA. p\nB. q\nC. r\nD. s\nAnswer:',
      continuation: ' B',
    });
    expect(taskOf({ ...item, task: 'boards' }).name).toBe('boards');
    expect(taskNamed('boards', 'chat').docToText(item)).toContain('<|prompter|>:Question: Q0?\nA. p');
    expect(() => taskOf(item, '2022')).toThrow(/item board-exam-0: boards has no variant '2022'/);
    expect(() => taskOf({ ...item, task: 'x y' })).toThrow(/listed ones: .*board-exam, .*boards/);
    expect(() => checkItem({ ...item, choices: ['p', 'q'] }, taskOf(item))).toThrow(/2 options, the task needs 4/);
    expect(() => selectItems([], ['boards'], 'present', 'F')).toThrow(
      /F has no items of boards\. Put eval\/boards.jsonl/,
    );
    expect(scores[0]!.tasks.map(({ task, n }) => [task, n])).toEqual([
      ['medqa_4options', ITEMS],
      ['boards', ITEMS],
    ]);
  });

  it('has its document in the harness’s files', () => {
    const { tasks, groups, items } = scores[0]!;
    const own = selection.items.filter(({ task }) => task === 'board-exam');
    const samples = own.map((item, i) => harnessSample(i, item, taskOf(item), items.find(({ id }) => id === item.id)!));
    expect(samples[1]).toMatchObject({ doc: { question: 'Q1?', options: ['p', 'q', 'r', 's'], gold: 1 }, target: '1' });
    const text = samples.map((sample) => JSON.stringify(sample)).join('\n');
    expect(readHarnessSamples(text, 'samples')).toHaveLength(ITEMS);
    const by = { model: 'tiny', adapter: null, device: 'cpu', maxLength: 512, bosId: 1, eosId: 2, limit: null };
    const rest = { leftOut: {}, date: 1, seconds: 2, identity: 'x' };
    const results = JSON.stringify(harnessResults(tasks, groups, { boards: samples }, { ...by, ...rest }));
    expect(readHarnessResults(results, 'results').tasks.boards).toMatchObject({ n: ITEMS, version: 'workbook 1' });
  });

  it('has its rows in the written report, and none of the paper’s columns', async () => {
    const flags = sampleDecontamination(record, { every: 5 });
    const { figures } = await writeReport(record, { decontamination: [flags] }, join(folder, 'report'));
    const table = async (key: string) =>
      JSON.parse(await readFile(join(folder, 'report', 'tables', `${key}.json`), 'utf8')) as Table;
    for (const [key, ofTotal] of [
      ['table-1', 0],
      ['table-a2', 1],
      ['table-a3', 0],
    ] as const) {
      const { columns, rows } = await table(key);
      const [medqa, boards] = rows.slice(0, 2);
      expect(rows.map(({ cells }) => cells[0])).toEqual(['MedQA', 'Board exam', ...(ofTotal ? ['Total'] : [])]);
      for (const [i, column] of columns.entries()) {
        const isPapers = column.key.startsWith('paper_');
        expect(boards!.cells[i] === null, `${key}, ${column.key}`).toBe(isPapers);
        if (isPapers && key !== 'table-1') expect(medqa!.cells[i], `${key}, ${column.key}`).not.toBeNull();
      }
    }
    for (const key of ['comparisons', 'requests']) {
      expect((await table(key)).rows.map(({ cells }) => cells[0])).toContain('Board exam');
    }
    expect(figures.map(({ key }) => key)).toEqual(expect.arrayContaining(['accuracy', 'figure-1', 'figure-2']));
    for (const file of ['report.md', 'report.html', 'figures/accuracy.svg', 'figures/figure-1.svg']) {
      expect(await readFile(join(folder, 'report', file), 'utf8')).toContain('Board exam');
    }
  });

  it('has bars in the figures, and no mark or bar of the paper', () => {
    const marks = (data: readonly Readonly<Record<string, unknown>>[]) =>
      data.filter(({ name, xaxis }) => /paper/.test(String(name)) || xaxis === 'x2').map(({ x }) => x);
    expect(marks(accuracyFigure(record).data)).toEqual([[59.1], [61.5]]);
    expect(marks(figure1(record).data)).toEqual([[59.1], [61.5]]);
    expect(marks(figure2(record, sampleDecontamination(record, { every: 5 })).data)).toEqual([[-0.6], [-0.5]]);
    expect(figure1(record).description).toMatch(/Board exam, 24 items, chance 25.0%: [^.]*\.\d[^P]*$/);
  });
});

describe('rows by benchmark', () => {
  const rows = (...names: string[]) =>
    scoredRows(sampleRecord({ tasks: added(...names), seeds: [42], itemsPerTask: 8 })).map(
      ({ label, level, tasks }) => `${level ?? 'alone'} ${label}: ${tasks.join(' ')}`,
    );

  it('put what the paper does not have after its rows, a family of its own under its average', () => {
    expect(rows('nursing_child', 'boards', 'usmle_sample_exam', 'medqa_4options')).toEqual([
      'alone MedQA: medqa_4options',
      'whole USMLE (average), 1 not scored: usmle_sample_exam',
      'part Sample exam: usmle_sample_exam',
      'whole Nursing (average), 1 not scored: nursing_child',
      'part Children: nursing_child',
      'alone Board exam: boards',
    ]);
  });

  it('leave a seventh subject of MMLU out of the average that stands beside the paper’s', () => {
    const six = PAPER_BENCHMARKS.filter((name) => name.startsWith('mmlu_'));
    const own = rows(...six, 'mmlu_virology');
    expect(own[0]).toBe(`whole MMLU (average): ${six.join(' ')}`);
    expect(own.at(-1)).toBe('alone Virology: mmlu_virology');
    expect(own).toHaveLength(8);
  });

  it('come with the averages of their families in the results', () => {
    const tasks = added('nursing_adult', 'nursing_child').map((task) => ({ task, acc: scores[0]!.tasks[0]!.acc }));
    expect(groupResults(tasks)).toMatchObject([{ group: 'nursing', missing: [], n: 2 * ITEMS }]);
  });
});
