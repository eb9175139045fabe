import type { ValueWithInterval } from '../../compare/estimate';
import type { ModelName } from '../../compare/runs';
import type { PlotlyObject } from '../../draw/figure';
import { plotlyText } from '../../escape';
import { axis, FONT_SIZE, INK, PAPER, STYLE, wrap } from './style';

/** Of a row's place on the axis, which is 1 high. */
const BAR = 0.26;

/** Pixels that a row of three bars takes. */
export const GROUP_HEIGHT = 58;

/** Where bar `i` of `count` lies from its row's middle; the axis runs downward. */
export function barPlace(i: number, count: number): number {
  return (i - (count - 1) / 2) * BAR;
}

const fill = (method: ModelName) => {
  const { colour, hatch } = STYLE[method];
  return {
    color: colour,
    line: { color: INK, width: 0.8 },
    pattern: { shape: hatch, fgcolor: PAPER, bgcolor: colour, fillmode: 'replace', size: 7, solidity: 0.25 },
  };
};

/** One method's bar in every row, with its interval; a row without a value has none. */
export function accuracyBars(
  method: ModelName,
  i: number,
  count: number,
  values: readonly (ValueWithInterval | null)[],
): PlotlyObject {
  const shown = values.flatMap((estimate, row) => (estimate ? [{ estimate, row }] : []));
  return {
    type: 'bar',
    orientation: 'h',
    name: STYLE[method].label,
    x: shown.map(({ estimate }) => estimate.value),
    y: shown.map(({ row }) => row + barPlace(i, count)),
    width: BAR * 0.9,
    marker: fill(method),
    error_x: {
      type: 'data',
      symmetric: false,
      array: shown.map(({ estimate }) => estimate.high - estimate.value),
      arrayminus: shown.map(({ estimate }) => estimate.value - estimate.low),
      color: INK,
      thickness: 1.2,
      width: 3,
    },
  };
}

/** One method's bar in every row, without an interval. */
export function plainBars(
  method: ModelName,
  i: number,
  count: number,
  values: readonly (number | null)[],
): PlotlyObject {
  const { error_x: _, ...bars } = accuracyBars(
    method,
    i,
    count,
    values.map((value) => (value === null ? null : { value, low: value, high: value })),
  );
  return bars;
}

/** A dotted upright line through every row; one trace for all: a null breaks the line between them. */
export function levelLines(name: string, levels: readonly number[]): PlotlyObject {
  return {
    type: 'scatter',
    mode: 'lines',
    name,
    x: levels.flatMap((level) => [level, level, null]),
    y: levels.flatMap((_, i) => [i - 0.45, i + 0.45, null]),
    line: { color: INK, width: 2, dash: 'dot' },
  };
}

/** Between a label and the axis. */
const LABEL_GAP = 12;

/** A label in lines that fit left of the axis; where there are more than `most`, the rest is left out. */
export function labelLines(label: string, left: number, most: number): string[] {
  const lines = wrap(label, left - LABEL_GAP, FONT_SIZE);
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `${lines[most - 1]!.slice(0, -1)}…`];
}

/**
 * The axis of rows that run downward, each with its label. Labels are text from outside.
 *
 * @param left pixels left of the axis
 * @param lines of a label at most, as the rows are high
 */
export function rowAxis(labels: readonly string[], left: number, lines: number) {
  return {
    ...axis(''),
    title: { text: '' },
    tickvals: labels.map((_, i) => i),
    ticktext: labels.map((label) => labelLines(label, left, lines).map(plotlyText).join('<br>')),
    range: [labels.length - 0.45, -0.55],
    showgrid: false,
    ticks: '',
  };
}
