import { describe, expect, it } from 'vitest';
import type { ValueWithInterval } from '../../lib/compare/estimate';
import { type Answer, shareRight } from '../../lib/compare/estimate';
import type { RunRecord } from '../../lib/compare/run-record';
import { answersOf, baseName, checkSameQuestions, runsOf } from '../../lib/compare/runs';
import { reportParts } from '../../lib/report/parts';
import type { Cell, Table } from '../../lib/report/table';
import { factGroups } from '../../lib/report/tables/fact-groups';
import { assumptions, hyperParameters } from '../../lib/report/tables/settings';
import { table1 } from '../../lib/report/tables/table-1';
import { tableA2 } from '../../lib/report/tables/table-a2';
import { cleanedRows, tableA3 } from '../../lib/report/tables/table-a3';
import { proportion } from '../../lib/statistics/proportion';
import { sampleDecontamination, sampleRecord } from './fixture';

const record = sampleRecord();
const method = sampleDecontamination(record);
const parts = reportParts(record, { decontamination: [method] });

/** Cells of the row with that label, by column. */
function row(table: Table, label: string): Record<string, Cell> {
  const found = table.rows.find(({ cells }) => cells[0] === label)!;
  return Object.fromEntries(table.columns.map(({ key }, i) => [key, found.cells[i]!]));
}
const value = (cell: Cell | undefined) => (cell as ValueWithInterval).value;

