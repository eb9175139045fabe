import type { PaperAudit } from './audit';
import type { AuditCheck, Verdict } from './audit-check';
import type { ClaimedDifference } from './audit-claims';
import { markdownText, plainText } from './escape';

/** Printed with the audit: what it is and what it is not. */
export const AUDIT_NOTE =
  'Recomputed from the printed numbers alone. "Rounding": it comes out only if numbers were rounded before they went in. ' +
  'A disagreement is a slip between results and print, or a step that is not described; it does not say which model is better. ' +
  'Differences are judged by accuracy and number of items alone, so unpaired: answers item by item would tell more.';

const HEADINGS = ['table', 'cell', 'printed', 'computed', 'verdict', 'explanation'] as const;

/** The checks with these verdicts as cells of text; by default those that do not agree, the worst first. */
export function auditRows(
  audit: PaperAudit,
  verdicts: readonly Verdict[] = ['disagrees', 'rounding'],
): Record<(typeof HEADINGS)[number], string>[] {
  return verdicts.flatMap((verdict) =>
    audit.checks
      .filter((check) => check.verdict === verdict)
      .map(({ table, cell, printed, computed, explanation }) => ({
        table,
        cell,
        printed,
        computed,
        verdict,
        explanation,
      })),
  );
}

/** One sentence: how many numbers were recomputed, and what became of them. */
export function auditSummary({ checks }: PaperAudit): string {
  const count = (verdict: AuditCheck['verdict']) => checks.filter((check) => check.verdict === verdict).length;
  return (
    `${checks.length} printed numbers recomputed: ${count('agrees')} agree, ${count('rounding')} only by rounding on the way, ` +
    `${count('disagrees')} disagree.`
  );
}

export function auditToMarkdown(audit: PaperAudit): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |\n`;
  const table = (headings: readonly string[], rows: readonly (readonly string[])[]) =>
    `${line(headings)}| ${headings.map(() => '---').join(' | ')} |\n${rows.map(line).join('')}`;
  return [
    markdownText(auditSummary(audit)),
    table(
      HEADINGS,
      auditRows(audit).map((row) => HEADINGS.map((key) => row[key])),
    ),
    audit.observations.map(({ text }) => `- ${markdownText(text)}\n`).join(''),
    table(DIFFERENCE_HEADINGS, audit.differences.map(differenceCells)),
    `${markdownText(AUDIT_NOTE)}\n`,
  ].join('\n');
}

/** For a terminal: one finding a paragraph, for the cells are too long for columns. */
export function auditToText(audit: PaperAudit): string {
  const findings = auditRows(audit).map(
    ({ table, cell, printed, computed, verdict, explanation }) =>
      `${verdict}: ${table === 'text' ? 'text' : `table ${table}`}, ${cell}: printed ${printed}, computed ${computed}` +
      `${explanation ? ` (${explanation})` : ''}`,
  );
  const differences = audit.differences.map((one) => {
    const [pair, task, n, difference, interval, p, pHolm] = differenceCells(one);
    return `${pair}, ${task} (${n}): ${difference} points, 95% ${interval}, p ${p}, Holm ${pHolm}`;
  });
  const paragraphs = [
    auditSummary(audit),
    ...findings,
    ...audit.observations.map(({ text }) => text),
    ...differences,
    AUDIT_NOTE,
  ];
  return `${paragraphs.map(plainText).join('\n')}\n`;
}

const DIFFERENCE_HEADINGS = ['models', 'task', 'n', 'difference, points', '95% interval', 'p', 'p after Holm'] as const;

function differenceCells(one: ClaimedDifference): string[] {
  const points = (share: number) => `${share < 0 ? '-' : '+'}${Math.abs(100 * share).toFixed(1)}`;
  const [low, high] = one.interval;
  return [
    `${one.from} to ${one.to}`,
    one.label,
    String(one.n),
    points(one.difference),
    `${points(low)} to ${points(high)}`,
    pText(one.p),
    pText(one.pHolm),
  ];
}

function pText(p: number): string {
  return p < 0.001 ? p.toExponential(0) : p.toFixed(p < 0.1 ? 3 : 2);
}
