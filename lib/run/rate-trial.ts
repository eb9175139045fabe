import * as v from 'valibot';
import { METHOD_LABELS, PACKING_LABELS } from '../compare/labels';
import type { Method } from '../config';
import type { Packing } from '../data/packing/packing';
import { type FactGroup, isTuned } from '../miniature/miniature';
import { above0, count, looseFields, range, readFields, record, text, whole } from '../schema';

/** In results/tune: every training, and once all are done the table of them. */
export const TRIALS_FILE = 'trials.json';
export const TUNING_TABLE = 'learning-rates.md';

/** One training of `npx med42 tune`, as its file holds it. */
export interface Trial {
  readonly identity: string;
  readonly method: Method;
  readonly packing: Packing;
  readonly rate: number;
  readonly epochs: number;
  readonly seed: number;
  readonly steps: number;
  /** Of training and scoring together. */
  readonly seconds: number;
  /** Before the first update; trials recorded earlier do not have it. */
  readonly firstLoss?: number;
  readonly heldOutLoss: number;
  /** Empty where no item was scored and the loss decides. Right answers and questions, group by group; each item is asked by letter and by text. */
  readonly groups: Readonly<Record<string, { readonly right: number; readonly items: number }>>;
}

const answered = v.pipe(
  looseFields({}, { right: count, items: whole(1, Number.MAX_SAFE_INTEGER) }),
  v.check(({ right, items }) => right <= items, 'right answers to no more than all items'),
);
const groupsOf = ({ groups }: { readonly groups: object }): string => Object.keys(groups).sort().join();
/** What decides is there in all of them, or in none. */
const areAlike = (trials: readonly { readonly groups: object }[]): boolean =>
  trials.every(
    (one) =>
      groupsOf(one) === groupsOf(trials[0]!) &&
      (groupsOf(one) === '' || Object.keys(one.groups).some((group) => isTuned(group as FactGroup))),
  );
const TRIAL_LIST = v.array(
  looseFields(
    { firstLoss: range(0, Number.MAX_VALUE) },
    {
      identity: text,
      method: v.picklist(['lora', 'full'], 'one of "lora", "full"'),
      packing: v.picklist(['concatenated', 'block-diagonal', 'padded'], 'a packing'),
      rate: above0,
      epochs: whole(1, Number.MAX_SAFE_INTEGER),
      seed: count,
      steps: count,
      seconds: range(0, Number.MAX_VALUE),
      heldOutLoss: range(0, Number.MAX_VALUE),
      groups: record(answered, 'an object of answers by group'),
    },
  ),
  'a list of trials',
);

const TRIALS = v.pipe(
  TRIAL_LIST,
  v.check((trials) => areAlike(trials), 'trials with the same groups, a tuned one among them, or with none'),
);

/** The trials of a file; none where it is not there. @throws naming the first field that is wrong */
export async function readTrials(file: string): Promise<readonly Trial[]> {
  const remedy = 'delete it, and `npx med42 tune` measures anew, or copy it again';
  return ((await readFields(TRIALS, file, 'tune', remedy)) ?? []) as readonly Trial[];
}

/** As the file has them: with their fields in one order, whether they were read or made just now. */
export const asWritten = (trials: readonly Trial[]): readonly Trial[] =>
  trials.map(({ identity, method, packing, rate, epochs, seed, steps, seconds, firstLoss, heldOutLoss, groups }) => ({
    ...{ identity, method, packing, rate, epochs, seed, steps, seconds },
    ...(firstLoss === undefined ? {} : { firstLoss }),
    ...{ heldOutLoss, groups },
  }));

/** 'LoRA, 8 epochs, rows apart' */
export function trainingOf({ method, epochs, packing }: Pick<Trial, 'method' | 'epochs' | 'packing'>): string {
  return `${METHOD_LABELS[method]}, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}, ${PACKING_LABELS[packing]}`;
}

/** Share of right answers in the two tuned groups together. */
export function tunedAccuracy({ groups }: Trial): number {
  const tuned = Object.entries(groups).filter(([group]) => isTuned(group as FactGroup));
  const sum = (field: 'right' | 'items') => tuned.reduce((total, [, counts]) => total + counts[field], 0);
  return sum('right') / sum('items');
}

/**
 * A row for each way of training and rate, means over the seeds; the best rate's deciding figure is bold. The tuned groups'
 * accuracy decides, then the held-out loss; where no item was scored, the loss alone.
 */
export function trialsTable(trials: readonly Trial[]): string {
  const groups = Object.keys(trials[0]!.groups).sort();
  const scored = groups.length > 0;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const lines = [...new Set(trials.map(trainingOf))].flatMap((key) => {
    const own = trials.filter((one) => trainingOf(one) === key);
    const rows = [...new Set(own.map(({ rate }) => rate))].map((rate) => {
      const same = own.filter((one) => one.rate === rate);
      const share = (group: string) => mean(same.map((one) => one.groups[group]!.right / one.groups[group]!.items));
      return {
        rate,
        accuracy: scored ? mean(same.map(tunedAccuracy)) : 0,
        before: mean(same.map(({ firstLoss }) => firstLoss ?? Number.NaN)),
        loss: mean(same.map(({ heldOutLoss }) => heldOutLoss)),
        byGroup: groups.map((group) => percent(share(group))),
      };
    });
    const best = rows.reduce((a, b) =>
      b.accuracy > a.accuracy || (b.accuracy === a.accuracy && b.loss < a.loss) ? b : a,
    );
    return rows.map((row) => {
      const bold = (text: string) => (row === best ? `**${text}**` : text);
      const figures = scored
        ? [bold(percent(row.accuracy)), row.loss.toFixed(3), ...row.byGroup]
        : [Number.isNaN(row.before) ? '–' : row.before.toFixed(4), bold(row.loss.toFixed(4))];
      return `| ${[key, row.rate.toExponential(), ...figures].join(' | ')} |`;
    });
  });
  const columns = scored ? ['tuned groups', 'held-out loss', ...groups] : ['held-out loss before', 'after'];
  return [
    `| training | peak rate | ${columns.join(' | ')} |`,
    `|---|---:|${columns.map(() => '---:|').join('')}`,
    ...lines,
  ].join('\n');
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
