import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { svgToPdf } from '../../lib/draw/pdf';
import { svgToPng } from '../../lib/draw/png';
import { saveFigure } from '../../lib/draw/save';
import { drawSvg } from '../../lib/draw/svg';
import { exportRun } from '../../lib/report/export-run';
import { accuracyFigure } from '../../lib/report/figures/accuracy';
import { sampleDecontamination, sampleRecord } from '../report/fixture';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pictures-'));
});
afterAll(() => rm(folder, { recursive: true }));

const record = sampleRecord({ tasks: ['medqa_4options', 'pubmedqa'] });
const figure = accuracyFigure(record);
const square = (inside: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" viewBox="0 0 200 100">${inside}</svg>`;
const size = (png: Buffer) => [png.readUInt32BE(16), png.readUInt32BE(20)];

describe('svgToPng', () => {
  it('draws text without any font of the machine', async () => {
    const text = (family: string) =>
      svgToPng(square(`<text x="10" y="50" style="font-family: ${family}; font-size: 30px">Wq</text>`));
    const [empty, drawn, unknown] = await Promise.all([svgToPng(square('')), text('sans-serif'), text('NoSuchFont')]);
    expect(drawn.length).toBeGreaterThan(1.5 * empty.length);
    expect(unknown.equals(drawn)).toBe(true);
  });

  it('scales, and gives the same bytes for the same figure', async () => {
    const svg = await drawSvg(figure);
    const [one, again] = [await svgToPng(svg), await svgToPng(svg)];
    expect(size(one)).toEqual([2 * figure.layout.width, 2 * figure.layout.height]);
    expect(again.equals(one)).toBe(true);
    expect(size(await svgToPng(svg, 1))).toEqual([figure.layout.width, figure.layout.height]);
  });
});

describe('svgToPdf', () => {
  /** The page's operators. */
  const contentOf = (pdf: Buffer): string => {
    const text = pdf.toString('latin1');
    const at = text.indexOf('stream\n', text.indexOf('4 0 obj')) + 'stream\n'.length;
    return inflateSync(pdf.subarray(at, text.indexOf('\nendstream', at))).toString('latin1');
  };

  it('writes paths, colours, dashes, opacity and clips as PDF has them', async () => {
    const svg = square(
      '<defs><clipPath id="c"><rect width="50" height="50"/></clipPath></defs>' +
        '<g clip-path="url(#c)"><rect x="10" y="20" width="30" height="40" fill="#ff0000" fill-opacity="0.5"/></g>' +
        '<path d="M0 0 L100 0" stroke="#0000ff" stroke-width="3" stroke-dasharray="4 2"/>',
    );
    const pdf = await svgToPdf(svg, 'Größe');
    const text = pdf.toString('latin1');
    expect(text).toContain('/MediaBox [0 0 150 75]');
    expect(text).toContain('/Title <FEFF0047007200F600DF0065>');
    const content = contentOf(pdf);
    expect(content.startsWith('0.75 0 0 -0.75 0 75 cm\n')).toBe(true);
    expect(content).toContain('1 0 0 rg\n10 20 m\n40 20 l\n40 60 l\n10 60 l\nh\nf\n');
    expect(content).toContain('W n\n');
    expect(content).toMatch(/0 0 1 RG 3 w 0 J 0 j 4 M \[4 2\] 0 d\n0 0 m\n100 0 l\nS\n/);
    expect(text).toMatch(/\/G0 << \/ca 0\.5 \/CA 1 >>/);
  });

  it('writes a cross-reference table that points at every object', async () => {
    const pdf = await svgToPdf(await drawSvg(figure), figure.title);
    const text = pdf.toString('latin1');
    const start = Number(/startxref\n(\d+)\n/.exec(text)![1]);
    const rows = [...text.slice(start).matchAll(/^(\d{10}) 00000 n $/gm)].map(([, at]) => Number(at));
    expect(rows.length).toBeGreaterThan(5);
    rows.forEach((at, i) => {
      expect(text.slice(at, at + 10)).toContain(`${i + 1} 0 obj`);
    });
    const names = [...contentOf(pdf).matchAll(/\/([PG]\d+) (?:scn|gs)/g)].map(([, name]) => name!);
    expect(names.filter((name) => !text.includes(`/${name} `))).toEqual([]);
    expect(names.some((name) => name.startsWith('P'))).toBe(true);
    expect((await svgToPdf(await drawSvg(figure), figure.title)).equals(pdf)).toBe(true);
  });

  it('refuses what it cannot write', async () => {
    const gradient =
      '<defs><linearGradient id="g"><stop offset="0" stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient></defs>' +
      '<rect width="50" height="50" fill="url(#g)"/>';
    await expect(svgToPdf(square(gradient), '')).rejects.toThrow(
      /cannot write <linearGradient>; save the figure as SVG or PNG/,
    );
    await expect(svgToPdf(square('<g opacity="0.5"><rect width="9" height="9"/></g>'), '')).rejects.toThrow(
      /cannot write <g opacity>/,
    );
  });
});

describe('saveFigure', () => {
  it('chooses the format by the name', async () => {
    const starts = { 'a.svg': '<svg', 'a.PNG': '\x89PNG', 'a.pdf': '%PDF-', 'a.json': '{' };
    for (const [name, start] of Object.entries(starts)) {
      await saveFigure(figure, join(folder, name));
      expect((await readFile(join(folder, name))).toString('latin1').startsWith(start), name).toBe(true);
    }
    await expect(saveFigure(figure, join(folder, 'a.gif'))).rejects.toThrow(
      /must end in one of .svg, .png, .pdf, .json/,
    );
  });
});

describe('exportRun', () => {
  it('writes every figure and table in every format, and nothing else', async () => {
    const out = join(folder, 'export');
    const steps: number[] = [];
    const made = await exportRun(record, { decontamination: [sampleDecontamination(record)] }, out, (done) =>
      steps.push(done),
    );
    const names = (keys: readonly string[], extensions: readonly string[]) =>
      keys.flatMap((key) => extensions.map((extension) => `${key}.${extension}`)).sort();
    expect((await readdir(join(out, 'figures'))).sort()).toEqual(names(made.figures, ['svg', 'png', 'pdf']));
    expect((await readdir(join(out, 'tables'))).sort()).toEqual(
      [...names(made.tables, ['csv', 'md', 'tex']), 'all.tex'].sort(),
    );
    expect(made.figures).toEqual(
      expect.arrayContaining(['figure-1', 'figure-2', 'figure-a1', 'loss', 'cost', 'sweep-0']),
    );
    expect(steps).toEqual(Array.from({ length: made.figures.length + made.tables.length }, (_, i) => i + 1));
  });
});
