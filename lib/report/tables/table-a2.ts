import { percent } from '../../compare/estimate';
import type { RunRecord } from '../../compare/run-record';
import type { Decontamination } from '../../decontaminate/record';
import { paperRow, TABLE_A2, type TableA2Row } from '../../paper/tables';
import type { Cell, Column, Row, Table } from '../table';
import { scoredRows } from './paper-rows';

/** The paper's table A2 with the items that each detector flags, of those that were scored. */
export function tableA2(record: RunRecord, detectors: readonly Decontamination[]): Table {
  const items = record.models[0]!.scores.items;
  const flags = detectors.map(({ flagged }) => new Set(flagged));
  const line = (label: string, level: Row['level'], own: typeof items, printed?: TableA2Row): Row => {
    const counts = flags.flatMap((set): Cell[] => {
      const flagged = own.filter(({ id }) => set.has(id)).length;
      return [flagged, percent(flagged / own.length)];
    });
    return {
      level,
      cells: [
        label,
        own.length,
        ...counts,
        printed?.samples ?? null,
        printed?.contaminated ?? null,
        printed?.contaminatedPercent ?? null,
      ],
    };
  };
  const rows = scoredRows(record).map((row) => {
    const printed = paperRow(TABLE_A2, row.key);
    const own = items.filter(({ task }) => row.tasks.includes(task));
    return line(row.label.replace('(average)', '(total)'), row.level, own, printed);
  });
  return {
    key: 'table-a2',
    title: 'Table A2. Evaluation items flagged as contaminated, this run beside the paper',
    columns: [
      { key: 'dataset', label: 'Dataset' },
      { key: 'n', label: 'items', group: 'This run' },
      ...detectors.flatMap((one, i): Column[] => {
        const suffix = detectors.length > 1 ? `_${i + 1}` : '';
        return [
          { key: `flagged${suffix}`, label: 'flagged', group: detectorName(one) },
          { key: `flagged_percent${suffix}`, label: '%', group: detectorName(one), digits: 1 },
        ];
      }),
      { key: 'paper_samples', label: 'samples', group: 'Paper' },
      { key: 'paper_contaminated', label: 'contaminated', group: 'Paper' },
      { key: 'paper_percent', label: '%', group: 'Paper', digits: 1 },
    ],
    rows: [...rows, line('Total', 'whole', items, TABLE_A2.at(-1)!)],
    notes: [
      ...detectors.map((one) => `${detectorName(one)}: ${describe(one)}`),
      'Counts compare only as far as the training sets do: ours holds other and fewer rows than the paper’s (table A1). ' +
        'The paper’s printed total is not the sum of its rows (10,437 and 241).',
    ],
  };
}

/** A detector in a few words, with its threshold. */
export function detectorName({ method, threshold }: Decontamination): string {
  return `${method}, > ${threshold}`;
}

function describe({ notice, view, trainingRows, truncation }: Decontamination): string {
  const cut = truncation
    ? `; the encoder did not read the end of ${truncation.evaluation.percent.toFixed(1)}% of the items and ${truncation.training.percent.toFixed(1)}% of the rows`
    : '';
  return `${notice ?? 'The paper’s method.'} View “${view}” of each item against ${trainingRows.toLocaleString('en-US')} training rows${cut}.`;
}
