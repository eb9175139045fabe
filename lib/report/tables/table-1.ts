import { mean } from 'simple-statistics';
import { percent, shareRight } from '../../compare/estimate';
import { METHOD_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { answersOf, baseName, MODELS, runsOf } from '../../compare/runs';
import { paperRow, TABLE_1, TABLE_1_COLUMNS } from '../../paper/tables';
import type { Column, Table } from '../table';
import { answersTo, scoredRows } from './paper-rows';

/**
 * The paper's table 1 with our models before its columns: accuracy in percent with its 95% interval, the mean over the
 * training seeds.
 *
 * Source: table 1. Differs: number of items, chance, intervals and the base are not in the paper's table.
 */
export function table1(record: RunRecord): Table {
  const runs = MODELS.map((method) => ({ method, runs: runsOf(record, method) })).filter((one) => one.runs.length > 0);
  const answers = runs.map((one) => answersOf(record, one.runs));
  return {
    key: 'table-1',
    title: 'Table 1. Zero-shot accuracy in %, this run beside the paper',
    columns: [
      { key: 'dataset', label: 'Dataset' },
      { key: 'n', label: 'n' },
      ...runs.map(({ method, runs: { length } }): Column => {
        const seeds = length > 1 ? `, ${length} seeds` : '';
        return { key: method, label: `${METHOD_LABELS[method]}${seeds}`, group: 'This run', digits: 1, estimate: true };
      }),
      { key: 'chance', label: 'chance', group: 'This run', digits: 1 },
      ...TABLE_1_COLUMNS.map(({ key, label }): Column => {
        const group = key === 'peFt' || key === 'fpFt' ? 'Paper: Llama-2 70B' : 'Paper: published models';
        return { key: `paper_${key}`, label, group, digits: 1 };
      }),
    ],
    rows: scoredRows(record).map((row) => {
      const own = answers.map((all) => answersTo(row, all));
      const printed = paperRow(TABLE_1, row.key);
      const perTask = row.tasks.map((task) => mean(own[0]!.filter((one) => one.task === task).map((a) => a.chance)));
      return {
        level: row.level,
        cells: [
          row.label,
          own[0]!.length,
          ...own.map((one) => shareRight(one, 'tasks')),
          percent(mean(perTask)),
          ...TABLE_1_COLUMNS.map(({ key }) => printed?.[key] ?? null),
        ],
      };
    }),
    notes: [
      `Scale: this run’s base is ${baseName(record)}, the paper’s is Llama-2 with 70 billion. Its columns are to be read ` +
        'for the direction of differences, not as targets.',
      '[ ] 95% interval over the items, clustered by fact where items share one. * chance lies inside it: the model may as ' +
        'well be guessing. Averages are unweighted means of their tasks, as the paper’s are.',
      'MediTron and MedPaLM-2: few-shot results, as the paper notes.',
    ],
  };
}
