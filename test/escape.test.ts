import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawSvg } from '../lib/draw/svg';
import { csvField, markdownText, plainText, plotlyText, terminalText } from '../lib/escape';

/** Controls of a terminal, U+202E and its like; by number, and tabs and line breaks apart. */
const RANGES = [
  [0, 8],
  [11, 12],
  [14, 31],
  [127, 159],
  [0x61c, 0x61c],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
];
const unseenIn = (text: string): string[] =>
  [...text].filter((one) => RANGES.some(([low, high]) => one.codePointAt(0)! >= low! && one.codePointAt(0)! <= high!));
const anyText = fc.string({ unit: 'binary', maxLength: 40 });
/** Characters that formats and spreadsheets read, many of them in one text. */
const hostile = fc.string({
  unit: fc.constantFrom(...'=+-@\t\r\n"\',;$|<>&\\`*_[]~#\u001b\u0000\u202e\u2066 a1.e%'),
  maxLength: 12,
});
const texts = fc.oneof(anyText, hostile);

/** As a program that reads CSV sees the cell. */
const read = (field: string): string =>
  (parse(`${field},end\r\n`, { relax_column_count: true }) as string[][]).map((row) => row[0])[0]!;

describe('a CSV cell', () => {
  test.each([
    ['=1+1', "'=1+1"],
    ['+SUM(A1)', "'+SUM(A1)"],
    ['-2+3', "'-2+3"],
    ['@now()', "'@now()"],
    ['\t=1+1', '"\t\'=1+1"'],
    ['＝1+1', "'＝1+1"],
    ['=HYPERLINK("http://x";"y")', '"\'=HYPERLINK(""http://x"";""y"")"'],
    ['a;=1+1', '"a;\'=1+1"'],
    ['a;" =1+1', '"a;"" \'=1+1"'],
    ['a\n=1+1', '"a\n\'=1+1"'],
    ['- a list', "'- a list"],
    ['-0.5', '-0.5'],
    ['+1.5e-3', '+1.5e-3'],
    ['plain', 'plain'],
    ['two\nlines', '"two\nlines"'],
    ['\u202egpj.exe', ' gpj.exe'],
    ['a\u001b[2Jb', 'a [2Jb'],
  ])('%j', (text, field) => {
    expect(csvField(text)).toBe(field);
  });

  test('of a number is that number', () => {
    expect([-0.04, 1e-7, 12, null].map(csvField)).toEqual(['-0.04', '1e-7', '12', '']);
  });

  test('is one cell again, never computed, and holds nothing that cannot be seen', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const field = csvField(text);
        expect(unseenIn(field)).toEqual([]);
        const cell = read(field);
        if (/^\s*[=+\-@]/.test(cell)) expect(Number.isNaN(Number(cell))).toBe(false);
        const visible = text.replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu, (c) => (/[\t\r\n]/.test(c) ? c : ' '));
        const without = (one: string) => one.replaceAll("'", '');
        expect(without(cell)).toBe(without(visible));
        for (const piece of field.split(/[;\t\r\n]/).slice(1)) expect(piece).not.toMatch(/^[\s"]*[=+\-@]/);
      }),
    );
  });
});

test('no form of text holds a control character or one of direction', () => {
  fc.assert(
    fc.property(texts, (text) => {
      for (const form of [plainText, markdownText, plotlyText, terminalText]) expect(unseenIn(form(text))).toEqual([]);
    }),
  );
});

test('what is printed shows such characters by their code, so that a line of JSON stays what it is', () => {
  expect(terminalText('a\u001b[31mb\u202ec\td\n')).toBe('a\\u001b[31mb\\u202ec\td\n');
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(terminalText(JSON.stringify(value)))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a dollar begins no formula: in Markdown it stands apart, in a figure it is drawn as it is', async () => {
  expect(markdownText('costs $5, not $6')).toBe('costs <span>\\$</span>5, not <span>\\$</span>6');
  expect(plotlyText('$x^2$')).toBe('&#36;x^2&#36;');
  const svg = await drawSvg({
    name: 'dollar',
    title: 'A figure',
    description: 'one bar',
    data: [{ type: 'bar', x: [plotlyText('$x^2$')], y: [1] }],
    layout: { width: 300, height: 200 },
  } as never);
  expect(svg).toContain('$x^2$');
});
