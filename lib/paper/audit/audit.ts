import { auditAccuracy } from './accuracy';
import type { AuditCheck } from './check';
import { type ClaimedAverage, type ClaimedDifference, claimedAverages, claimedDifferences } from './claims';
import { auditContamination } from './contamination';
import { type Observation, observations } from './observations';
import { auditRemoval, type RemovedItems, removedItems } from './removal';
import { PAPER_TABLES, type PaperTables } from './tables';
import { auditTrainingData } from './training-data';

/** What the paper's printed numbers say of one another. */
export interface PaperAudit {
  /** Every number that follows from others, recomputed. */
  readonly checks: readonly AuditCheck[];
  /** Flagged items each model had right, as far as the tables pin them down. */
  readonly removed: readonly RemovedItems[];
  /** The claimed differences, from p and n alone. */
  readonly differences: readonly ClaimedDifference[];
  readonly averages: readonly ClaimedAverage[];
  readonly observations: readonly Observation[];
}

/**
 * The paper's own arithmetic, from its printed numbers alone: sums and percentages (tables A1, A2), whole-number counts
 * and averages (1, A3), what removing the flagged items can and cannot do (A3 against 1 and A2), and what the differences
 * are worth. Nothing is scored, nothing downloaded.
 *
 * A disagreement is a slip somewhere between the authors' results and the print, or a step that was not described; it is
 * not evidence on which models are better.
 *
 * @throws when a row is missing that others rest on, or a share or count is none
 */
export function auditPaper(tables: PaperTables = PAPER_TABLES): PaperAudit {
  const removed = removedItems(tables);
  const differences = claimedDifferences(tables);
  const averages = claimedAverages(tables);
  return {
    checks: [
      ...auditTrainingData(tables),
      ...auditAccuracy(tables),
      ...auditContamination(tables),
      ...auditRemoval(tables),
    ],
    removed,
    differences,
    averages,
    observations: observations(tables, differences, averages, removed),
  };
}
