import { describe, expect, it } from 'vitest';
import { drawSvg } from '../../lib/report/draw';
import { accuracyFigure, type Figure, lossFigure } from '../../lib/report/figures';
import { meanWindow, runningMean, thinned } from '../../lib/report/running-mean';
import { SUBJECT, sampleLog, sampleScores } from './sample-results';
import { parseSvg, shapeBoxes, textBoxes } from './svg-tree';

const runs = [
  { method: 'full', records: sampleLog(300, 6, 1.6, 25, 1) },
  { method: 'lora', records: sampleLog(800, 6, 1.8, 50, 2) },
] as const;
const falling = [{ method: 'lora', records: sampleLog(2500, 9, 0.12, 100, 2) }] as const;
const hostile = {
  ...SUBJECT,
  model: '<script>alert(1)</script> & <b>bold</b> <a href="javascript:alert(2)">x</a>',
  data: 'a description of the data that is longer than one line of the figure and has to go on in the next, and the next',
};

const FIGURES: Record<string, Figure> = {
  loss: lossFigure(runs, SUBJECT),
  'loss, one method, log': lossFigure(falling, hostile),
  'loss, a few updates': lossFigure([{ method: 'lora', records: sampleLog(3, 3, 2, 3, 4) }], SUBJECT),
  'loss, a long run': lossFigure(
    [
      { method: 'lora', records: sampleLog(90_000, 6, 1.8, 4500, 2) },
      { method: 'full', records: sampleLog(30_000, 6, 1.6, 1500, 1) },
    ],
    SUBJECT,
  ),
  accuracy: accuracyFigure(sampleScores(), SUBJECT),
  'accuracy, two tasks': accuracyFigure(sampleScores(['medqa_4options', 'pubmedqa']), hostile),
};

describe.each(Object.entries(FIGURES))('%s', (_, figure) => {
  it('is drawn well-formed, in its view box, no text over another', async () => {
    const svg = parseSvg(await drawSvg(figure));
    const { width, height } = figure.layout;
    expect(svg.getAttribute('viewBox')).toBe(`0 0 ${width} ${height}`);
    const texts = textBoxes(svg);
    const boxes = [...texts.map(({ text, box }) => ({ name: text, box })), ...shapeBoxes(svg)];
    const outside = boxes.filter(
      ({ box }) => box.x < -0.5 || box.y < -0.5 || box.x + box.width > width + 0.5 || box.y + box.height > height + 0.5,
    );
    expect(outside).toEqual([]);
    const overlaps = texts.flatMap((a, i) =>
      texts.slice(i + 1).flatMap((b) => {
        const inX = Math.min(a.box.x + a.box.width, b.box.x + b.box.width) - Math.max(a.box.x, b.box.x);
        const inY = Math.min(a.box.y + a.box.height, b.box.y + b.box.height) - Math.max(a.box.y, b.box.y);
        return inX > 0 && inY > 1 ? [`${a.text} | ${b.text}`] : [];
      }),
    );
    expect(overlaps).toEqual([]);
  });

  it('names every trace, its axes, title, model, data and device', async () => {
    const texts = textBoxes(parseSvg(await drawSvg(figure))).map(({ text }) => text);
    for (const trace of figure.data) expect(texts).toContain(trace.name);
    const axes = [figure.layout.xaxis, figure.layout.yaxis] as { title: { text: string } }[];
    for (const { title } of axes) if (title.text !== '') expect(texts).toContain(title.text);
    expect(texts.join(' ')).toContain(SUBJECT.device);
  });
});

