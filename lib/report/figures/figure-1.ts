import type { RunRecord } from '../../compare/run-record';
import type { Figure } from '../../draw/figure';
import { paperRow, TABLE_1 } from '../../paper/tables';
import { accuracyRows, inWords } from './accuracy';
import { accuracyBars, GROUP_HEIGHT, levelLines, plainBars, rowAxis } from './bars';
import { axis, FONT_SIZE, frame, INK } from './style';

/**
 * The paper's figure 1: base and fine-tuned models by benchmark, averages for MMLU and USMLE. On the left this run's,
 * with 95% intervals; on the right the paper's 70B as table 1 prints them.
 *
 * Differs: the paper's left panel is its 7B; it and the base's bars are given in its figure alone, in no number.
 */
export function figure1(record: RunRecord): Figure {
  const rows = accuracyRows(record, ({ level }) => level !== 'part');
  const methods = rows[0]!.models.map(({ method }) => method);
  const title = 'Figure 1. Accuracy by benchmark, this run and the paper’s 70B';
  const layout = frame({
    title,
    subject: record.subject,
    note: 'Left: this run with 95% intervals. Right: the paper’s table 1; its 7B models and its base are in its figure only, in no number.',
    plotHeight: rows.length * GROUP_HEIGHT + 10,
    legendRows: 1,
    left: 175,
  });
  const printed = rows.map(({ row }) => paperRow(TABLE_1, row.key));
  const onRight = { xaxis: 'x2', showlegend: false };
  const count = methods.length;
  const panel = (text: string, xref: string) => ({
    text: `<b>${text}</b>`,
    font: { size: FONT_SIZE, color: INK },
    showarrow: false,
    xref: `${xref} domain`,
    x: 0,
    xanchor: 'left',
    yref: 'paper',
    y: 1,
    yanchor: 'bottom',
  });
  const raised = layout.annotations.map((one) => ({ ...one, yshift: 28 }));
  return {
    key: 'figure-1',
    title,
    data: [
      ...methods.map((method, i) =>
        accuracyBars(
          method,
          i,
          count,
          rows.map((row) => row.models[i]!.accuracy),
        ),
      ),
      levelLines(
        'chance',
        rows.map(({ chance }) => chance),
      ),
      {
        ...plainBars(
          'lora',
          1,
          3,
          printed.map((row) => row?.peFt ?? null),
        ),
        ...onRight,
      },
      {
        ...plainBars(
          'full',
          2,
          3,
          printed.map((row) => row?.fpFt ?? null),
        ),
        ...onRight,
      },
    ],
    layout: {
      ...layout,
      height: layout.height + 18,
      margin: { ...layout.margin, t: layout.margin.t + 18 },
      annotations: [...raised, panel('this run', 'x'), panel('paper, Llama-2 70B', 'x2')],
      barmode: 'overlay',
      xaxis: { ...axis('accuracy (%)'), range: [0, 100], dtick: 20, domain: [0, 0.56] },
      xaxis2: { ...axis('accuracy (%)'), range: [0, 100], dtick: 20, domain: [0.62, 1] },
      yaxis: rowAxis(
        rows.map(({ row }) => row.label),
        layout.margin.l,
        3,
      ),
    },
    description: rows
      .map((row, i) => {
        const own = printed[i];
        return `${inWords(row)}${own ? ` Paper, 70B: PE-FT ${own.peFt}, FP-FT ${own.fpFt}.` : ''}`;
      })
      .join(' '),
  };
}
