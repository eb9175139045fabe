import type { RunRecord } from '../compare/run-record';
import type { Decontamination } from '../decontaminate/record';
import type { Figure } from '../draw/figure';
import { type ReportInputs, reportInputs } from './inputs';
import { type Part, SECTIONS, type Section } from './sections';
import type { Table } from './table';

/** What a report needs beside the run's own record. */
export interface ReportExtras {
  /** One for each detector of contamination, the one that scores are cleaned by first; empty: not looked for. */
  readonly decontamination: readonly Decontamination[];
  /** Default: `SECTIONS`. */
  readonly sections?: readonly Section[];
}

/** A line of the section list with what it gave. */
export interface MadePart extends Part {
  readonly made: readonly (Table | Figure)[];
}

export interface MadeSection extends Section {
  readonly parts: readonly MadePart[];
}

/** Everything a report is made of, computed from saved results alone. */
export interface ReportParts extends ReportInputs {
  readonly sections: readonly MadeSection[];
  /** All tables, in the sections' order. */
  readonly tables: readonly Table[];
  /** All figures, in the sections' order. */
  readonly figures: readonly Figure[];
}

/**
 * The tables and figures that a run's results give, in the order of the section list.
 *
 * @throws when the record's models were asked different questions, a line of the list makes a table or figure of another
 *   key, or two tables or two figures have one key
 */
export function reportParts(
  record: RunRecord,
  { decontamination, sections: list = SECTIONS }: ReportExtras,
): ReportParts {
  const inputs = reportInputs(record, decontamination);
  const sections = list.map((section) => ({
    ...section,
    parts: section.parts.map((part) => ({ ...part, made: madeOf(part, inputs) })),
  }));
  const all = sections.flatMap(({ parts }) => parts.flatMap(({ made }) => made));
  const tables = all.filter(isTable);
  const figures = all.filter((one): one is Figure => !isTable(one));
  checkKeys('tables', tables);
  checkKeys('figures', figures);
  return { ...inputs, sections, tables, figures };
}

export function isTable(one: Table | Figure): one is Table {
  return 'rows' in one;
}

/** @throws when a key is not the line's: its file would not be found by the name in the list */
function madeOf({ key, make }: Part, inputs: ReportInputs): (Table | Figure)[] {
  const made = [make?.(inputs) ?? []].flat().filter((one) => one !== null);
  const other = made.find((one) => one.key !== key && !one.key.startsWith(`${key}-`));
  if (other) {
    throw new Error(
      `report: the line "${key}" of the section list must make a table or figure with the key "${key}", or one that begins with "${key}-"; it made "${other.key}". Give both one key`,
    );
  }
  return made;
}

/** @throws when one file would be written over another */
function checkKeys(kind: 'tables' | 'figures', all: readonly (Table | Figure)[]): void {
  const twice = all.find(({ key }, i) => all.findIndex((one) => one.key === key) < i);
  if (!twice) return;
  throw new Error(
    `report: each key names one file of ${kind}/, and two of the section list's ${kind} have the key "${twice.key}". Give one of them another key`,
  );
}
