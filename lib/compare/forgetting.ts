import { type ItemResult, isRight } from '../eval/item-result';
import { seedComparison } from '../statistics/seed-comparison';
import { type Answer, type Difference, inPoints, shareRight, type ValueWithInterval } from './estimate';
import type { ModelRecord, RunRecord, Setting } from './run-record';
import { armsOf, type ModelName, runsOf } from './runs';

/** How a method's models do on the quiz that the base learnt, and how far from the base. In percent and points. */
export interface Forgetting {
  readonly method: ModelName;
  readonly setting: Setting;
  readonly seeds: number;
  readonly n: number;
  readonly accuracy: ValueWithInterval;
  /** Null of the base itself; a bare number where nothing varies. */
  readonly change: Difference | null;
  readonly p: number | null;
}

/** The base first; empty for data without a quiz. */
export function forgettingOf(record: RunRecord): Forgetting[] {
  const base = quizzes(runsOf(record, 'base'));
  if (base.length === 0) return [];
  const own = (method: ModelName, setting: Setting, runs: readonly ModelRecord[]): Forgetting[] => {
    const items = quizzes(runs);
    if (items.length === 0) return [];
    const seeds = items.map(rightOf);
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
    const compared = seedComparison([rightOf(base[0]!)], seeds, { fixedA: true });
    return [{ ...common, change: inPoints(compared), p: compared.p }];
  };
  return [
    ...own('base', 'tuned', runsOf(record, 'base')),
    ...armsOf(record).flatMap(({ method, setting, runs }) => own(method, setting, runs)),
  ];
}

const quizzes = (models: readonly ModelRecord[]) => models.flatMap(({ quiz }) => (quiz ? [quiz.items] : []));
/** 1 for each item answered rightly, else 0. */
const rightOf = (items: readonly ItemResult[]) => items.map((item) => Number(isRight(item)));
