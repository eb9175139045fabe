import type { ValueWithInterval } from '../../compare/estimate';
import { type Answer, shareRight } from '../../compare/estimate';
import { METHOD_LABELS, SETTING_LABELS } from '../../compare/labels';
import type { ModelRecord, RunRecord, Setting } from '../../compare/run-record';
import { armsOf, type ModelName, runsOf } from '../../compare/runs';
import { seedComparison } from '../../statistics/seed-comparison';
import type { Table } from '../table';

/** How a method's models do on the quiz that the base learnt, and how far from the base. In percent and points. */
export interface Forgetting {
  readonly method: ModelName;
  readonly setting: Setting;
  readonly seeds: number;
  readonly n: number;
  readonly accuracy: ValueWithInterval;
  /** Null of the base itself; a bare number where nothing varies. */
  readonly change: ValueWithInterval | number | null;
  readonly p: number | null;
}

/** The base first; empty for data without a quiz. */
export function forgettingOf(record: RunRecord): Forgetting[] {
  const base = quizzes(runsOf(record, 'base'));
  if (base.length === 0) return [];
  const own = (method: ModelName, setting: Setting, runs: readonly ModelRecord[]): Forgetting[] => {
    const items = quizzes(runs);
    if (items.length === 0) return [];
    const seeds = items.map((one) => one.map(isRight));
    const answers = items[0]!.map(
      (item, i): Answer => ({
        id: item.id,
        task: 'quiz',
        right: seeds.reduce((sum, seed) => sum + seed[i]!, 0) / seeds.length,
        chance: 1 / item.logLikelihoods.length,
        cluster: item.id,
      }),
    );
    const common = { method, setting, seeds: seeds.length, n: answers.length, accuracy: shareRight(answers)! };
    if (method === 'base') return [{ ...common, change: null, p: null }];
    const { value, interval, p } = seedComparison([base[0]!.map(isRight)], seeds, { fixedA: true });
    const change = interval ? { value: 100 * value, low: 100 * interval[0], high: 100 * interval[1] } : 100 * value;
    return [{ ...common, change, p }];
  };
  return [
    ...own('base', 'tuned', runsOf(record, 'base')),
    ...armsOf(record).flatMap(({ method, setting, runs }) => own(method, setting, runs)),
  ];
}

const quizzes = (models: readonly ModelRecord[]) => models.flatMap(({ quiz }) => (quiz ? [quiz.items] : []));
const isRight = ({ prediction, answer }: { readonly prediction: number; readonly answer: number }) =>
  prediction === answer ? 1 : 0;

/** What tuning does to the general quiz; null for data without one. */
export function forgetting(record: RunRecord): Table | null {
  const rows = forgettingOf(record);
  if (rows.length === 0) return null;
  return {
    key: 'forgetting',
    title: 'Forgetting: the non-medical quiz that the base learnt',
    columns: [
      { key: 'model', label: 'Model' },
      { key: 'seeds', label: 'seeds' },
      { key: 'n', label: 'questions' },
      { key: 'accuracy', label: 'accuracy (%)', digits: 1, estimate: true },
      { key: 'change', label: 'change against base, points', digits: 1, signed: true, estimate: true },
      { key: 'p', label: 'p', isP: true },
    ],
    rows: rows.map(({ method, setting, seeds, n, accuracy, change, p }) => ({
      cells: [
        method === 'base' ? METHOD_LABELS.base : `${METHOD_LABELS[method]}, ${SETTING_LABELS[setting]}`,
        seeds,
        n,
        accuracy,
        change,
        p,
      ],
    })),
    notes: [
      'Questions that were not in the base’s text, of the kind it learnt to answer by letter. Paired; over items and, with several, seeds.',
    ],
  };
}
