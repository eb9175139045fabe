import { expect, test } from 'vitest';
import type { TokenView } from '../../lib/data/token-xray';
import { drawSvg } from '../../lib/draw/svg';
import { dotsFigure } from '../../lib/report/figures/dots';
import { linesFigure } from '../../lib/report/figures/lines';
import { tokenXrayFigure } from '../../lib/report/figures/token-xray';
import { xrayHtml, xrayText } from '../../lib/report/page/xray';

const subject = { model: 'a model', data: 'rows', device: 'cpu' };
const axes = { x: { title: 'rank', log: true, ticks: [1, 8] }, y: { title: 'numbers' } };

/** Sample 0 of three tokens, the last learnt, and two of sample 1; in one segment or apart. */
function tokens(together: boolean): TokenView[] {
  const of = (at: number, sample: number, role: TokenView['role'], text: string): TokenView => ({
    at,
    id: at,
    text,
    role,
    source: sample < 0 ? null : `source-${sample}`,
    sampleId: sample < 0 ? null : `s<${sample}>`,
    sample,
    learned: role === 'response',
    position: at,
    attendsFrom: together || sample === 0 ? 0 : 3,
  });
  return [
    of(0, 0, 'tag', '\n<|system|>'),
    of(1, 0, 'prompt', '<script>'),
    of(2, 0, 'response', ' yes'),
    of(3, 1, 'prompt', 'no'),
    of(4, 1, 'response', '&'),
    { ...of(5, -1, 'padding', ''), attendsFrom: 5 },
  ];
}

test('the x-ray counts what is learnt and which pairs lie in two samples, and is drawn', async () => {
  const paper = tokenXrayFigure(tokens(true), subject, 'A chunk');
  // Pairs: 1 + 2 + 3 of sample 0, then 2 x 3 across and 1 + 2 within sample 1.
  expect(paper.description).toBe(
    'A chunk. 5 of 6 places hold tokens, of 2 samples; 2 are learnt. 40.0% of the pairs that may attend lie in two samples.',
  );
  expect(await drawSvg(paper)).toContain('may see: other sample');
  const apart = tokenXrayFigure(tokens(false), subject, 'A chunk');
  expect(apart.description).toContain('0.0% of the pairs');
  expect(await drawSvg(apart)).not.toContain('may see: other sample');
  expect(() => tokenXrayFigure(tokens(true).slice(5), subject, 'A chunk')).toThrow('the chunk is all padding');
});

test('the x-ray as a page: rows are text, never HTML; learnt tokens are underlined; places are told', () => {
  const html = xrayHtml(tokens(true));
  expect(html).not.toContain('<script>');
  expect(html).toContain('&lt;script&gt;');
  expect(html).toContain('s&lt;1&gt;');
  expect(html.match(/border-bottom:3px/g)).toHaveLength(2 + 1);
  expect(html).toContain('place 4, token 4, response, learnt, position 4, may attend to 0 to 4');
  // The rest of a sample in the next chunk is a piece of its own.
  const [, , yes] = tokens(true);
  expect(xrayHtml([yes!, { ...yes!, at: 0 }]).match(/1 tokens from place [20] of the chunk/g)).toHaveLength(2);
  expect(xrayText([yes!, { ...yes!, at: 0 }]).split('\n')).toHaveLength(2);
  expect(xrayText(tokens(true)).split('\n')).toHaveLength(6);
  expect(xrayText(tokens(true))).toContain('source-0 s<0>  prompt  "<script>"');
});

test('curves: intervals, single points, words; and what cannot be drawn', async () => {
  const series = [
    { name: 'ours', x: [1, 8], y: [10, 80], low: [9, 70], high: [12, 90] },
    { name: 'the paper', x: [8], y: [75], pointsOnly: true },
  ];
  const figure = linesFigure(series, { key: 'rank', title: 'Numbers by rank', subject, ...axes });
  expect(figure.description).toBe('Numbers by rank. ours: from 10 at 1 to 80 at 8. the paper: 75 at 8.');
  expect(figure.data[0]!.error_y).toMatchObject({ array: [2, 10], arrayminus: [1, 10] });
  expect(figure.data[1]!.mode).toBe('markers');
  expect(await drawSvg(figure)).toContain('the paper');
  const options = { key: 'rank', title: 'x', subject, ...axes };
  expect(() => linesFigure([], options)).toThrow('rank must have 1 to 6 series, got 0');
  expect(() => linesFigure([{ name: 'a', x: [1, 2], y: [1] }], options)).toThrow('"a" of rank has 2 x and 1 y');
});

test('curves: small ticks keep their digits, and long names stand two to a line, apart', async () => {
  const names = [
    'full-parameter, 3 epochs, rows in one stream',
    'LoRA, 8 epochs, rows in one stream',
    'LoRA, 3 epochs',
  ];
  const series = names.map((name) => ({ name, x: [3e-4, 1e-2], y: [30, 40] }));
  const x = { title: 'rate', log: true, ticks: [3e-4, 1e-2] };
  const figure = linesFigure(series, { key: 'rates', title: 'Rates', subject, x, y: { title: '%' } });
  const svg = await drawSvg(figure);
  expect(svg).toContain('>0.0003<');
  const places = names.map((name) => {
    const entry = svg.slice(0, svg.indexOf(`>${name}<`)).match(/class="traces"[^>]*translate\(([\d.]+),([\d.]+)\)/g)!;
    const [, left, top] = entry.at(-1)!.match(/translate\(([\d.]+),([\d.]+)\)/)!;
    return { left: Number(left), top: Number(top) };
  });
  expect(places[1]!.top).toBe(places[0]!.top);
  expect(places[1]!.left - places[0]!.left).toBeGreaterThan(350);
  expect(places[2]!.top).toBeGreaterThan(places[0]!.top);
});

test('dots: a mark for each series in every row that has a value', async () => {
  const options = { key: 'shares', title: 'Shares', subject, x: { title: '%' } };
  const series = [
    { name: 'of samples', values: [10, 90] },
    { name: 'of tokens', values: [null, 60], low: [null, 50], high: [null, 75] },
  ];
  const figure = dotsFigure(['a', 'b'], series, options);
  expect(figure.data[1]).toMatchObject({ x: [60], y: [1], error_x: { array: [15], arrayminus: [10] } });
  expect(figure.description).toBe('Shares. a: of samples 10, of tokens none. b: of samples 90, of tokens 60.');
  expect(await drawSvg(figure)).toContain('of tokens');
  expect(() => dotsFigure(['a'], series, options)).toThrow('"of samples" of shares has 2 values for 1 rows');
});
