import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../../lib/compare/run-record';
import { leftOutText } from '../../lib/decontaminate/record';
import type { Figure } from '../../lib/draw/figure';
import { drawSvg } from '../../lib/draw/svg';
import { accuracyFigure } from '../../lib/report/figures/accuracy';
import { dotsFigure } from '../../lib/report/figures/dots';
import { figure1 } from '../../lib/report/figures/figure-1';
import { figure2 } from '../../lib/report/figures/figure-2';
import { lossFigure } from '../../lib/report/figures/loss';
import { figureA1, tellingPairs } from '../../lib/report/figures/pairs';
import { meanWindow, runningMean, thinned } from '../../lib/report/figures/running-mean';
import { reportParts } from '../../lib/report/parts';
import type { StepRecord } from '../../lib/train/log';
import { parseSvg, shapeBoxes, textBoxes } from '../draw/svg-tree';
import { sampleDecontamination, sampleLog, sampleRecord } from './fixture';

const HOSTILE = ' <script>alert(1)</script> & <b>bold</b> <a href="javascript:alert(2)">x</a>';
const record = sampleRecord();
const hostile = sampleRecord({ hostile: HOSTILE, itemsPerTask: 12 });
/** A benchmark of one's own may have any name. */
const LONG = `our_${'quite_long_'.repeat(9)}exam`;
const longNames = sampleRecord({ tasks: [LONG, `${LONG}_2`, 'pubmedqa'] });
const two = sampleRecord({ tasks: ['medqa_4options', 'pubmedqa'], full: null, facts: false });

/** The record with each run's log replaced. */
function withLogs(log: (method: string) => readonly StepRecord[]): RunRecord {
  const models = record.models.map((model) =>
    model.training ? { ...model, training: { ...model.training, log: log(model.method) } } : model,
  );
  return { ...record, models };
}

const figuresOf = (of: RunRecord, name: string, text = ''): [string, Figure][] =>
  reportParts(of, { decontamination: [sampleDecontamination(of, { hostile: text })] }).figures.map((figure) => [
    `${figure.key}, ${name}`,
    figure,
  ]);

const FIGURES: readonly [string, Figure][] = [
  ...figuresOf(record, 'three seeds'),
  ...figuresOf(hostile, 'markup in every name', HOSTILE),
  ...figuresOf(longNames, 'long names').filter(([name]) => /^(accuracy|figure-1|figure-2|fact)/.test(name)),
  [
    'dots, markup in every name',
    dotsFigure(
      [`a set${HOSTILE}`, `${LONG} ${LONG} ${LONG}`, `many short words ${'of a name '.repeat(30)}`, 'short'],
      [
        { name: 'first & last', values: [1, 2, 3, null] },
        { name: 'second', values: [2, 3, 1, 1] },
      ],
      { key: 'dots', title: 'Dots', subject: record.subject, x: { title: 'share' } },
    ),
  ],
  ...figuresOf(two, 'two tasks, LoRA alone').filter(([name]) => /^(accuracy|figure-2|cost)/.test(name)),
  ['loss, log axis', lossFigure(withLogs(() => sampleLog(2500, 9, 0.12, 100, 2)))!],
  ['loss, a few updates', lossFigure(withLogs(() => sampleLog(3, 3, 2, 3, 4)))!],
  [
    'loss, a long run',
    lossFigure(withLogs((method) => sampleLog(method === 'lora' ? 90_000 : 30_000, 6, 1.8, 1500, 2)))!,
  ],
];
/** Each is drawn once: drawing is what takes the time. */
const drawings = new Map<Figure, Promise<string>>();
function drawn(figure: Figure): Promise<string> {
  const svg = drawings.get(figure) ?? drawSvg(figure);
  drawings.set(figure, svg);
  return svg;
}
/** Plotly takes names as markup. */
const asDrawn = (name: string) => name.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const figureNamed = (name: string) => FIGURES.find(([of]) => of === name)![1];

