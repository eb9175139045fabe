import { type Cost, costs } from '../../compare/cost';
import { shareRight } from '../../compare/estimate';
import type { RunRecord, Setting } from '../../compare/run-record';
import { answersOf, runsOf } from '../../compare/runs';
import type { Figure, PlotlyObject } from '../../draw/figure';
import { numberText } from '../table';
import { axis, FONT_SIZE, frame, INK, STYLE } from './style';

interface Panel {
  readonly label: string;
  readonly of: (cost: Cost) => number;
  readonly digits: number;
}

const MANY = 1e7;

/** Large models are counted in larger units: an axis of thousands of thousands is misread. */
function panels(all: readonly Cost[]): readonly Panel[] {
  const most = (of: (cost: Cost) => number) => Math.max(...all.map(of));
  const inMillions = most(({ trainable }) => trainable) >= MANY;
  const inMebibytes = most(({ savedBytes }) => savedBytes) >= MANY;
  return [
    {
      label: `trainable parameters (${inMillions ? 'millions' : 'thousands'})`,
      of: (cost) => cost.trainable / (inMillions ? 1e6 : 1e3),
      digits: inMillions ? 1 : 0,
    },
    { label: 'peak memory (MiB)', of: (cost) => cost.peakMemoryBytes / 2 ** 20, digits: 0 },
    { label: 'seconds in updates', of: (cost) => cost.seconds, digits: 1 },
    {
      label: `saved file (${inMebibytes ? 'MiB' : 'KiB'})`,
      of: (cost) => cost.savedBytes / 2 ** (inMebibytes ? 20 : 10),
      digits: inMebibytes ? 1 : 0,
    },
  ];
}

/** How a setting's marker is drawn: a dot of a filled marker's own colour would not be seen. */
const MARKS: Readonly<Record<Setting, string>> = { tuned: '', controlled: '-open-dot', paper: '-open' };

/** What accuracy costs: four panels, each cost across, accuracy over all items up. Null when nothing was trained. */
export function costFigure(record: RunRecord): Figure | null {
  const arms = costs(record).flatMap(({ runs, ...arm }) => {
    const accuracy = shareRight(answersOf(record, runs));
    return accuracy ? [{ ...arm, accuracy }] : [];
  });
  if (arms.length === 0) return null;
  const shown = panels(arms.map(({ cost }) => cost));
  const base = shareRight(answersOf(record, runsOf(record, 'base')))!;
  const title = 'Accuracy against cost';
  const layout = frame({
    title,
    subject: record.subject,
    note: 'Accuracy over all items with 95% interval; every axis of cost begins at 0. The dotted line is the untouched base.',
    plotHeight: 300,
    legendRows: arms.length > 2 ? 2 : 1,
  });
  const top = Math.min(100, Math.max(base.high, ...arms.map(({ accuracy }) => accuracy.high)) * 1.08);
  const bottom = Math.max(0, Math.min(base.low, ...arms.map(({ accuracy }) => accuracy.low)) * 0.92);
  const axisName = (i: number) => (i === 0 ? '' : String(i + 1));
  const gap = 0.045;
  const width = (1 - gap * (shown.length - 1)) / shown.length;
  const point = ({ method, setting, label, cost, accuracy }: (typeof arms)[number], i: number): PlotlyObject => {
    const { colour, marker } = STYLE[method];
    return {
      type: 'scatter',
      mode: 'markers',
      // A small cost lies at the axis, and would be seen as half a marker.
      cliponaxis: false,
      name: label,
      legendgroup: `${method} ${setting}`,
      showlegend: i === 0,
      xaxis: `x${axisName(i)}`,
      x: [shown[i]!.of(cost)],
      y: [accuracy.value],
      marker: {
        symbol: `${marker}${MARKS[setting]}`,
        size: 12,
        color: colour,
        line: { color: colour, width: 2 },
      },
      error_y: {
        type: 'data',
        symmetric: false,
        array: [accuracy.high - accuracy.value],
        arrayminus: [accuracy.value - accuracy.low],
        color: colour,
        thickness: 1.5,
        width: 4,
      },
    };
  };
  const reach = (i: number) => 1.25 * Math.max(...arms.map(({ cost }) => shown[i]!.of(cost)));
  return {
    key: 'cost',
    title,
    data: shown.flatMap((_, i) => [
      ...arms.map((arm) => point(arm, i)),
      {
        type: 'scatter',
        mode: 'lines',
        name: 'base',
        showlegend: i === 0,
        xaxis: `x${axisName(i)}`,
        x: [0, reach(i)],
        y: [base.value, base.value],
        line: { color: INK, width: 1.5, dash: 'dot' },
      },
    ]),
    layout: {
      ...layout,
      ...Object.fromEntries(
        shown.map(({ label }, i) => {
          const own = axis(label);
          const start = i * (width + gap);
          return [
            `xaxis${axisName(i)}`,
            {
              ...own,
              title: { ...own.title, font: { size: FONT_SIZE } },
              range: [0, reach(i)],
              domain: [start, start + width],
              nticks: 4,
            },
          ];
        }),
      ),
      yaxis: { ...axis('accuracy, all items (%)'), range: [bottom, top] },
    },
    description: arms
      .map(({ label: name, cost, accuracy }) => {
        const own = shown.map(({ label, of, digits }) => `${label} ${numberText(of(cost), digits)}`);
        return `${name}: accuracy ${accuracy.value.toFixed(1)}%, ${own.join(', ')}.`;
      })
      .join(' '),
  };
}
