import type { Subject } from '../../compare/runs';
import { TOKEN_ROLES, type TokenRole, type TokenView } from '../../data/token-xray';
import type { Figure, PlotlyObject } from '../../draw/figure';
import { axis, BLUE, FIGURE_WIDTH, frame, INK, PAPER, VERMILION } from './style';

/** Of each role: a colour light enough to read black text on, and words. Also the colours of the page's x-ray. */
export const ROLE_STYLE: Readonly<Record<TokenRole, { readonly colour: string; readonly words: string }>> = {
  begin: { colour: '#CC79A7', words: 'begin of sample' },
  tag: { colour: '#D9D9D9', words: 'tag' },
  system: { colour: '#F0E442', words: 'system prompt' },
  prompt: { colour: '#9BD3F5', words: 'question' },
  response: { colour: '#5FC9A6', words: 'response' },
  end: { colour: '#F2A65A', words: 'end of sample' },
  padding: { colour: '#FFFFFF', words: 'padding' },
};

/** Strips above, from the top; each one high. */
const STRIPS = ['sample', 'role', 'learnt'] as const;

interface Run {
  readonly start: number;
  readonly end: number;
  readonly token: TokenView;
}

/** Neighbouring tokens that agree. */
function runs(tokens: readonly TokenView[], same: (token: TokenView) => unknown): Run[] {
  const found: { start: number; end: number; token: TokenView }[] = [];
  for (const [at, token] of tokens.entries()) {
    const last = found.at(-1);
    if (last && same(last.token) === same(token)) last.end = at + 1;
    else found.push({ start: at, end: at + 1, token });
  }
  return found;
}

/**
 * One chunk: above, along the chunk, whose each token is, what it is for and whether it is learnt; below, which earlier
 * tokens (up) each token (across) may attend to: its own sample's, or another's.
 *
 * @param tokens of one chunk, from `tokenXray`
 * @throws when there is no token of a sample
 */
export function tokenXrayFigure(tokens: readonly TokenView[], subject: Subject, title: string): Figure {
  const filled = tokens.filter(({ sample }) => sample >= 0);
  if (filled.length === 0) throw new Error('token x-ray: the chunk is all padding');
  const layout = frame({
    title,
    subject,
    note: 'Above: the chunk from left to right. Below: each token (across) may attend to, or see, the coloured places (up).',
    plotHeight: 470,
    legendRows: 3,
  });
  const samples = runs(filled, ({ sample }) => sample);
  const roles = TOKEN_ROLES.filter((role) => tokens.some((token) => token.role === role));
  const bar = (name: string, strip: number, own: readonly Run[], colour: string, pattern = ''): PlotlyObject => ({
    type: 'bar',
    orientation: 'h',
    name,
    yaxis: 'y2',
    base: own.map(({ start }) => start),
    x: own.map(({ start, end }) => end - start),
    y: own.map(() => strip),
    width: 0.8,
    marker: {
      color: colour,
      line: { color: INK, width: 0.6 },
      pattern: { shape: pattern, fgcolor: PAPER, bgcolor: colour, fillmode: 'replace', size: 6, solidity: 0.3 },
    },
  });
  const byRole = runs(tokens, ({ role }) => role);
  const learned = runs(tokens, (token) => token.learned).filter(({ token }) => token.learned);
  const even = (which: number) => samples.filter((_, i) => i % 2 === which);
  const bars = [
    { ...bar('a sample', 0, even(0), '#777777'), showlegend: false },
    { ...bar('the next sample', 0, even(1), '#C8C8C8'), showlegend: false },
    ...roles.map((role) =>
      bar(
        ROLE_STYLE[role].words,
        1,
        byRole.filter(({ token }) => token.role === role),
        ROLE_STYLE[role].colour,
      ),
    ),
    bar('learnt', 2, learned, INK),
  ].filter(({ x }) => (x as readonly number[]).length > 0);
  const length = tokens.length;
  const firstOf = (own: Run) => own.token.attendsFrom;
  const own = samples.map(({ start, end }) => triangle(start, end));
  const others = samples.flatMap((one) => (firstOf(one) < one.start ? [rectangle(one, firstOf(one))] : []));
  const crossing = samples.reduce((sum, one) => sum + (one.end - one.start) * (one.start - firstOf(one)), 0);
  const pairs = samples.reduce((sum, { start, end }) => sum + ((end - start) * (end - start + 1)) / 2, crossing);
  return {
    key: 'token-xray',
    title,
    data: [
      ...bars,
      area('may see: own sample', own, BLUE, 0.85),
      ...(others.length > 0 ? [area('may see: other sample', others, VERMILION, 0.45)] : []),
    ],
    layout: {
      ...layout,
      barmode: 'overlay',
      legend: { ...layout.legend, entrywidthmode: 'pixels', entrywidth: (FIGURE_WIDTH - 100) / 4 - 45 },
      xaxis: { ...axis('place in the chunk (token)'), range: [0, length], showgrid: false },
      yaxis: { ...axis('place attended to'), range: [0, length], domain: [0, 0.7], showgrid: false },
      yaxis2: {
        ...axis(''),
        title: { text: '' },
        domain: [0.76, 1],
        tickvals: STRIPS.map((_, i) => i),
        ticktext: [...STRIPS],
        range: [STRIPS.length - 0.5, -0.5],
        showgrid: false,
        ticks: '',
      },
    },
    description:
      `${title}. ${filled.length} of ${length} places hold tokens, of ${samples.length} samples; ` +
      `${tokens.filter((token) => token.learned).length} are learnt. ` +
      `${((100 * crossing) / pairs).toFixed(1)}% of the pairs that may attend lie in two samples.`,
  };
}

type Outline = readonly (readonly [number, number])[];

const triangle = (start: number, end: number): Outline => [
  [start, start],
  [end, start],
  [end, end],
];

const rectangle = ({ start, end }: Run, from: number): Outline => [
  [start, from],
  [end, from],
  [end, start],
  [start, start],
];

/** Filled outlines as one trace: a null lifts the pen. */
function area(name: string, outlines: readonly Outline[], colour: string, opacity: number): PlotlyObject {
  const closed = outlines.map((outline) => [...outline, outline[0]!]);
  return {
    type: 'scatter',
    mode: 'lines',
    name,
    x: closed.flatMap((outline, i) => [...(i > 0 ? [null] : []), ...outline.map(([x]) => x)]),
    y: closed.flatMap((outline, i) => [...(i > 0 ? [null] : []), ...outline.map(([, y]) => y)]),
    fill: 'toself',
    fillcolor: colour,
    opacity,
    line: { color: colour, width: 1 },
  };
}
