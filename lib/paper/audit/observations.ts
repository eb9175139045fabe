import { gammaln } from 'simple-statistics';
import { TABLE_1_COLUMNS, type TableA2Row } from '../tables';
import { averagesDiffer, type ClaimedAverage, type ClaimedDifference } from './claims';
import type { RemovedItems } from './removal';
import { isTask, type PaperTables } from './tables';

/** What no sum refutes, and a reader should know all the same. */
export interface Observation {
  readonly topic: 'equal rows' | 'image questions' | 'wins' | 'averages' | 'flagged items';
  readonly text: string;
}

export function observations(
  tables: PaperTables,
  differences: readonly ClaimedDifference[],
  averages: readonly ClaimedAverage[],
  removed: readonly RemovedItems[],
): Observation[] {
  return [
    ...equalRows(tables.tableA2),
    ...imageQuestions(tables),
    ...wins(differences),
    ...averageOrder(averages),
    ...flaggedItems(removed),
  ];
}

/** Two tasks with the same number of items and of flagged items. */
function equalRows(rows: readonly TableA2Row[]): Observation[] {
  const tasks = rows.filter(({ key, contaminated }) => isTask(key) && contaminated > 1);
  return tasks.flatMap((a, i) =>
    tasks
      .slice(i + 1)
      .filter((b) => a.samples === b.samples && a.contaminated === b.contaminated)
      .map((b): Observation => {
        const [n, k] = [a.samples, a.contaminated];
        const chance = Math.exp(2 * logChoose(n, k) - logChoose(2 * n, 2 * k));
        return {
          topic: 'equal rows',
          text:
            `${a.label} and ${b.label} both have ${n} samples and ${k} flagged. That ${2 * k} flagged items fall evenly has a ` +
            `probability of ${chance.toFixed(2)}; that two sets have the same size is for their source to confirm.`,
        };
      }),
  );
}

function logChoose(n: number, k: number): number {
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
}

function imageQuestions({ tableA1, tableA2, known }: PaperTables): Observation[] {
  const train = tableA1.rows.find(({ name }) => name === 'HeadQA')?.samples;
  const test = tableA2.find(({ key }) => key === 'headqa_en')?.samples;
  if (!known || train !== known.headqa.train || test !== known.headqa.test) return [];
  return [
    {
      topic: 'image questions',
      text:
        `HeadQA's ${train} training and ${test} test samples are its complete English splits, of which ` +
        `${known.headqa.testWithImage} test questions have an image; the text says that such questions were excluded.`,
    },
  ];
}

/** How often one model is ahead, and where that is more than chance. */
function wins(differences: readonly ClaimedDifference[]): Observation[] {
  const pairs = [...new Set(differences.map(({ from, to }) => `${to} against ${from}`))];
  return pairs.map((pair): Observation => {
    const own = differences.filter(({ from, to }) => `${to} against ${from}` === pair);
    const count = (test: (one: ClaimedDifference) => boolean) => own.filter(test).length;
    const note = TABLE_1_COLUMNS.find(({ label }) => label === own[0]!.from)?.note;
    const sure = own
      .filter(({ pHolm }) => pHolm < 0.05)
      .map(({ label, difference }) => `${label} ${points(difference)}`);
    return {
      topic: 'wins',
      text:
        `${pair}${note ? ` (${note})` : ''}: higher in ${count(({ difference }) => difference > 0)} of ${own.length} tasks, lower in ` +
        `${count(({ difference }) => difference < 0)}; by printed accuracies and numbers of items alone (unpaired, Holm over the tasks) ` +
        `${sure.length === 0 ? 'no difference is significant' : `significant: ${sure.join(', ')}`}.`,
    };
  });
}

function averageOrder(averages: readonly ClaimedAverage[]): Observation[] {
  const groups = [...new Set(averages.map(({ group }) => group))];
  return groups.flatMap((group): Observation[] => {
    const [a, b] = averages.filter((one) => one.group === group);
    if (!a || !b) return [];
    const value = (share: number) => (100 * share).toFixed(2);
    const reversed = Math.sign(b.unweighted - a.unweighted) * Math.sign(b.weighted - a.weighted) < 0;
    return [
      {
        topic: 'averages',
        text:
          `${a.label}: ${value(a.unweighted)} (${a.column}) and ${value(b.unweighted)} (${b.column}), standard errors ` +
          `${value(a.stderr)} and ${value(b.stderr)}, p ${averagesDiffer(a, b).toFixed(2)}; weighted by items, as the harness has it, ` +
          `${value(a.weighted)} and ${value(b.weighted)}${reversed ? ', in reversed order' : ''}.`,
      },
    ];
  });
}

/** Removal changes what is asked: flagged items on which a model does otherwise than on the rest. */
function flaggedItems(removed: readonly RemovedItems[]): Observation[] {
  return removed
    .filter(({ pHolm }) => pHolm < 0.05)
    .map(({ label, column, removed: n, right, flaggedAccuracy, cleanAccuracy }): Observation => {
      const percent = (range: readonly [number, number]) => {
        const [low, high] = [(100 * range[0]).toFixed(0), (100 * range[1]).toFixed(0)];
        return low === high ? `${low}%` : `${low} to ${high}%`;
      };
      const counts = right[0] === right[1] ? `${right[0]}` : `${right[0]} to ${right[1]}`;
      const above = flaggedAccuracy[0] > cleanAccuracy[1];
      return {
        topic: 'flagged items',
        text:
          `${label}, ${column}: ${counts} of ${n} flagged items right (${percent(flaggedAccuracy)}), ${percent(cleanAccuracy)} of the ` +
          `others: ${above ? 'higher, as leakage would have it, or easier items; the base model on the same items would tell' : 'lower, no sign that leakage helped; the items differ from the others'}.`,
      };
    });
}

function points(difference: number): string {
  return `${difference < 0 ? '-' : '+'}${Math.abs(100 * difference).toFixed(1)}`;
}
