import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Figure } from '../../lib/draw/figure';
import { exportRun } from '../../lib/report/export-run';
import { figure1 } from '../../lib/report/figures/figure-1';
import { reportParts } from '../../lib/report/parts';
import { type Part, SECTIONS, type Section } from '../../lib/report/sections';
import type { Table } from '../../lib/report/table';
import { writeReport } from '../../lib/report/write-report';
import { sampleDecontamination, sampleRecord } from './fixture';

const record = sampleRecord({ tasks: ['medqa_4options'], seeds: [42], itemsPerTask: 12 });
const decontamination = [sampleDecontamination(record)];

const newTable: Table = {
  key: 'new-table',
  title: 'Table of the test',
  columns: [{ key: 'a', label: 'A' }],
  rows: [{ cells: ['cell of the test'] }],
  notes: [],
};
const newFigure: Figure = { ...figure1(record), key: 'new-figure', title: 'Figure of the test' };

/** The report's list with lines at the end of one section. */
const withLines = (id: string, ...lines: readonly Part[]): readonly Section[] =>
  SECTIONS.map((section) => (section.id === id ? { ...section, parts: [...section.parts, ...lines] } : section));

describe('a line of the section list', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sections-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const itself: Part['markdown'] = (_, drawn) => drawn;

  it('is all that a new table and a new figure need: page, Markdown, files and exports have them', async () => {
    const sections = withLines(
      'price',
      { key: 'new-table', make: () => newTable, markdown: itself },
      { key: 'new-figure', make: () => newFigure, markdown: itself },
    );
    const [report, exported] = [join(folder, 'report'), join(folder, 'export')];
    await writeReport(record, { decontamination, sections }, report);
    await exportRun(record, { decontamination, sections }, exported);
    const html = await readFile(join(report, 'report.html'), 'utf8');
    const section = html.slice(html.indexOf('<section id="price">'), html.indexOf('<section id="contamination">'));
    expect(section).toContain('cell of the test');
    expect(section).toContain('<figure id="drawing-new-figure">');
    expect(section.indexOf('cell of the test')).toBeGreaterThan(section.indexOf('What training took'));
    const markdown = await readFile(join(report, 'report.md'), 'utf8');
    expect(markdown).toContain('cell of the test');
    expect(markdown).toContain('![New figure](figures/new-figure.svg)');
    expect(await readFile(join(report, 'tables', 'new-table.csv'), 'utf8')).toBe('a\r\ncell of the test\r\n');
    const files = [...(await readdir(report, { recursive: true })), ...(await readdir(exported, { recursive: true }))];
    expect(files.filter((name) => name.includes('/new-')).sort()).toEqual(
      [
        ...['csv', 'json', 'csv', 'md', 'tex'].map((extension) => `tables/new-table.${extension}`),
        ...['svg', 'png', 'svg', 'png', 'pdf'].map((extension) => `figures/new-figure.${extension}`),
      ].sort(),
    );
    expect(await readFile(join(exported, 'tables', 'all.tex'), 'utf8')).toContain('\\input{new-table.tex}');
  }, 60_000);

  it('gives its table the place of the line', () => {
    const { tables } = reportParts(record, {
      decontamination,
      sections: withLines('differences', { key: 'new-table', make: () => newTable }),
    });
    const keys = tables.map(({ key }) => key);
    expect(keys.slice(keys.indexOf('new-table') - 1, keys.indexOf('new-table') + 2)).toEqual([
      'comparisons-paper-rates',
      'new-table',
      'fact-groups',
    ]);
  });

  it('that gives nothing leaves no trace', () => {
    const sections = withLines('price', { key: 'none', make: () => null }, { key: 'empty', make: () => [null] });
    const plain = reportParts(record, { decontamination });
    const { tables, figures } = reportParts(record, { decontamination, sections });
    expect({ tables, figures }).toEqual({ tables: plain.tables, figures: plain.figures });
  });

  it('whose table has another key, or the key of another table, is refused by name', () => {
    const of = (...lines: readonly Part[]) =>
      reportParts(record, { decontamination, sections: withLines('price', ...lines) });
    expect(() => of({ key: 'other', make: () => newTable })).toThrow('"other"');
    expect(() => of({ key: 'cost', make: () => ({ ...newTable, key: 'cost' }) })).toThrow(
      'two of the section list\'s tables have the key "cost"',
    );
    expect(() => of({ key: 'new', make: () => [newTable, { ...newTable, key: 'new-2' }] })).not.toThrow();
  });
});

it('every section has a place of its own, and the report follows their order', () => {
  const ids = SECTIONS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const { sections } = reportParts(record, { decontamination });
  expect(sections.map(({ id }) => id)).toEqual(ids);
});
