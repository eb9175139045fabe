import type { Decontamination } from '../../decontaminate/record';
import { escapeHtml } from '../../escape';
import { tellingPairs } from '../../report/figures/pairs';
import { pairsHtml } from '../../report/page/pairs';
import { answer, limits } from '../../report/page/words';
import type { ReportParts } from '../../report/parts';
import type { Table } from '../../report/table';
import { tableToHtml, tableToText } from '../../report/table-formats';
import { showHtml } from './show';
import { showFigure } from './show-figure';

/** What the page's style sheet says of its classes, for a place that has no style sheet. */
const INLINE: readonly (readonly [string, string])[] = [
  ['<figcaption>', '<figcaption style="font-weight:600;margin-bottom:.4em">'],
  ['<div class="scroll" tabindex="0">', '<div style="overflow-x:auto">'],
  ['<th scope="col" class="n">', '<th scope="col" style="text-align:right">'],
  [' class="n"', ' style="text-align:right;white-space:nowrap"'],
  ['<th scope="rowgroup"', '<th scope="rowgroup" style="text-align:left"'],
  ['<th scope="colgroup"', '<th scope="colgroup" style="text-align:center;border-bottom:1px solid #999"'],
  ['<th scope="row"', '<th scope="row" style="text-align:left;font-weight:inherit;white-space:nowrap"'],
  ['<th scope="col">', '<th scope="col" style="text-align:left">'],
  ['<tr class="whole">', '<tr style="font-weight:600">'],
  [
    '<tr class="part"><th scope="row" style="',
    '<tr style="font-weight:400"><th scope="row" style="padding-left:1.6em;',
  ],
  ['<span class="ci">', '<span style="opacity:.75;font-weight:400">'],
  ['<p class="note">', '<p style="font-size:.86em;opacity:.8;max-width:60em;margin:.3em 0">'],
  ['<td>', '<td style="text-align:left;vertical-align:top">'],
  ['<mark>', '<mark style="background:#fdeee4;color:#a63f00;font-weight:600">'],
];

const inlined = (html: string): string => INLINE.reduce((text, [from, to]) => text.replaceAll(from, to), html);

/** Shows a table of the report with its notes. */
export function showReportTable(table: Table): void {
  showHtml(inlined(tableToHtml(table)), tableToText(table));
}

/** Shows the report's tables with these keys; in place of one that the run does not give, a line that says so. */
export function showTables(parts: ReportParts, ...keys: readonly string[]): void {
  for (const key of keys) {
    const table = parts.tables.find((one) => one.key === key);
    if (table) showReportTable(table);
    else showMissing('table', key, parts.tables);
  }
}

/** Shows the report's figures with these keys; in place of one that the run does not give, a line that says so. */
export async function showFigures(parts: ReportParts, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const figure = parts.figures.find((one) => one.key === key);
    if (figure) await showFigure(figure);
    else showMissing('figure', key, parts.figures);
  }
}

function showMissing(kind: 'table' | 'figure', key: string, others: readonly { readonly key: string }[]): void {
  const text = `This run gives no ${kind} "${key}". It has: ${others.map((one) => one.key).join(', ')}.`;
  showHtml(`<p><i>${escapeHtml(text)}</i></p>`, text);
}

/** Shows flagged pairs, training row beside evaluation item, with the words marked that the other side has not. */
export function showPairs(detector: Decontamination, count = 4): void {
  const pairs = tellingPairs(detector).slice(0, count);
  const lines = pairs.map(({ cosine, rowText, itemText }) => `${cosine.toFixed(3)}\n  ${rowText}\n  ${itemText}`);
  showHtml(inlined(pairsHtml(detector, count, count)), lines.join('\n\n') || 'No item was flagged.');
}

/** Shows what the run's numbers say in words, and their limits. */
export function showFindings(parts: ReportParts): void {
  const { answer: sentences, checks } = parts.findings;
  showHtml(
    `${inlined(answer(parts))}\n${limits(parts)}`,
    [...sentences, ...checks.map((one) => `- ${one}`)].join('\n'),
  );
}
