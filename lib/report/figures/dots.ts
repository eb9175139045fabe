import type { Subject } from '../../compare/runs';
import type { Figure } from '../../draw/figure';
import { textWidth } from '../../draw/text-size';
import { plotlyText } from '../../escape';
import { labelLines, rowAxis } from './bars';
import { axis, BLUE, FIGURE_WIDTH, FONT_SIZE, frame, INK, VERMILION } from './style';

export interface DotSeries {
  readonly name: string;
  /** One for each row; null where there is none. */
  readonly values: readonly (number | null)[];
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface DotsOptions {
  readonly key: string;
  readonly title: string;
  readonly subject: Subject;
  readonly note?: string;
  readonly x: { readonly title: string; readonly log?: boolean; readonly fromZero?: boolean };
}

const LOOKS = [
  [INK, 'line-ns-open'],
  [BLUE, 'circle'],
  [VERMILION, 'square'],
  ['#009E73', 'diamond'],
] as const;

const ROW_HEIGHT = 26;
/** Of each further line of a row's label, of which there are three at most. */
const LINE_HEIGHT = 17;
const LINES = 3;
/** A label wider than this goes on in a second line. */
const MOST_LEFT = 320;

/**
 * Rows with a mark for each series: who holds how much, measured several ways. The first series is drawn as an upright
 * stroke, the value the others are read against.
 *
 * @throws when a series has not one value for each row
 */
export function dotsFigure(rows: readonly string[], series: readonly DotSeries[], options: DotsOptions): Figure {
  const { key, title, subject, note, x } = options;
  for (const { name, values } of series) {
    if (values.length !== rows.length) {
      throw new Error(`figure: series "${name}" of ${key} has ${values.length} values for ${rows.length} rows`);
    }
  }
  const widest = Math.ceil(Math.max(...rows.map((row) => textWidth(row, FONT_SIZE)))) + 24;
  const left = Math.min(widest, MOST_LEFT);
  const lines = Math.max(...rows.map((row) => labelLines(row, left, LINES).length));
  const plotHeight = (ROW_HEIGHT + LINE_HEIGHT * (lines - 1)) * rows.length + 16;
  const layout = frame({ title, subject, note, plotHeight, legendRows: 1, left });
  return {
    key,
    title,
    data: series.map(({ name, values, low, high }, i) => {
      const [colour, symbol] = LOOKS[i % LOOKS.length]!;
      const shown = values.flatMap((value, row) => (value === null ? [] : [{ value, row }]));
      return {
        type: 'scatter',
        mode: 'markers',
        name: plotlyText(name),
        x: shown.map(({ value }) => value),
        y: shown.map(({ row }) => row),
        marker: { symbol, size: i === 0 ? 16 : 10, color: colour, line: { color: colour, width: i === 0 ? 3 : 1 } },
        ...(low && high
          ? {
              error_x: {
                type: 'data',
                symmetric: false,
                array: shown.map(({ value, row }) => (high[row] ?? value) - value),
                arrayminus: shown.map(({ value, row }) => value - (low[row] ?? value)),
                color: colour,
                thickness: 1.2,
                width: 4,
              },
            }
          : {}),
      };
    }),
    layout: {
      ...layout,
      legend: {
        ...layout.legend,
        entrywidthmode: 'pixels',
        entrywidth: (FIGURE_WIDTH - left - 30) / series.length - 45,
      },
      xaxis: { ...axis(x.title), ...(x.log ? { type: 'log' } : {}), ...(x.fromZero ? { rangemode: 'tozero' } : {}) },
      yaxis: { ...rowAxis(rows, left, LINES), showgrid: true },
    },
    description:
      `${title}. ` +
      rows
        .map((row, i) => {
          const own = series.map(({ name, values }) => `${name} ${values[i] === null ? 'none' : short(values[i]!)}`);
          return `${row}: ${own.join(', ')}.`;
        })
        .join(' '),
  };
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
