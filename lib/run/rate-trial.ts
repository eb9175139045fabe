import { METHOD_LABELS, PACKING_LABELS } from '../compare/labels';
import type { Method } from '../config';
import type { Packing } from '../data/packing/packing';
import { type FactGroup, isTuned } from '../miniature/miniature';

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