describe.each(FIGURES)('%s', (_, figure) => {
  it('is drawn well-formed, in its view box, no text over another', async () => {
    const svg = parseSvg(await drawn(figure));
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

  it('names every trace of the legend, its axes and its title', async () => {
    const texts = textBoxes(parseSvg(await drawn(figure))).map(({ text }) => text.trim());
    for (const { name, showlegend } of figure.data) {
      if (showlegend !== false) expect(texts).toContain(asDrawn(name as string));
    }
    for (const [key, value] of Object.entries(figure.layout)) {
      const text = /^[xy]axis\d*$/.test(key) ? (value as { title?: { text: string } }).title?.text : undefined;
      if (text) expect(texts).toContain(text);
    }
    expect(texts.join(' ')).toContain(figure.title.slice(0, 30));
  });
});

describe('drawSvg', () => {
  const [a, b] = [figureNamed('loss, three seeds'), figureNamed('accuracy, three seeds')];

  it('gives the same bytes for the same figure in any order, and shares no id between figures', async () => {
    const [first, other, again] = await Promise.all([drawSvg(a), drawSvg(b), drawSvg(a)]);
    expect(again).toBe(first);
    const ids = (svg: string) => [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
    expect(ids(first!).length).toBeGreaterThan(0);
    expect(ids(first!).filter((id) => ids(other!).includes(id))).toEqual([]);
  });

  it('leaves the globals and the figure as they were', async () => {
    const names = () => Object.getOwnPropertyNames(globalThis).sort();
    const [before, random, figure] = [names(), Math.random, JSON.stringify(a)];
    await drawSvg(a);
    expect(names()).toEqual(before);
    expect(Math.random).toBe(random);
    expect(JSON.stringify(a)).toBe(figure);
  });

  it('goes on after a figure that cannot be drawn', async () => {
    await expect(drawSvg({ ...a, layout: null } as unknown as Figure)).rejects.toThrow();
    expect(await drawSvg(a)).toContain('<svg');
  });

  it.each(FIGURES.filter(([name]) => name.includes('markup')))(
    'shows markup from outside as text: %s',
    async (_, figure) => {
      const svg = await drawn(figure);
      const elements = [...parseSvg(svg).walk()].map(({ element }) => element);
      expect(elements.filter(({ tagName }) => ['script', 'a', 'b', 'foreignObject'].includes(tagName))).toEqual([]);
      const names = elements.flatMap(({ attributes }) => [...attributes.keys()]);
      expect(names.filter((name) => name.endsWith('href') || name.startsWith('on'))).toEqual([]);
      const texts = textBoxes(parseSvg(svg)).map(({ text }) => text);
      expect(texts.join(' ')).toContain('<script>alert(1)</script>');
    },
  );

  it('says the figure in words', async () => {
    expect(await drawSvg(a)).toContain('<desc>LoRA (first of 3 seeds): training loss from ');
  });
});

describe('the figures', () => {
  it('draw the numbers of the logs: a running mean for each seed, the mean of the held-out losses', () => {
    const { data } = lossFigure(record)!;
    const lora = record.models.filter(({ name }) => /^lora-\d/.test(name)).map(({ training }) => training!.log);
    const lines = data.filter(({ mode, line }) => mode === 'lines' && (line as { dash: string }).dash === 'solid');
    expect(lines).toHaveLength(3);
    const losses = lora[1]!.flatMap(({ loss }) => loss ?? []);
    expect((lines[1]!.y as number[])[4]).toBeCloseTo(
      (losses[0]! + losses[1]! + losses[2]! + losses[3]! + losses[4]!) / 5,
      12,
    );
    const held = lora.map((log) => log.flatMap(({ heldOutLoss }) => heldOutLoss ?? []));
    const marks = data.find(({ name }) => name === 'LoRA: held-out')!;
    expect((marks.y as number[])[1]).toBeCloseTo((held[0]![1]! + held[1]![1]! + held[2]![1]!) / 3, 12);
  });

  it('tell the methods apart without colour', () => {
    const { data } = accuracyFigure(record);
    const shapes = data.flatMap(
      ({ marker }) => (marker as { pattern?: { shape: string } } | undefined)?.pattern?.shape ?? [],
    );
    expect(shapes).toEqual(['', '', '/']);
    const lines = lossFigure(record)!.data.flatMap(({ line }) => (line as { dash?: string } | undefined)?.dash ?? []);
    expect(new Set(lines)).toEqual(new Set(['solid', 'dash']));
  });

  it('take a log axis when losses span more than twenty times, and none where there is no loss', () => {
    const axisOf = (figure: Figure | null) => (figure!.layout.yaxis as { type?: string }).type ?? 'linear';
    expect(axisOf(lossFigure(record))).toBe('linear');
    expect(axisOf(figureNamed('loss, log axis'))).toBe('log');
    expect(lossFigure(withLogs(() => [{ step: 1, epoch: 0, loss: Number.NaN }]))).toBeNull();
  });

  it('mark chance and the paper’s values, labelled as of another scale', () => {
    const { data, layout } = accuracyFigure(two);
    expect(data.find(({ name }) => name === 'chance')!.x).toEqual([
      25,
      25,
      null,
      expect.closeTo(100 / 3),
      expect.closeTo(100 / 3),
      null,
    ]);
    expect(data.find(({ name }) => name === 'paper’s 70B, FP-FT')!.x).toEqual([61.5, 76.8]);
    expect(JSON.stringify(layout.annotations)).toContain('another scale');
  });

  it('show the paper’s values beside ours: figure 1 by benchmark, figure 2 by change', () => {
    const right = figure1(record).data.filter(({ xaxis }) => xaxis === 'x2');
    expect(right.map(({ x }) => x)).toEqual([
      [76.7, 70.6, 54.7, 59.1, 75.8, 68.3],
      [76.7, 72.0, 60.9, 61.5, 76.8, 71.9],
    ]);
    const method = sampleDecontamination(record);
    const marks = figure2(record, method).data.find(({ name }) => name === 'paper’s 70B, PE-FT')!;
    expect((marks.x as number[]).slice(0, 3)).toEqual([0.1, 0.3, -0.1]);
  });

  it('show flagged pairs, reworded before copied, the differing words marked; none where none is flagged', () => {
    const method = sampleDecontamination(record);
    const texts = JSON.stringify(figureA1(method)!.layout.annotations);
    expect(texts).toContain('Scurvy');
    expect(texts).toMatch(/<b><span style=[^>]*>a<\/span><\/b>/);
    expect(figureA1({ ...method, pairs: [] })).toBeNull();
    const left = method.pairs.map((pair) => ({
      ...pair,
      itemText: leftOutText(pair.itemId),
      rowText: leftOutText(pair.rowId),
    }));
    const names = JSON.stringify(figureA1({ ...method, pairs: left })!.layout.annotations);
    expect(names).toContain('not their texts');
    expect(names).not.toMatch(/color:|text not kept/);
    expect(names).toContain(tellingPairs(method)[0]!.itemId);
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
