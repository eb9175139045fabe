import { MODELS, type Subject } from './compared';
import { csvField, markdownText, plainText } from './escape';
import type { Accuracy, ResultsRow } from './results-table';

/** What a reader must know before comparing two columns; printed under the table. */
export const TABLE_NOTE =
  'Accuracy in % with its 95% interval (Wilson; of an average, ±1.96 standard errors). ' +
  '* at chance: the chance level lies in the interval, so the model may as well be guessing. ' +
  'The two last columns are the paper’s, of Llama-2 70B: another scale of model, to be read for the direction of the difference, ' +
  'not as a target. Truncated: share of items whose question was cut to fit.';

const HEADINGS = ['task', 'n', 'base', 'LoRA', 'full', 'chance', 'truncated', 'PE-FT 70B', 'FP-FT 70B'];

/**
 * The table as CSV after RFC 4180, one header line, CRLF, numbers in full and in percent, empty where there is none.
 * What was run stands in the last three columns, so that tables of several runs can be put under one another.
 */
export function tableToCsv(rows: readonly ResultsRow[], { model, data, device }: Subject): string {
  const ofModel = MODELS.flatMap((name) =>
    ['acc', 'low', 'high', 'stderr', 'at_chance'].map((part) => `${name}_${part}`),
  );
  const paper = ['paper_pe_ft_70b', 'paper_fp_ft_70b'];
  const header = [
    'key',
    'label',
    'missing_tasks',
    'n',
    ...ofModel,
    'chance',
    'truncated',
    ...paper,
    'model',
    'data',
    'device',
  ];
  const lines = rows.map((row) => [
    ...[row.key, row.label, row.missing, row.n],
    ...MODELS.flatMap((name) => csvCells(row[name])),
    ...[row.chance, row.truncated, row.paperPeFt, row.paperFpFt],
    ...[model, data, device],
  ]);
  return [header, ...lines].map((cells) => `${cells.map(csvField).join(',')}\r\n`).join('');
}

function csvCells(accuracy: Accuracy | null): (string | number | null)[] {
  if (!accuracy) return [null, null, null, null, null];
  const { value, low, high, stderr, atChance } = accuracy;
  return [value, low, high, stderr, atChance ? 'yes' : 'no'];
}

/** The table as Markdown, with what was run above and the note below. */
export function tableToMarkdown(rows: readonly ResultsRow[], { model, data, device }: Subject): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const rule = HEADINGS.map((_, i) => (i === 0 ? '---' : '---:'));
  const body = rows.map((row) => line(textCells(row).map(markdownText))).join('');
  const subject = [model, data, device].map(markdownText).join(' · ');
  return `${subject}\n\n${line(HEADINGS)}${line(rule)}${body}\n${markdownText(TABLE_NOTE)}\n`;
}

/** The table for a terminal: columns aligned, lines no longer than they need be, the note wrapped to the table's width. */
export function tableToText(rows: readonly ResultsRow[], { model, data, device }: Subject): string {
  const cells = [HEADINGS, ...rows.map(textCells)];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const line = (texts: readonly string[]) =>
    `${texts.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  ')}\n`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  const body = cells.slice(1).map(line).join('');
  const width = rule.length - 1;
  const subject = lines([model, data, device].map(plainText).join(' · '), width);
  return `${subject}\n${line(HEADINGS)}${rule}${body}\n${lines(TABLE_NOTE, width)}`;
}

function textCells(row: ResultsRow): string[] {
  const label = row.missing > 0 ? `${row.label}, ${row.missing} not scored` : row.label;
  return [
    // An average heads the tasks it is of.
    row.key.startsWith('mmlu_') || row.key.startsWith('usmle_') ? `- ${label}` : label,
    String(row.n),
    ...MODELS.map((name) => accuracyText(row[name])),
    ...[row.chance, row.truncated, row.paperPeFt, row.paperFpFt].map((value) => value.toFixed(1)),
  ];
}

function accuracyText(accuracy: Accuracy | null): string {
  if (!accuracy) return '-';
  const { value, low, high, atChance } = accuracy;
  return `${value.toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}]${atChance ? '*' : ' '}`.trimEnd();
}

function lines(text: string, width: number): string {
  let column = 0;
  const words = text.split(' ').map((word, i) => {
    const fits = column + word.length + 1 <= width;
    column = i === 0 || !fits ? word.length : column + word.length + 1;
    return i === 0 ? word : `${fits ? ' ' : '\n'}${word}`;
  });
  return `${words.join('')}\n`;
}
