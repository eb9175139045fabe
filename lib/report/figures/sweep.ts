import type { Decontamination } from '../../decontaminate/record';
import type { Figure, PlotlyObject } from '../../draw/figure';
import { axis, BLUE, FIGURE_WIDTH, frame, INK, VERMILION } from './style';

/**
 * What each threshold flags; where the truth is planted, with precision and recall. The dotted line is the threshold used.
 * One panel's worth for one detector: detectors have scales of their own.
 */
export function sweepFigure(detector: Decontamination, place: number): Figure | null {
  const { sweep, truth, threshold } = detector;
  if (sweep.length < 2) return null;
  const thresholds = sweep.map((row) => row.threshold);
  const title = 'What each threshold flags';
  const layout = frame({
    title,
    subject: {
      model: `${detector.method}, ${detector.isPapersMethod ? 'the paper’s method' : 'not the paper’s method'}`,
      data: `view “${detector.view}”`,
      device: `${detector.trainingRows.toLocaleString('en-US')} training rows against ${detector.total.n.toLocaleString('en-US')} items`,
    },
    note: truth
      ? 'Precision and recall on the planted truth, item by item: exact copies and rewordings are contamination, same topic only is not.'
      : undefined,
    plotHeight: 320,
    legendRows: 1,
  });
  const line = (
    name: string,
    values: readonly (number | null)[],
    colour: string,
    dash: string,
    symbol: string,
  ): PlotlyObject => ({
    type: 'scatter',
    mode: 'lines+markers',
    name,
    x: thresholds,
    y: values,
    line: { color: colour, width: 2, dash },
    marker: { symbol, size: 7, color: colour },
  });
  const share = (key: 'precision' | 'recall') =>
    thresholds.map((one) => {
      const value = truth?.find((row) => row.threshold === one)?.[key] ?? null;
      return value === null ? null : 100 * value;
    });
  const at = truth?.find((row) => row.threshold === threshold);
  const own = sweep.map(({ percent }) => percent);
  return {
    key: `sweep-${place}`,
    title,
    data: [
      line('items flagged', own, INK, 'dot', 'triangle-up'),
      ...(truth
        ? [
            line('precision', share('precision'), BLUE, 'solid', 'circle'),
            line('recall', share('recall'), VERMILION, 'dash', 'square'),
          ]
        : []),
      {
        type: 'scatter',
        mode: 'lines',
        name: `threshold used, ${threshold}`,
        x: [threshold, threshold],
        y: [0, 100],
        line: { color: INK, width: 1.5, dash: 'dot' },
      },
    ],
    layout: {
      ...layout,
      legend: { ...layout.legend, entrywidthmode: 'pixels', entrywidth: (FIGURE_WIDTH - 100) / 4 - 45 },
      xaxis: { ...axis('cosine above which an item is flagged') },
      yaxis: { ...axis(truth ? 'items flagged, precision, recall (%)' : 'items flagged (%)'), range: [-2, 102] },
    },
    description:
      `${detector.method}: at ${threshold}, ${detector.total.flagged} of ${detector.total.n} items are flagged` +
      `${at ? `, precision ${words(at.precision)}, recall ${words(at.recall)}` : ''}.`,
  };
}

const words = (value: number | null) => (value === null ? 'not defined' : `${(100 * value).toFixed(1)}%`);
