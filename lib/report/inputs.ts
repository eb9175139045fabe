import { compareModels, type ModelComparison } from '../compare/models';
import type { RunRecord } from '../compare/run-record';
import { checkSameQuestions } from '../compare/runs';
import type { Decontamination } from '../decontaminate/record';
import { auditPaper, type PaperAudit } from '../paper/audit/audit';
import { type Findings, findings } from './findings';

/** What every part of a report is made from. */
export interface ReportInputs {
  readonly record: RunRecord;
  /** One for each detector of contamination, the one that scores are cleaned by first; empty: not looked for. */
  readonly decontamination: readonly Decontamination[];
  /** Null when nothing was tuned. */
  readonly comparison: ModelComparison | null;
  /** The first of `decontamination`. */
  readonly detector: Decontamination | null;
  /** What the numbers say, in words. */
  readonly findings: Findings;
  readonly audit: PaperAudit;
}

/** @throws when the record's models were asked different questions */
export function reportInputs(record: RunRecord, decontamination: readonly Decontamination[]): ReportInputs {
  checkSameQuestions(record);
  const comparison = record.models.length > 1 ? compareModels(record) : null;
  const detector = decontamination[0] ?? null;
  return {
    record,
    comparison,
    decontamination,
    detector,
    findings: findings(record, comparison, detector),
    audit: auditPaper(),
  };
}
