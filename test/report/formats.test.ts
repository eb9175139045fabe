import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { latexText } from '../../lib/escape';
import { reportParts } from '../../lib/report/parts';
import { cellText, type Table } from '../../lib/report/table';
import { tableToCsv, tableToHtml, tableToLatex, tableToMarkdown, tableToText } from '../../lib/report/table-formats';
import { sampleDecontamination, sampleRecord } from './fixture';

const TABLE: Table = {
  key: 'sample',
  title: 'Table A1. A & B, 50% <b>',
  columns: [
    { key: 'name', label: 'Name' },
    { key: 'n', label: 'n', group: 'Ours' },
    { key: 'accuracy', label: 'accuracy', group: 'Ours', digits: 1, estimate: true },
    { key: 'change', label: 'change', digits: 1, signed: true },
    { key: 'p', label: 'p', isP: true },
  ],
  rows: [
    {
      level: 'whole',
      cells: ['all, "quoted"', 12345, { value: 45.123456, low: 40.2, high: 50.06, atChance: true }, -0.04, 0.00001],
    },
    { level: 'part', cells: ['line\nbreak | <i>', null, null, -1.26, 0.5] },
  ],
  notes: ['A note.'],
};

describe('the formats of a table', () => {
  it('CSV: numbers in full, an estimate in three columns, RFC 4180 quotes', () => {
    expect(tableToCsv(TABLE)).toBe(
      'name,n,accuracy,accuracy_low,accuracy_high,change,p\r\n' +
        '"all, ""quoted""",12345,45.123456,40.2,50.06,-0.04,0.00001\r\n' +
        '"line\nbreak | <i>",,,,,-1.26,0.5\r\n',
    );
  });

  it('Markdown: one line a row, borders and markup escaped', () => {
    const text = tableToMarkdown(TABLE);
    expect(text).toContain('| Name | Ours, n | Ours, accuracy | change | p |\n| --- | ---: | ---: | ---: | ---: |\n');
    expect(text).toContain('| all, "quoted" | 12,345 | 45.1 \\[40.2, 50.1\\]\\* | 0.0 | &lt;0.001 |');
    expect(text).toContain('| - line break \\| &lt;i&gt; | – | – | −1.3 | 0.500 |');
  });

  it('HTML: headings with their groups, text escaped', () => {
    const html = tableToHtml(TABLE);
    expect(html).toContain('<figcaption>Table A1. A &amp; B, 50% &lt;b&gt;</figcaption>');
    expect(html).toContain('<th scope="colgroup" colspan="2">Ours</th>');
    expect(html).toContain('<td class="n">45.1 <span class="ci">[40.2, 50.1]*</span></td>');
    expect(html).not.toMatch(/<[bi]>/);
  });

  it('text: columns aligned, no line wider than the table but for notes', () => {
    const lines = tableToText(TABLE).split('\n');
    expect(lines[2]).toMatch(/^Name +Ours, n +Ours, accuracy +change +p$/);
    expect(new Set(lines.slice(2, 6).map((line) => line.length)).size).toBe(1);
  });

  it('LaTeX: booktabs, groups over rules, the paper’s number at the end of the caption', () => {
    const tex = tableToLatex(TABLE);
    expect(tex).toContain('\\begin{tabular}{lrrrr}\n\\toprule\n');
    expect(tex).toContain(
      '\\multicolumn{1}{c}{} & \\multicolumn{2}{c}{Ours} & \\multicolumn{2}{c}{} \\\\\n\\cmidrule(lr){2-3}',
    );
    expect(tex).toContain("\\caption{A \\& B, 50\\% \\textless{}b\\textgreater{} (the paper's table A1)}");
    expect(tex).toContain('\\quad line break \\textbar{} \\textless{}i\\textgreater{} & -- & -- & $-$1.3 & 0.500 \\\\');
  });

  it('numbers: a true minus, no sign at zero, thousands', () => {
    expect(cellText(-1234.56, { digits: 1 })).toBe('−1,234.6');
    expect(cellText(0.04, { digits: 1, signed: true })).toBe('0.0');
    expect(cellText(0.05, { digits: 1, signed: true })).toBe('+0.1');
    expect(cellText(null, {})).toBe('–');
  });
});

describe('latexText', () => {
  it('escapes what LaTeX reads as commands, and writes the rest in ASCII', () => {
    expect(latexText('100% & #1_$x^2 ~ {a} \\n')).toBe(
      '100\\% \\& \\#1\\_\\$x\\textasciicircum{}2 \\textasciitilde{} \\{a\\} \\textbackslash{}n',
    );
    expect(latexText('Müller — α ≥ 0.8 → 中')).toBe('M\\"{u}ller --- $\\alpha$ $\\ge$ 0.8 $\\rightarrow$ [U+4E2D]');
    for (let code = 0; code < 0x3000; code++) expect(latexText(String.fromCodePoint(code))).toMatch(/^[ -~]*$/);
  });
});

const hasLatex = spawnSync('pdflatex', ['--version']).status === 0;

/** Debian: texlive-latex-base and texlive-latex-recommended, which has booktabs. */
describe.skipIf(!hasLatex)('pdflatex', () => {
  it('compiles every table of a run, hostile text and every character among them', () => {
    const hostile = ' \\input{/etc/passwd} \\end{tabular} $ % & # _ ^ ~ { } < > | " ` \' é ß 中 ≥';
    const record = sampleRecord({ hostile });
    const { tables } = reportParts(record, { decontamination: [sampleDecontamination(record, { hostile })] });
    const characters = Array.from({ length: 0x250 }, (_, code) => String.fromCodePoint(code)).join(' ');
    const all = [...tables, { ...TABLE, notes: [characters] }];
    const folder = mkdtempSync(join(tmpdir(), 'latex-'));
    try {
      const body = all.map((table) => `${tableToLatex(table)}\\clearpage`).join('\n');
      const preamble = '\\documentclass{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}\n';
      writeFileSync(join(folder, 'all.tex'), `${preamble}${body}\\end{document}\n`);
      const options = { cwd: folder, stdio: 'pipe' } as const;
      execFileSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', 'all.tex'], options);
      expect(readFileSync(join(folder, 'all.log'), 'utf8')).not.toMatch(/Missing character/);
      expect(readFileSync(join(folder, 'all.pdf')).subarray(0, 5).toString()).toBe('%PDF-');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
