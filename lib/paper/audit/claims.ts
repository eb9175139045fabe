import { mean } from 'simple-statistics';
import { normalTwoSided } from '../../statistics/distributions';
import { holm } from '../../statistics/holm';
import { detectableUnpaired } from '../../statistics/power';
import { unpairedDifference } from '../../statistics/two-proportions';
import { TABLE_1_COLUMNS, type Table1Column } from '../tables';
import { isTask, membersOf, OWN_COLUMNS, type PaperTables, sizeOf } from './tables';

/** A difference of table 1, judged by the printed accuracies and the numbers of items alone. Shares, 0..1. */
export interface ClaimedDifference {
  readonly task: string;
  readonly label: string;
  readonly from: string;
  readonly to: string;
  readonly n: number;
  readonly accuracyFrom: number;
  readonly accuracyTo: number;
  readonly difference: number;
  readonly z: number;
  /** Unpaired: who answered which item is not printed. A paired test would see more. */
  readonly p: number;
  /** Corrected over the tasks of these two models. */
  readonly pHolm: number;
  readonly interval: readonly [low: number, high: number];
  /** The difference from `accuracyFrom` that so many items would show four times out of five, unpaired. */
  readonly detectable: number | null;
}

/** An average over tasks, both ways, with its standard error; shares, 0..1. */
export interface ClaimedAverage {
  readonly group: string;
  readonly label: string;
  readonly column: string;
  /** Each task counts the same: the paper's. */
  readonly unweighted: number;
  readonly stderr: number;
  /** Each item counts the same: the harness's. */
  readonly weighted: number;
}

/** What the text claims: full beats LoRA in the majority of tasks, Med42 beats ClinicalCamel and MediTron. */
const CLAIMS: readonly { readonly from: Table1Column; readonly to: Table1Column }[] = [
  { from: 'peFt', to: 'fpFt' },
  { from: 'clinicalCamel', to: 'fpFt' },
  { from: 'mediTron', to: 'fpFt' },
];

/** Each claimed difference of table 1, Holm's correction over the tasks of a claim. */
export function claimedDifferences(tables: PaperTables): ClaimedDifference[] {
  return CLAIMS.flatMap(({ from, to }) => {
    const rows = tables.table1.filter((row) => isTask(row.key) && row[from] !== null && row[to] !== null);
    const found = rows.map((row) => {
      const { n } = sizeOf(tables, row.key);
      const [accuracyFrom, accuracyTo] = [row[from]! / 100, row[to]! / 100];
      const { value, z, pValue, interval } = unpairedDifference({ p: accuracyFrom, n }, { p: accuracyTo, n });
      const detectable = detectableUnpaired(accuracyFrom, n);
      return {
        task: row.key,
        label: row.label,
        from: labelOf(from),
        to: labelOf(to),
        n,
        accuracyFrom,
        accuracyTo,
        difference: value,
        z,
        p: pValue,
        interval,
        detectable,
      };
    });
    const adjusted = holm(found.map(({ p }) => p));
    return found.map((one, i) => ({ ...one, pHolm: adjusted[i]! }));
  });
}

/** The averages of the paper's own models, tasks taken as independent. */
export function claimedAverages(tables: PaperTables): ClaimedAverage[] {
  return tables.table1.flatMap((row) => {
    const members = membersOf(tables.table1, row.key);
    if (members.length === 0) return [];
    return OWN_COLUMNS.map(({ key, label }) => {
      const parts = members.map((member) => ({ p: member[key] / 100, n: sizeOf(tables, member.key).n }));
      const items = parts.reduce((sum, { n }) => sum + n, 0);
      return {
        group: row.key,
        label: row.label,
        column: label,
        unweighted: mean(parts.map(({ p }) => p)),
        stderr: Math.sqrt(parts.reduce((sum, { p, n }) => sum + (p * (1 - p)) / (n - 1), 0)) / parts.length,
        weighted: parts.reduce((sum, { p, n }) => sum + p * n, 0) / items,
      };
    });
  });
}

/** Two-sided p of the difference between two averages, unpaired. */
export function averagesDiffer(a: ClaimedAverage, b: ClaimedAverage): number {
  return normalTwoSided((b.unweighted - a.unweighted) / Math.hypot(a.stderr, b.stderr));
}

function labelOf(column: Table1Column): string {
  return TABLE_1_COLUMNS.find(({ key }) => key === column)!.label;
}
