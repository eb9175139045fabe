import { mean } from 'simple-statistics';
import { shareRight, type ValueWithInterval } from '../../compare/estimate';
import type { RunRecord } from '../../compare/run-record';
import { answersOf, MODELS, type ModelName, runsOf } from '../../compare/runs';
import type { Figure, PlotlyObject } from '../../draw/figure';
import { paperRow, TABLE_1 } from '../../paper/tables';
import { cellText } from '../table';
import { answersTo, type BenchmarkRow, scoredRows } from '../tables/paper-rows';
import { accuracyBars, barPlace, GROUP_HEIGHT, levelLines, rowAxis } from './bars';
import { axis, frame, INK, PAPER, STYLE } from './style';

/** One row of the figure: what was asked, and how each model did. */
export interface AccuracyRow {
  readonly row: BenchmarkRow;
  readonly n: number;
  /** In percent. */
  readonly chance: number;
  readonly models: readonly { readonly method: ModelName; readonly accuracy: ValueWithInterval }[];
}

/** Accuracy by row of table 1, the mean over the training seeds; the rows kept that `keep` wants. */
export function accuracyRows(record: RunRecord, keep: (row: BenchmarkRow) => boolean): AccuracyRow[] {
  const models = MODELS.map((method) => ({ method, answers: answersOf(record, runsOf(record, method)) })).filter(
    ({ answers }) => answers.length > 0,
  );
  return scoredRows(record)
    .filter(keep)
    .map((row) => {
      const own = models.map(({ method, answers }) => ({ method, answers: answersTo(row, answers) }));
      return {
        row,
        n: own[0]!.answers.length,
        chance: 100 * mean(own[0]!.answers.map(({ chance }) => chance)),
        models: own.map(({ method, answers }) => ({ method, accuracy: shareRight(answers, 'tasks')! })),
      };
    });
}

/**
 * Accuracy of the base model and the two fine-tuned ones on every task, with 95% intervals; the chance level as a dotted
 * line through the task; the paper's 70B values as open marks beside the bar of the same method, where the paper has the
 * task.
 *
 *     MedQA (n 1273)   base  ====|--            :
 *                      LoRA  ======|--          :         o
 *                      full  =======|--         :          o
 *                                         chance
 *
 * Source: table 1's columns PE-FT and FP-FT for the open marks.
 */
export function accuracyFigure(record: RunRecord): Figure {
  const rows = accuracyRows(record, ({ level }) => level !== 'whole');
  const methods = rows[0]!.models.map(({ method }) => method);
  const title = 'Zero-shot accuracy by task';
  const layout = frame({
    title,
    subject: record.subject,
    note: 'Bars with 95% intervals. Open marks: the paper’s Llama-2 70B (table 1), a model of another scale, no target for the bars.',
    plotHeight: rows.length * GROUP_HEIGHT + 10,
    legendRows: 2,
    left: 220,
  });
  const labels = rows.map(({ row, n }) => `${row.label} (n ${n})`);
  return {
    key: 'accuracy',
    title,
    data: [
      ...methods.map((method, i) =>
        accuracyBars(
          method,
          i,
          methods.length,
          rows.map((row) => row.models[i]!.accuracy),
        ),
      ),
      levelLines(
        'chance',
        rows.map(({ chance }) => chance),
      ),
      paperMarks(rows, 'lora', methods),
      paperMarks(rows, 'full', methods),
    ],
    layout: {
      ...layout,
      barmode: 'overlay',
      legend: { ...layout.legend, x: 20 / layout.width, entrywidthmode: 'pixels', entrywidth: 165 },
      xaxis: { ...axis('accuracy (%)'), range: [0, 100], dtick: 10 },
      yaxis: rowAxis(labels, layout.margin.l, 3),
    },
    description: rows.map(inWords).join(' '),
  };
}

/** The paper's values of one method; a row that the paper does not have gets no mark. */
function paperMarks(
  rows: readonly AccuracyRow[],
  method: 'lora' | 'full',
  methods: readonly ModelName[],
): PlotlyObject {
  const printed = rows.flatMap(({ row }, i) => {
    const own = paperRow(TABLE_1, row.key);
    return own ? [{ accuracy: method === 'lora' ? own.peFt : own.fpFt, i }] : [];
  });
  return {
    type: 'scatter',
    mode: 'markers',
    name: method === 'lora' ? 'paper’s 70B, PE-FT' : 'paper’s 70B, FP-FT',
    x: printed.map(({ accuracy }) => accuracy),
    y: printed.map(({ i }) => i + barPlace(Math.max(0, methods.indexOf(method)), methods.length)),
    marker: { symbol: STYLE[method].marker, size: 9, color: PAPER, line: { color: INK, width: 1.5 } },
  };
}

export function inWords({ row, n, chance, models }: AccuracyRow): string {
  const values = models.map(
    ({ method, accuracy }) =>
      `${STYLE[method].label} ${cellText(accuracy, { digits: 1 }).replace('*', '')}${accuracy.atChance ? ' (at chance)' : ''}`,
  );
  return `${row.label}, ${n} items, chance ${chance.toFixed(1)}%: ${values.join(', ')}.`;
}
