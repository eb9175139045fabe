import type { PaperAudit } from '../audit';
import { AUDIT_NOTE, auditRows, auditSummary } from '../audit-text';
import type { Table } from '../table';

/** The paper's printed numbers that do not follow from one another. */
export function auditTable(audit: PaperAudit): Table {
  return {
    key: 'audit',
    title: 'The paper’s own arithmetic: printed numbers that do not follow from the others',
    columns: [
      { key: 'table', label: 'Table' },
      { key: 'cell', label: 'cell' },
      { key: 'printed', label: 'printed', align: 'right' },
      { key: 'computed', label: 'computed', align: 'right' },
      { key: 'verdict', label: 'verdict' },
      { key: 'explanation', label: 'what would explain it' },
    ],
    rows: auditRows(audit).map((row) => ({
      cells: [row.table, row.cell, row.printed, row.computed, row.verdict, row.explanation],
    })),
    notes: [auditSummary(audit), AUDIT_NOTE],
  };
}

/** What the paper's claimed differences are worth, from its accuracies and numbers of items alone. */
export function claimsTable({ differences }: PaperAudit): Table {
  return {
    key: 'claims',
    title: 'The paper’s claimed differences, from printed accuracies and numbers of items alone (unpaired)',
    columns: [
      { key: 'models', label: 'Models, 70B' },
      { key: 'dataset', label: 'dataset' },
      { key: 'n', label: 'n' },
      { key: 'difference', label: 'difference, points', digits: 1, signed: true, estimate: true },
      { key: 'p', label: 'p', isP: true },
      { key: 'p_holm', label: 'p, Holm', isP: true },
    ],
    rows: differences.map(({ from, to, label, n, difference, interval: [low, high], p, pHolm }) => ({
      cells: [`${from} → ${to}`, label, n, { value: 100 * difference, low: 100 * low, high: 100 * high }, p, pHolm],
    })),
    notes: ['Holm’s correction over the tasks of two models. Paired answers, which are not printed, could show more.'],
  };
}
