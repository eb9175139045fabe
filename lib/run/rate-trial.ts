import * as v from 'valibot';
import { METHOD_LABELS, PACKING_LABELS } from '../compare/labels';
import type { Method } from '../config';
import type { Packing } from '../data/packing/packing';
import { type FactGroup, isTuned } from '../miniature/miniature';
import { above0, looseFields, range, readFields, record, text, whole } from '../schema';

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
  readonly heldOutLoss: number;
  /** Right answers and questions, group by group; each item is asked by letter and by text. */
  readonly groups: Readonly<Record<string, { readonly right: number; readonly items: number }>>;
}

const count = whole(0, Number.MAX_SAFE_INTEGER);
const answered = v.pipe(
  looseFields({}, { right: count, items: whole(1, Number.MAX_SAFE_INTEGER) }),
  v.check(({ right, items }) => right <= items, 'right answers to no more than all items'),
);
const TRIALS = v.array(
  looseFields(
    {},
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

/** The trials of a file; none where it is not there. @throws naming the first field that is wrong */
export async function readTrials(file: string): Promise<readonly Trial[]> {
  const remedy = 'delete it, and `npx med42 tune` measures anew, or copy it again';
  return ((await readFields(TRIALS, file, 'tune', remedy)) ?? []) as readonly Trial[];
}

/** 'LoRA, 8 epochs, rows apart' */
export function trainingOf({ method, epochs, packing }: Pick<Trial, 'method' | 'epochs' | 'packing'>): string {
  return `${METHOD_LABELS[method]}, ${epochs} epochs, ${PACKING_LABELS[packing]}`;
}

/** Share of right answers in the two tuned groups together. */
export function tunedAccuracy({ groups }: Trial): number {
  const tuned = Object.entries(groups).filter(([group]) => isTuned(group as FactGroup));
  const sum = (field: 'right' | 'items') => tuned.reduce((total, [, counts]) => total + counts[field], 0);
  return sum('right') / sum('items');
}
