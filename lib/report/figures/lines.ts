import type { Subject } from '../../compare/runs';
import type { Figure, PlotlyObject } from '../../draw/figure';
import { plotlyText } from '../../escape';
import { axis, BLUE, FIGURE_WIDTH, frame, INK, VERMILION } from './style';

export interface LineSeries {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Lowest and highest of each y: several seeds, an interval. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  /** Single points, as the paper's values are drawn. */
  readonly pointsOnly?: boolean;
}

export interface LinesOptions {
  readonly key: string;
  readonly title: string;
  readonly subject: Subject;
  readonly note?: string;
  readonly x: { readonly title: string; readonly log?: boolean; readonly ticks?: readonly number[] };
  readonly y: { readonly title: string; readonly log?: boolean; readonly fromZero?: boolean };
}

/** Okabe and Ito's colours, each with a dash and a marker of its own. */
const LOOKS = [
  [BLUE, 'solid', 'circle'],
  [VERMILION, 'dash', 'square'],
  ['#009E73', 'dot', 'diamond'],
  ['#CC79A7', 'dashdot', 'triangle-up'],
  ['#E69F00', 'longdash', 'triangle-down'],
  [INK, 'longdashdot', 'x'],
] as const;

/** A curve of more points than this is drawn without markers. */
const MOST_MARKERS = 40;

/** Characters of a name beyond which only two stand side by side in the legend. */
const LONG_NAME = 28;

/**
 * Curves over one quantity, up to six.
 *
 * @throws when there is none, or a series has more x than y
 */
export function linesFigure(series: readonly LineSeries[], options: LinesOptions): Figure {
  const { key, title, subject, note, x, y } = options;
  if (series.length === 0 || series.length > LOOKS.length) {
    throw new Error(`figure: ${key} must have 1 to ${LOOKS.length} series, got ${series.length}`);
  }
  for (const one of series) {
    if (one.x.length !== one.y.length || one.x.length === 0) {
      throw new Error(`figure: series "${one.name}" of ${key} has ${one.x.length} x and ${one.y.length} y`);
    }
  }
  const columns = series.some(({ name }) => name.length > LONG_NAME) ? 2 : 3;
  const layout = frame({ title, subject, note, plotHeight: 340, legendRows: Math.ceil(series.length / columns) });
  return {
    key,
    title,
    data: series.map((one, i) => trace(one, i)),
    layout: {
      ...layout,
      legend: { ...layout.legend, entrywidthmode: 'pixels', entrywidth: (FIGURE_WIDTH - 100) / columns - 45 },
      xaxis: { ...axis(x.title), ...(x.log ? { type: 'log' } : {}), ...ticksOf(x.ticks) },
      yaxis: {
        ...axis(y.title),
        ...(y.log ? { type: 'log' } : { exponentformat: 'e' }),
        ...(y.fromZero ? { rangemode: 'tozero' } : {}),
      },
    },
    description: `${title}. ${series.map(inWords).join(' ')}`,
  };
}

const ticksOf = (ticks: readonly number[] | undefined) =>
  ticks
    ? { tickvals: ticks, ticktext: ticks.map((tick) => tick.toLocaleString('en-US', { maximumSignificantDigits: 6 })) }
    : {};

function trace({ name, x, y, low, high, pointsOnly }: LineSeries, i: number): PlotlyObject {
  const [colour, dash, marker] = LOOKS[i]!;
  const marked = x.length <= MOST_MARKERS;
  return {
    type: 'scatter',
    mode: pointsOnly ? 'markers' : marked ? 'lines+markers' : 'lines',
    name: plotlyText(name),
    x,
    y,
    line: { color: colour, width: 2.5, dash },
    marker: pointsOnly
      ? { symbol: 'circle-open', size: 16, color: INK, line: { color: INK, width: 2 } }
      : { symbol: marker, size: 8, color: colour },
    ...(low && high
      ? {
          error_y: {
            type: 'data',
            symmetric: false,
            array: high.map((value, k) => value - y[k]!),
            arrayminus: low.map((value, k) => y[k]! - value),
            color: colour,
            thickness: 1.2,
            width: 4,
          },
        }
      : {}),
  };
}

function inWords({ name, x, y }: LineSeries): string {
  const at = (k: number) => `${short(y[k]!)} at ${short(x[k]!)}`;
  return x.length === 1 ? `${name}: ${at(0)}.` : `${name}: from ${at(0)} to ${at(x.length - 1)}.`;
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
