import { METHOD_LABELS } from '../../compare/labels';
import type { ModelName, Subject } from '../../compare/runs';
import { textWidth } from '../../draw/text-size';
import { plainText, plotlyText } from '../../escape';

/** Okabe and Ito's palette: told apart by readers of every kind of colour vision. */
export const BLUE = '#0072B2';
export const VERMILION = '#D55E00';
export const GREY = '#BBBBBB';
export const INK = '#333333';
export const GRID = '#E3E3E3';
/** Said quietly: subtitles, notes. */
export const QUIET = '#555555';
export const PAPER = '#FFFFFF';

/** Colour never stands alone: dash, marker and hatching carry the same difference into a grey print. */
export const STYLE = {
  base: { label: METHOD_LABELS.base, colour: GREY, dash: 'dot', marker: 'triangle-up', hatch: '' },
  lora: { label: METHOD_LABELS.lora, colour: BLUE, dash: 'solid', marker: 'circle', hatch: '' },
  full: { label: METHOD_LABELS.full, colour: VERMILION, dash: 'dash', marker: 'square', hatch: '/' },
} as const satisfies Record<ModelName, object>;

export const FONT_SIZE = 13;
const TITLE_SIZE = 18;
const LINE = 1.3;
const MARGIN = { l: 70, r: 30 };
/** From the plot's lower edge down: tick labels, the axis title, then the legend. */
const AXIS_HEIGHT = 62;
const LEGEND_ROW = 20;

export const FIGURE_WIDTH = 900;

/** The text in lines no wider than `width`; a word that is wider alone is cut. */
export function wrap(text: string, width: number, fontSize: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of plainText(text).split(' ')) {
    let rest = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(rest, fontSize) > width) {
      lines.push(line);
      rest = word;
    }
    while (textWidth(rest, fontSize) > width) {
      const characters = [...rest];
      let count = characters.length;
      while (count > 1 && textWidth(characters.slice(0, count).join(''), fontSize) > width) count--;
      lines.push(characters.slice(0, count).join(''));
      rest = characters.slice(count).join('');
    }
    line = rest;
  }
  return [...lines, line];
}

export interface FrameOptions {
  readonly title: string;
  readonly subject: Subject;
  /** Said under the subject: what the marks mean, what the figure does not show. */
  readonly note?: string | undefined;
  /** Of the axes, in pixels. */
  readonly plotHeight: number;
  /** 0: without legend. */
  readonly legendRows: number;
  /** Of the axes' left edge; default 70. */
  readonly left?: number;
  /** No axes: no room for their labels. */
  readonly bare?: boolean;
}

/**
 * The layout all figures share: title and subtitle above, legend below the axes, so that neither covers data.
 *
 *     title
 *     model · data · device
 *     +--------- axes ---------+
 *     |                        |
 *     +------------------------+
 *       tick labels, axis title
 *       legend
 */
export function frame({ title, subject, note, plotHeight, legendRows, left = MARGIN.l, bare = false }: FrameOptions) {
  const room = FIGURE_WIDTH - 40;
  const subtitle = [
    ...wrap(`${subject.model} · ${subject.data} · ${subject.device}`, room, FONT_SIZE),
    ...(note === undefined ? [] : wrap(note, room, FONT_SIZE)),
  ];
  const top = Math.ceil(32 + TITLE_SIZE + subtitle.length * FONT_SIZE * LINE);
  const bottom = (bare ? 0 : AXIS_HEIGHT) + legendRows * LEGEND_ROW + 14;
  const height = top + plotHeight + bottom;
  return {
    width: FIGURE_WIDTH,
    height,
    margin: { l: left, r: MARGIN.r, t: top, b: bottom, autoexpand: false },
    font: { family: 'sans-serif', size: FONT_SIZE, color: INK },
    paper_bgcolor: PAPER,
    plot_bgcolor: PAPER,
    title: {
      text: plotlyText(title),
      font: { size: TITLE_SIZE },
      x: 20 / FIGURE_WIDTH,
      xanchor: 'left',
      y: 1 - 14 / height,
      yanchor: 'top',
    },
    annotations: [
      // Not Plotly's own subtitle: that one lays its second line over its first.
      {
        text: subtitle.map(plotlyText).join('<br>'),
        font: { color: QUIET },
        align: 'left',
        showarrow: false,
        borderpad: 0,
        xref: 'paper',
        x: 0,
        xanchor: 'left',
        xshift: 20 - left,
        yref: 'paper',
        y: 1,
        yanchor: 'bottom',
        yshift: 10,
      },
    ],
    legend: {
      orientation: 'h',
      xref: 'container',
      x: left / FIGURE_WIDTH,
      xanchor: 'left',
      yref: 'container',
      y: 8 / height,
      yanchor: 'bottom',
      traceorder: 'normal',
    },
  } as const;
}

/** An axis with its title and unit, a light grid and a dark line. */
export function axis(title: string) {
  return {
    title: { text: title, standoff: 12, font: { size: FONT_SIZE + 1 } },
    showline: true,
    linecolor: INK,
    gridcolor: GRID,
    zeroline: false,
    ticks: 'outside',
    tickcolor: INK,
    automargin: false,
  } as const;
}
