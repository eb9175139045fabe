import type { PaperAudit } from '../../paper/audit/audit';
import type { Verdict } from '../../paper/audit/check';
import type { Cell, Table } from '../table';

/** One sentence: how many printed numbers were recomputed, and what became of them. */
export function auditSummary({ checks }: PaperAudit): string {
  const count = (verdict: Verdict) => checks.filter((check) => check.verdict === verdict).length;
  return (
    `${checks.length} printed numbers recomputed: ${count('agrees')} agree, ${count('rounding')} only by rounding on the way, ` +
    `${count('disagrees')} disagree.`
  );
}

/**
 * The paper's numbers that do not follow from its others, the worst first; below it what no sum refutes.
 *
 * @param verdicts which checks are shown
 */
export function auditTable(audit: PaperAudit, verdicts: readonly Verdict[] = ['disagrees', 'rounding']): Table {
  const shown = verdicts.flatMap((verdict) => audit.checks.filter((check) => check.verdict === verdict));
  return {
    key: 'audit',
    title: 'The paper’s own arithmetic: printed numbers computed again from its other numbers',
    columns: [
      { key: 'table', label: 'Table' },
      { key: 'cell', label: 'cell' },
      { key: 'printed', label: 'printed' },
      { key: 'computed', label: 'computed' },
      { key: 'verdict', label: 'verdict' },
      { key: 'explanation', label: 'what would explain it' },
    ],
    rows: shown.map(({ table, cell, printed, computed, verdict, explanation }) => ({
      cells: [table, cell, printed, computed, verdict, explanation],
    })),
    notes: [
      auditSummary(audit),
      'Rounding: it comes out only if numbers were rounded before they went in. A disagreement is a slip between results ' +
        'and print, or a step that is not described; it does not say which model is better.',
      ...audit.observations.map(({ text }) => text),
    ],
  };
}

/** What the paper's claimed differences are worth, from accuracy and number of items alone. */
export function claimsTable({ differences }: PaperAudit): Table {
  return {
    key: 'claims',
    title: 'The paper’s claimed differences, in points, judged by printed accuracy and number of items alone',
    columns: [
      { key: 'models', label: 'Models' },
      { key: 'task', label: 'task' },
      { key: 'n', label: 'n' },
      { key: 'difference', label: 'difference', digits: 1, signed: true, estimate: true },
      { key: 'z', label: 'z', digits: 2, signed: true },
      { key: 'p', label: 'p', isP: true },
      { key: 'p_holm', label: 'p, Holm', isP: true },
      { key: 'detectable', label: 'detectable', digits: 1 },
    ],
    rows: differences.map(({ from, to, label, n, difference, interval, z, p, pHolm, detectable }) => ({
      cells: [
        `${from} → ${to}`,
        label,
        n,
        { value: 100 * difference, low: 100 * interval[0], high: 100 * interval[1] },
        z,
        p,
        pHolm,
        detectable === null ? null : 100 * detectable,
      ],
    })),
    notes: [
      'Unpaired: who answered which item is not printed, and a paired test would see more. Holm: corrected over the tasks of ' +
        'two models. The others’ accuracies as printed, some few-shot, taken to be of as many items as table A2 has.',
    ],
  };
}

/** How the paper's models did on the flagged items, as far as tables 1, A2 and A3 pin it down. */
export function removedItemsTable({ removed }: PaperAudit): Table {
  const range = ([low, high]: readonly [number, number], show: (value: number) => string): Cell =>
    show(low) === show(high) ? show(low) : `${show(low)} to ${show(high)}`;
  const percent = (share: number) => (100 * share).toFixed(1);
  return {
    key: 'flagged-right',
    title: 'The paper’s flagged items: how many each model must have had right',
    columns: [
      { key: 'task', label: 'Task' },
      { key: 'model', label: 'model' },
      { key: 'removed', label: 'flagged' },
      { key: 'right', label: 'right', align: 'right' },
      { key: 'flagged_accuracy', label: 'flagged, %', align: 'right' },
      { key: 'clean_accuracy', label: 'others, %', align: 'right' },
      { key: 'p_holm', label: 'p, Holm', isP: true },
    ],
    rows: removed.map((one) => ({
      cells: [
        one.label,
        one.column,
        one.removed,
        range(one.right, String),
        range(one.flaggedAccuracy, percent),
        range(one.cleanAccuracy, percent),
        one.pHolm,
      ],
    })),
    notes: [
      'Every count that tables 1, A2 and A3 allow together. p: Fisher’s exact test of flagged against other items, the ' +
        'largest of those counts, corrected over the table. Cells that no counts allow are in the audit.',
    ],
  };
}