describe('baseName', () => {
  it('writes the size out, whatever it is', () => {
    const named = (parameters: number) => {
      const models = record.models.map((model) => {
        const { training } = model;
        if (!training) return model;
        const adapter = model.method === 'lora' ? training.trainable : 0;
        return { ...model, training: { ...training, parameters: parameters + adapter } };
      });
      return baseName({ ...record, models }).replace(/^.*\(/, '(');
    };
    expect([969_216, 1_328_256, 6_738_415_616].map(named)).toEqual([
      '(970 thousand parameters)',
      '(1.3 million parameters)',
      '(6.7 billion parameters)',
    ]);
  });
});

describe('shareRight', () => {
  const answers = (rights: readonly number[], cluster = (i: number) => `${i}`, task = (_: number) => 'a'): Answer[] =>
    rights.map((right, i) => ({ id: `${i}`, task: task(i), right, chance: 0.25, cluster: cluster(i) }));

  it('of one seed without clusters is Wilson’s interval of k of n', () => {
    const { value: p, low, high } = shareRight(answers([1, 1, 1, 0, 0, 1, 0, 1, 1, 1]))!;
    const { interval } = proportion(7, 10);
    expect([p, low, high]).toEqual([70, expect.closeTo(100 * interval[0], 5), expect.closeTo(100 * interval[1], 5)]);
  });

  it('is wider where items share a fact, and the same where clusters are doubled items', () => {
    const single = answers([1, 0, 1, 1, 0, 1, 0, 0, 1, 1]);
    const doubled = [...single, ...single.map((one) => ({ ...one, id: `${one.id}b` }))];
    const [of, ofDoubled] = [shareRight(single)!, shareRight(doubled)!];
    // Apart from the correction for few clusters.
    expect(Math.abs(ofDoubled.low - of.low)).toBeLessThan(1);
    expect(Math.abs(ofDoubled.high - of.high)).toBeLessThan(1);
    const apart = shareRight(doubled.map((one) => ({ ...one, cluster: one.id })))!;
    expect(apart.high - apart.low).toBeLessThan(0.8 * (of.high - of.low));
  });

  it('over tasks is the unweighted mean of their shares', () => {
    const mixed = answers([1, 1, 1, 1, 0], undefined, (i) => (i < 4 ? 'a' : 'b'));
    expect(shareRight(mixed, 'items')!.value).toBe(80);
    expect(shareRight(mixed, 'tasks')!.value).toBe(50);
  });

  it('has an interval where all are right, and says where chance is inside', () => {
    const all = shareRight(answers([1, 1, 1, 1, 1, 1, 1, 1]))!;
    expect([all.value, all.high, all.atChance]).toEqual([100, 100, false]);
    expect(all.low).toBeCloseTo(100 * proportion(8, 8).interval[0], 6);
    expect(shareRight(answers([1, 0, 0, 0]))!.atChance).toBe(true);
    expect(shareRight([])).toBeNull();
  });
});

describe('table 1', () => {
  const table = table1(record);

  it('has the paper’s rows and numbers, ours before them', () => {
    expect(table.rows.map(({ cells }) => cells[0])).toEqual([
      ...['MMLU (average)', 'Clinical knowledge', 'College biology', 'College medicine', 'Medical genetics'],
      ...['Professional medicine', 'Anatomy', 'HeadQA', 'MedMCQA', 'MedQA', 'PubMedQA'],
      ...['USMLE (average)', 'Self-assessment', 'Sample exam'],
    ]);
    expect(row(table, 'MedQA')).toMatchObject({ n: 40, paper_peFt: 59.1, paper_fpFt: 61.5, paper_gpt4: 78.9 });
    expect(row(table, 'HeadQA').paper_clinicalCamel).toBeNull();
    expect(table.notes.join(' ')).toMatch(/70 billion/);
  });

  it('gives the mean over the training seeds, and averages over tasks', () => {
    const right = (task: string) =>
      runsOf(record, 'lora').map(({ scores }) => scores.tasks.find((one) => one.task === task)!.acc.value);
    const mean = (values: readonly number[]) => (100 * values.reduce((a, b) => a + b)) / values.length;
    expect(value(row(table, 'MedQA').lora)).toBeCloseTo(mean(right('medqa_4options')), 4);
    const usmle = mean([...right('usmle_self_assessment'), ...right('usmle_sample_exam')]);
    expect(value(row(table, 'USMLE (average)').lora)).toBeCloseTo(usmle, 4);
    expect(row(table, 'PubMedQA').chance).toBeCloseTo(33.333333, 5);
  });

  it('says which tasks of an average are missing', () => {
    const few = table1(sampleRecord({ tasks: ['mmlu_anatomy', 'medqa_4options'] }));
    expect(few.rows.map(({ cells }) => cells[0])).toEqual(['MMLU (average), 5 not scored', 'Anatomy', 'MedQA']);
  });
});

describe('tables A2 and A3', () => {
  it('count the flagged items of each row', () => {
    const table = tableA2(record, [method]);
    const flagged = new Set(method.flagged);
    const own = record.models[0]!.scores.items.filter(({ task, id }) => task === 'medmcqa' && flagged.has(id)).length;
    expect(row(table, 'MedMCQA')).toMatchObject({ n: 40, flagged: own, paper_samples: 4183, paper_contaminated: 65 });
    expect(row(table, 'Total')).toMatchObject({ n: 480, flagged: 20, paper_samples: 11904 });
  });

  it('score again without them from the saved answers', () => {
    const flagged = new Set(method.flagged);
    const clean = answersOf(record, runsOf(record, 'full')).filter(
      ({ id, task }) => task === 'headqa_en' && !flagged.has(id),
    );
    const expected = (100 * clean.reduce((sum, { right }) => sum + right, 0)) / clean.length;
    const table = tableA3(record, method);
    const before = value(row(table1(record), 'HeadQA').full);
    expect(value(row(table, 'HeadQA').full)).toBeCloseTo(expected, 4);
    expect(row(table, 'HeadQA').full_change).toBeCloseTo(expected - before, 4);
    expect(row(table, 'HeadQA')).toMatchObject({ removed: 2, paper_pe_ft: 70.3, paper_fp_ft_change: -0.3 });
  });

  it('have no number where every item of a row is flagged', () => {
    const all = record.models[0]!.scores.items.filter(({ task }) => task === 'pubmedqa').map(({ id }) => id);
    const found = cleanedRows(record, { ...method, flagged: all }).find(({ key }) => key === 'pubmedqa')!;
    expect(found.models.map(({ clean, change }) => [clean, change])).toEqual([
      [null, null],
      [null, null],
      [null, null],
    ]);
  });
});

describe('the other tables', () => {
  it('are all there on the miniature, each once', () => {
    expect(parts.tables.map(({ key }) => key)).toEqual([
      'table-1',
      'comparisons',
      'comparisons-paper-rates',
      'fact-groups',
      'runs',
      'cost',
      'forgetting',
      'table-a2',
      'table-a3',
      'contamination-effect',
      'decontamination',
      'table-a1',
      'claims',
      'audit',
      'flagged-right',
      'requests',
      'hyper-parameters',
      'assumptions',
    ]);
    for (const { columns, rows } of parts.tables) {
      expect(new Set(columns.map(({ key }) => key)).size).toBe(columns.length);
      for (const { cells } of rows) expect(cells).toHaveLength(columns.length);
    }
  });

  it('say how the rows were packed, as a choice of ours', () => {
    for (const [packing, words] of [
      ['concatenated', 'attention crosses samples'],
      ['block-diagonal', 'none sees another'],
    ] as const) {
      const packed = { ...record, packing: { ...record.packing, packing } };
      expect(hyperParameters(packed).rows[0]!.cells).toEqual([
        'packing',
        ...[packing, null, 'assumed'],
        ...[packing, null, 'assumed'],
      ]);
      const assumed = assumptions(packed, []).rows.map(({ cells }) => String(cells[1]));
      expect(assumed.filter((text) => text.startsWith('packing'))).toEqual([expect.stringContaining(words)]);
    }
  });

  it('leave out of the fact groups what is answered from its own context', () => {
    const table = factGroups(record)!;
    expect(row(table, 'in neither (control)').n).toBe(110);
    expect(row(table, 'all fine-tuned facts').n).toBe(220);
    expect(factGroups(sampleRecord({ facts: false }))).toBeNull();
  });

  it('name tasks answered with one choice', () => {
    const stuck = record.models.map((model) => {
      const items = model.scores.items.map((item) =>
        item.task === 'medqa_4options' ? { ...item, prediction: 0 } : item,
      );
      return model.method === 'base' ? { ...model, scores: { ...model.scores, items } } : model;
    });
    const { tables } = reportParts({ ...record, models: stuck }, { decontamination: [] });
    const table = tables.find(({ key }) => key === 'constant-answers')!;
    expect(table.rows.map(({ cells }) => cells.slice(0, 4))).toEqual([['base', 'MedQA', 1, 100]]);
  });

  it('tag hyper-parameters: stated, varied, assumed', () => {
    const table = parts.tables.find(({ key }) => key === 'hyper-parameters')!;
    expect(row(table, 'learningRate')).toMatchObject({
      lora_value: '0.003',
      lora_paper: '0.0001',
      lora_origin: 'varied',
    });
    expect(row(table, 'epochs')).toMatchObject({ full_value: '3', full_origin: 'stated' });
    expect(row(table, 'lora.targetModules')).toMatchObject({ lora_value: 'all 7 linear layers', full_value: null });
    expect(row(table, 'batchSize').full_origin).toBe('assumed');
  });

  it('compare each method with the base on the quiz', () => {
    const table = parts.tables.find(({ key }) => key === 'forgetting')!;
    const of = (name: string) =>
      record.models.filter(({ name: own }) => own.startsWith(name)).map(({ quiz }) => quiz!.correct / quiz!.n);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    const tuned = of('full-4');
    expect(tuned).toHaveLength(3);
    expect(value(row(table, 'full-parameter, own rate').change)).toBeCloseTo(100 * (mean(tuned) - of('base')[0]!), 6);
  });
});

describe('a record that cannot be compared', () => {
  it('is refused: other questions, no base', () => {
    const [base, lora, ...others] = record.models;
    const tasks = lora!.scores.tasks.map((task) => ({ ...task, requestHash: 'f'.repeat(64) }));
    const asked: RunRecord = {
      ...record,
      models: [base!, { ...lora!, scores: { ...lora!.scores, tasks } }, ...others],
    };
    expect(() => checkSameQuestions(asked)).toThrow(/mmlu_clinical_knowledge was asked of lora-42 in other words/);
    const fewer = { ...lora!, scores: { ...lora!.scores, tasks: lora!.scores.tasks.slice(1) } };
    expect(() => checkSameQuestions({ ...record, models: [base!, fewer] })).toThrow(/was asked of lora-42/);
    expect(() => checkSameQuestions({ ...record, models: [lora!] })).toThrow(/must begin with the untouched base/);
  });
});
