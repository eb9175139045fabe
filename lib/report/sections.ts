import { aboutTaughtFacts } from '../compare/contamination';
import type { Figure } from '../draw/figure';
import { accuracyFigure } from './figures/accuracy';
import { costFigure } from './figures/cost';
import { factGroupsFigure } from './figures/fact-groups';
import { figure1 } from './figures/figure-1';
import { figure2 } from './figures/figure-2';
import { lossFigure } from './figures/loss';
import { figureA1 } from './figures/pairs';
import { sweepFigure } from './figures/sweep';
import type { ReportInputs } from './inputs';
import { pairsHtml } from './page/pairs';
import { ASKED, answer, answerMarkdown, limits, rowsRead, rowsReadMarkdown, whatWasRun } from './page/words';
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

/** A table, a figure, or words: one line of the list below. */
export interface Part {
  /** That of its table or figure, which names their files; where it makes several, theirs begin with it and a hyphen. */
  readonly key: string;
  /** Gives null or an empty list where the run does not have what it shows. A part without it is words alone. */
  readonly make?: (inputs: ReportInputs) => Table | Figure | readonly (Table | Figure | null)[] | null;
  /** The part's HTML where that is not the table or the drawing itself, which `drawn` is ('' where there is none). */
  readonly page?: (inputs: ReportInputs, drawn: string) => string;
  /** The part's Markdown for report.md, as `page` of HTML; a part without it is not in that file. */
  readonly markdown?: (inputs: ReportInputs, drawn: string) => string;
}

export interface Section {
  /** Names its place in the page: report.html#accuracy. */
  readonly id: string;
  readonly title: string;
  readonly parts: readonly Part[];
}

const itself = (_: ReportInputs, drawn: string) => drawn;

/**
 * The report from its first line to its last. This is the only place that says which tables and figures there are and in
 * what order: report.html, report.md, tables/, figures/, exports and notebooks all follow it. A new figure or table is a
 * file of its own and one line here.
 */
export const SECTIONS: readonly Section[] = [
  { id: 'asked', title: 'What was asked', parts: [{ key: 'asked', page: () => ASKED.join('\n') }] },
  { id: 'run', title: 'What was run', parts: [{ key: 'run', page: whatWasRun }] },
  { id: 'answer', title: 'The answer', parts: [{ key: 'answer', page: answer, markdown: answerMarkdown }] },
  {
    id: 'accuracy',
    title: 'Accuracy, beside the paper',
    parts: [
      { key: 'figure-1', make: ({ record }) => figure1(record), markdown: itself },
      { key: 'table-1', make: ({ record }) => table1(record), markdown: itself },
      { key: 'accuracy', make: ({ record }) => accuracyFigure(record) },
    ],
  },
  {
    id: 'differences',
    title: 'Differences between the models',
    parts: [
      {
        key: 'comparisons-controlled',
        make: ({ comparison }) => comparison && comparisons(comparison, 'controlled'),
      },
      { key: 'comparisons', make: ({ comparison }) => comparison && comparisons(comparison, 'tuned') },
      {
        key: 'comparisons-paper-rates',
        make: ({ comparison }) => comparison && comparisons(comparison, 'paper'),
        page: (_, drawn) =>
          drawn && `<details><summary>The same at the paper’s own rates</summary>\n${drawn}\n</details>`,
      },
    ],
  },
  {
    id: 'facts',
    title: 'What was learnt, and what was not',
    parts: [
      { key: 'fact-groups', make: ({ record }) => factGroupsFigure(record) },
      { key: 'fact-groups', make: ({ record }) => factGroups(record) },
    ],
  },
  {
    id: 'training',
    title: 'Training: losses, rates, seeds',
    parts: [
      { key: 'loss', make: ({ record }) => lossFigure(record) },
      { key: 'runs', make: ({ record }) => runs(record) },
    ],
  },
  {
    id: 'price',
    title: 'The price: memory, time, forgetting',
    parts: [
      { key: 'cost', make: ({ record }) => costFigure(record) },
      { key: 'cost', make: ({ record }) => cost(record), markdown: itself },
      { key: 'forgetting', make: ({ record }) => forgetting(record) },
    ],
  },
  {
    id: 'contamination',
    title: 'Contamination',
    parts: [
      { key: 'figure-2', make: ({ record, detector }) => detector && figure2(record, detector) },
      { key: 'table-a2', make: ({ record, decontamination: all }) => (all[0] ? tableA2(record, all) : null) },
      { key: 'table-a3', make: ({ record, detector }) => detector && tableA3(record, detector) },
      {
        key: 'contamination-effect',
        make: ({ record, comparison, detector }) =>
          comparison && detector && contaminationEffect(aboutTaughtFacts(record), detector),
      },
      { key: 'decontamination', make: ({ decontamination: all }) => (all[0] ? decontamination(all) : null) },
      { key: 'sweep', make: ({ decontamination: all }) => all.map(sweepFigure) },
      {
        key: 'figure-a1',
        make: ({ detector }) => detector && figureA1(detector),
        page: ({ detector }) =>
          detector
            ? pairsHtml(detector)
            : '<p>This run did not look for contamination: there are no tables A2 and A3 and no figures 2 and A.1.</p>',
      },
    ],
  },
  {
    id: 'mixture',
    title: 'The training mixture',
    parts: [
      { key: 'table-a1', make: ({ record }) => tableA1(record) },
      { key: 'rows-read', page: rowsRead, markdown: rowsReadMarkdown },
    ],
  },
  {
    id: 'paper',
    title: 'The paper’s own numbers',
    parts: [
      { key: 'claims', make: ({ audit }) => claimsTable(audit) },
      { key: 'audit', make: ({ audit }) => auditTable(audit) },
      { key: 'flagged-right', make: ({ audit }) => removedItemsTable(audit) },
    ],
  },
  {
    id: 'limits',
    title: 'Limits, and what was assumed',
    parts: [
      { key: 'limits', page: limits },
      { key: 'constant-answers', make: ({ record }) => constantAnswerTable(record) },
      { key: 'requests', make: ({ record }) => requests(record) },
      { key: 'hyper-parameters', make: ({ record }) => hyperParameters(record) },
      { key: 'assumptions', make: ({ record, decontamination: all }) => assumptions(record, all) },
    ],
  },
];