describe('drawSvg', () => {
  it('gives the same bytes for the same figure in any order, and shares no id between figures', async () => {
    const [a, b] = [FIGURES.loss!, FIGURES.accuracy!];
    const [first, other, again] = await Promise.all([drawSvg(a), drawSvg(b), drawSvg(a)]);
    expect(again).toBe(first);
    const ids = (svg: string) => [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
    expect(ids(first!).length).toBeGreaterThan(0);
    expect(ids(first!).filter((id) => ids(other!).includes(id))).toEqual([]);
  });

  it('leaves the globals and the figure as they were', async () => {
    const names = () => Object.getOwnPropertyNames(globalThis).sort();
    const [before, random, figure] = [names(), Math.random, JSON.stringify(FIGURES.loss)];
    await drawSvg(FIGURES.loss!);
    expect(names()).toEqual(before);
    expect(Math.random).toBe(random);
    expect(JSON.stringify(FIGURES.loss)).toBe(figure);
  });

  it('goes on after a figure that cannot be drawn', async () => {
    const broken = { ...FIGURES.loss!, layout: null } as unknown as Figure;
    await expect(drawSvg(broken)).rejects.toThrow();
    expect(await drawSvg(FIGURES.loss!)).toContain('<svg');
  });

  it('shows markup from outside as text', async () => {
    const svg = await drawSvg(FIGURES['loss, one method, log']!);
    const elements = [...parseSvg(svg).walk()].map(({ element }) => element);
    expect(elements.filter(({ tagName }) => ['script', 'a', 'b', 'foreignObject'].includes(tagName))).toEqual([]);
    const names = elements.flatMap(({ attributes }) => [...attributes.keys()]);
    expect(names.filter((name) => name.endsWith('href') || name.startsWith('on'))).toEqual([]);
    const texts = textBoxes(parseSvg(svg)).map(({ text }) => text);
    expect(texts.join(' ')).toContain(hostile.model.slice(0, 40));
  });

  it('says the figure in words', async () => {
    expect(await drawSvg(FIGURES.loss!)).toContain('<desc>LoRA: training loss from ');
  });
});

describe('lossFigure', () => {
  it('draws the numbers of the log: every update, the mean of the last ones, the held-out losses', () => {
    const records = sampleLog(60, 4, 2, 20, 3);
    const [points, mean, heldOut] = lossFigure([{ method: 'lora', records }], SUBJECT).data;
    const losses = records.flatMap(({ loss }) => loss ?? []);
    expect(points!.y).toEqual(losses);
    expect((mean!.y as number[])[9]).toBeCloseTo((losses[8]! + losses[9]!) / 2, 12);
    expect(heldOut!.x).toEqual([0, 20, 40, 60]);
    expect(heldOut!.y).toEqual(records.flatMap(({ heldOutLoss }) => heldOutLoss ?? []));
  });

  it('tells the methods apart without colour', () => {
    const { data } = lossFigure(runs, SUBJECT);
    const dashes = data.flatMap(({ line }) => (line as { dash: string } | undefined)?.dash ?? []);
    expect(dashes).toEqual(['solid', 'solid', 'dash', 'dash']);
    const symbols = data.flatMap(({ marker }) => (marker as { symbol: string } | undefined)?.symbol ?? []);
    expect(new Set(symbols).size).toBe(4);
  });

  it('takes a log axis when losses span more than twenty times', () => {
    const axisOf = (figure: Figure) => (figure.layout.yaxis as { type?: string }).type ?? 'linear';
    expect(axisOf(lossFigure(runs, SUBJECT))).toBe('linear');
    expect(axisOf(lossFigure(falling, SUBJECT))).toBe('log');
    expect(axisOf(lossFigure(falling, SUBJECT, { lossAxis: 'linear' }))).toBe('linear');
  });

  it('refuses a log without losses and two runs of one method', () => {
    expect(() => lossFigure([{ method: 'lora', records: [{ step: 1, epoch: 0, loss: Number.NaN }] }], SUBJECT)).toThrow(
      /finite loss/,
    );
    expect(() => lossFigure([runs[0], runs[0]], SUBJECT)).toThrow(/two runs of method full/);
  });
});

describe('accuracyFigure', () => {
  it('draws the accuracies and Wilson intervals given', () => {
    const scores = sampleScores();
    const bar = accuracyFigure(scores, SUBJECT).data.find(({ name }) => name === 'LoRA')!;
    const accs = scores.lora!.tasks.map(({ acc }) => acc);
    expect(bar.x).toEqual(accs.map(({ value }) => 100 * value));
    const { array, arrayminus } = bar.error_x as { array: number[]; arrayminus: number[] };
    for (const [i, { value, interval }] of accs.entries()) {
      expect(100 * value + array[i]!).toBeCloseTo(100 * interval[1], 9);
      expect(100 * value - arrayminus[i]!).toBeCloseTo(100 * interval[0], 9);
    }
  });

  it('marks chance and the paper’s values, labelled as of another scale', () => {
    const { data, layout } = accuracyFigure(sampleScores(['medqa_4options']), SUBJECT);
    expect(data.find(({ name }) => name === 'chance')!.x).toEqual([25, 25, null]);
    expect(data.find(({ name }) => name === 'paper’s 70B, FP-FT')!.x).toEqual([61.5]);
    expect(JSON.stringify(layout.annotations)).toContain('another scale');
  });

  it('refuses models that were asked different questions', () => {
    const { base, lora } = sampleScores(['medqa_4options']);
    const other = { ...lora!, tasks: lora!.tasks.map((task) => ({ ...task, requestHash: 'f'.repeat(64) })) };
    expect(() => accuracyFigure({ base: base!, lora: other }, SUBJECT)).toThrow(/medqa_4options was asked of lora/);
  });
});

describe('running mean', () => {
  it('looks back only, and spans a thirtieth of the run', () => {
    expect(runningMean([4, 2, 6, 1], 3, [0, 1, 2, 3])).toEqual([4, 3, 4, 3]);
    expect(runningMean([4, 2, 6, 1], 2, [3])).toEqual([3.5]);
    expect([1, 40, 300].map(meanWindow)).toEqual([1, 1, 10]);
  });

  it('thins to every k-th place and keeps the last', () => {
    expect(thinned(10, 4)).toEqual({ every: 3, places: [0, 3, 6, 9] });
    expect(thinned(11, 4).places).toEqual([0, 3, 6, 9, 10]);
    expect(thinned(3, 400)).toEqual({ every: 1, places: [0, 1, 2] });
  });
});
