import { aboutTaughtFacts } from '../compare/items-about';
import { compareModels, type ModelComparison } from '../compare/models';
import type { RunRecord } from '../compare/run-record';
import { checkSameQuestions } from '../compare/runs';
import type { Decontamination } from '../decontaminate/record';
import type { Figure } from '../draw/figure';
import { auditPaper } from '../paper/audit/audit';
import { accuracyFigure } from './figures/accuracy';
import { costFigure } from './figures/cost';
import { factGroupsFigure } from './figures/fact-groups';
import { figure1 } from './figures/figure-1';
import { figure2 } from './figures/figure-2';
import { lossFigure } from './figures/loss';
import { figureA1 } from './figures/pairs';
import { sweepFigure } from './figures/sweep';
import { type Findings, findings } from './findings';
import type { Table } from './table';
import { auditTable, claimsTable, removedItemsTable } from './tables/audit';
import { comparisons } from './tables/comparisons';
import { contaminationEffect } from './tables/contamination-effect';
import { cost } from './tables/cost';
import { decontamination } from './tables/decontamination';
import { factGroups } from './tables/fact-groups';
import { forgetting } from './tables/forgetting';
import { runs } from './tables/runs';
import { constantAnswerTable, requests } from './tables/scoring-checks';
import { assumptions, hyperParameters } from './tables/settings';
import { table1 } from './tables/table-1';
import { tableA1 } from './tables/table-a1';
import { tableA2 } from './tables/table-a2';
import { tableA3 } from './tables/table-a3';

/** What a report needs beside the run's own record. */
export interface ReportExtras {
  /** One for each method that looked for contamination, the one that scores are cleaned by first; none: not looked for. */
  readonly decontamination: readonly Decontamination[];
}

/** Everything a report is made of, computed from saved results alone. */
export interface ReportParts {
  readonly record: RunRecord;
  readonly extras: ReportExtras;
  /** Null when nothing was tuned. */
  readonly comparison: ModelComparison | null;
  readonly findings: Findings;
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
}

/**
 * The tables and figures that a run's results give, in the order of the paper and then of ours.
 *
 * @throws when the record's models were asked different questions
 */
export function reportParts(record: RunRecord, extras: ReportExtras): ReportParts {
  checkSameQuestions(record);
  const comparison = record.models.length > 1 ? compareModels(record) : null;
  const methods = extras.decontamination;
  const [first] = methods;
  const audit = auditPaper();
  const tables: (Table | null)[] = [
    table1(record),
    tableA1(record),
    first ? tableA2(record, methods) : null,
    first ? tableA3(record, first) : null,
    comparison && comparisons(comparison, 'controlled'),
    comparison && comparisons(comparison, 'tuned'),
    comparison && comparisons(comparison, 'paper'),
    factGroups(record),
    runs(record),
    forgetting(record),
    cost(record),
    first ? decontamination(methods) : null,
    first && comparison ? contaminationEffect(aboutTaughtFacts(record), first) : null,
    constantAnswerTable(record),
    requests(record),
    hyperParameters(record),
    assumptions(record, methods),
    auditTable(audit),
    claimsTable(audit),
    removedItemsTable(audit),
  ];
  const figures: (Figure | null)[] = [
    figure1(record),
    first ? figure2(record, first) : null,
    first ? figureA1(first) : null,
    accuracyFigure(record),
    factGroupsFigure(record),
    lossFigure(record),
    costFigure(record),
    ...methods.map(sweepFigure),
  ];
  return {
    record,
    extras,
    comparison,
    findings: findings(record, comparison, first ?? null),
    tables: tables.filter((table) => table !== null),
    figures: figures.filter((figure) => figure !== null),
  };
}
