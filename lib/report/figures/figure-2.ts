import type { RunRecord } from '../../compare/run-record';
import type { Decontamination } from '../../decontaminate/record';
import type { Figure } from '../../draw/figure';
import { paperRow, TABLE_A3 } from '../../paper/tables';
import { numberText } from '../table';
import { detectorName } from '../tables/table-a2';
import { cleanedRows } from '../tables/table-a3';
import { barPlace, GROUP_HEIGHT, plainBars, rowAxis } from './bars';
import { axis, frame, INK, PAPER, STYLE } from './style';

/**
 * The paper's figure 2: what leaving out the flagged items does to each accuracy, in points, the paper's own changes
 * (table A3) as open marks beside the bar of the same method.
 */
export function figure2(record: RunRecord, detector: Decontamination): Figure {
  const rows = cleanedRows(record, detector);
  const methods = rows[0]!.models.map((one) => one.method);
  const title = 'Figure 2. Change in accuracy when flagged items are left out';
  const layout = frame({
    title,
    subject: record.subject,
    note: `Flagged by ${detectorName(detector)}${detector.isPapersMethod ? '' : ' (not the paper’s method)'}. In brackets: items left out. Open marks: the paper’s 70B (table A3).`,
    plotHeight: rows.length * GROUP_HEIGHT + 10,
    legendRows: 2,
    left: 220,
  });
  const printed = rows.flatMap(({ key }, i) => {
    const own = paperRow(TABLE_A3, key);
    return own ? [{ ...own, i }] : [];
  });
  const changes = rows.flatMap(({ models }) => models.flatMap(({ change }) => change ?? []));
  const paper = printed.flatMap(({ peFtChange, fpFtChange }) => [peFtChange, fpFtChange]);
  const reach = Math.max(1, ...[...changes, ...paper].map(Math.abs)) * 1.12;
  return {
    key: 'figure-2',
    title,
    data: [
      ...methods.map((name, i) =>
        plainBars(
          name,
          i,
          methods.length,
          rows.map(({ models }) => models[i]!.change),
        ),
      ),
      ...(['lora', 'full'] as const).map((name) => ({
        type: 'scatter',
        mode: 'markers',
        name: name === 'lora' ? 'paper’s 70B, PE-FT' : 'paper’s 70B, FP-FT',
        x: printed.map((row) => (name === 'lora' ? row.peFtChange : row.fpFtChange)),
        y: printed.map(({ i }) => i + barPlace(Math.max(0, methods.indexOf(name)), methods.length)),
        marker: { symbol: STYLE[name].marker, size: 9, color: PAPER, line: { color: INK, width: 1.5 } },
      })),
    ],
    layout: {
      ...layout,
      barmode: 'overlay',
      legend: { ...layout.legend, x: 20 / layout.width, entrywidthmode: 'pixels', entrywidth: 165 },
      xaxis: { ...axis('change in accuracy (points)'), range: [-reach, reach], zeroline: true, zerolinecolor: INK },
      yaxis: rowAxis(
        rows.map(({ label, removed }) => (removed === 0 ? label : `${label} (−${removed})`)),
        layout.margin.l,
        3,
      ),
    },
    description: rows
      .map(({ label, removed, models }) => {
        const own = models.map(
          ({ method: name, change }) =>
            `${STYLE[name].label} ${change === null ? 'none left' : numberText(change, 1, true)}`,
        );
        return `${label}, ${removed} removed: ${own.join(', ')}.`;
      })
      .join(' '),
  };
}
