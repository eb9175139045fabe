import type { ValueWithInterval } from '../../compare/estimate';
import { type Answer, shareRight } from '../../compare/estimate';
import { METHOD_LABELS } from '../../compare/labels';
import type { RunRecord } from '../../compare/run-record';
import { answersOf, MODELS, type ModelName, runsOf } from '../../compare/runs';
import type { Decontamination } from '../../decontaminate/record';
import { paperRow, TABLE_A3 } from '../../paper/tables';
import type { Cell, Column, Row, Table } from '../table';
import { answersTo, scoredRows } from './paper-rows';
import { detectorName } from './table-a2';

/** A row's accuracies without the flagged items, and what leaving them out changed, in points. */
export interface CleanedRow {
  readonly key: string;
  readonly label: string;
  readonly level: Row['level'];
  readonly removed: number;
  readonly models: readonly {
    readonly method: ModelName;
    /** Null when every item of the row is flagged. */
    readonly clean: ValueWithInterval | null;
    readonly change: number | null;
  }[];
}

/** Every row of table 1 again from the item results saved, without the items that the detector flags: nothing is scored anew. */
export function cleanedRows(record: RunRecord, { flagged }: Decontamination): CleanedRow[] {
  const out = new Set(flagged);
  const models = MODELS.map((method) => ({ method, answers: answersOf(record, runsOf(record, method)) })).filter(
    ({ answers }) => answers.length > 0,
  );
  const isClean = ({ id }: Answer) => !out.has(id);
  return scoredRows(record).map((row) => {
    const own = models.map(({ method, answers }) => ({ method, answers: answersTo(row, answers) }));
    return {
      key: row.key,
      label: row.label,
      level: row.level,
      removed: own[0]!.answers.filter((one) => !isClean(one)).length,
      models: own.map(({ method, answers }) => {
        const clean = shareRight(answers.filter(isClean), 'tasks');
        return { method, clean, change: clean && clean.value - shareRight(answers, 'tasks')!.value };
      }),
    };
  });
}

/** The paper's table A3 with our models before its columns. */
export function tableA3(record: RunRecord, detector: Decontamination): Table {
  const rows = cleanedRows(record, detector);
  const group = (name: ModelName) => `This run: ${METHOD_LABELS[name]}`;
  return {
    key: 'table-a3',
    title: 'Table A3. Accuracy in % without the flagged items, and its change in points',
    columns: [
      { key: 'dataset', label: 'Dataset' },
      { key: 'removed', label: 'removed' },
      ...(rows[0]?.models ?? []).flatMap(({ method: name }): Column[] => [
        { key: name, label: 'accuracy', group: group(name), digits: 1, estimate: true },
        { key: `${name}_change`, label: '±', group: group(name), digits: 1, signed: true },
      ]),
      { key: 'paper_pe_ft', label: 'PE-FT', group: 'Paper: Llama-2 70B', digits: 1 },
      { key: 'paper_pe_ft_change', label: '±', group: 'Paper: Llama-2 70B', digits: 1, signed: true },
      { key: 'paper_fp_ft', label: 'FP-FT', group: 'Paper: Llama-2 70B', digits: 1 },
      { key: 'paper_fp_ft_change', label: '±', group: 'Paper: Llama-2 70B', digits: 1, signed: true },
    ],
    rows: rows.map(({ key, label, level, removed, models }) => {
      const printed = paperRow(TABLE_A3, key);
      const own = models.flatMap(({ clean, change }): Cell[] => [clean, change]);
      const papers = (['peFt', 'peFtChange', 'fpFt', 'fpFtChange'] as const).map((column) => printed?.[column] ?? null);
      return { level, cells: [label, removed, ...own, ...papers] };
    }),
    notes: [
      `Flagged by ${detectorName(detector)}${detector.isPapersMethod ? '' : ', which is not the paper’s method'}. Computed from the saved answers to ` +
        'each item; nothing was scored again.',
      'A change after removal is not by itself a sign of leakage: the base’s change on the same items is the yardstick.',
    ],
  };
}
