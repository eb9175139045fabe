import { mean } from 'simple-statistics';
import { type Answer, shareRight, type ValueWithInterval } from './estimate';
import { GROUP_LABELS, TAUGHT_GROUPS } from './labels';
import type { ModelRecord, RunRecord } from './run-record';
import { answersByMethod, answersOf, factGroupOf, type ModelName } from './runs';

/** How each method answers the items about the facts of some groups. Shares in percent. */
export interface GroupAccuracy {
  readonly facts: number;
  readonly items: number;
  readonly chance: number;
  readonly models: readonly { readonly method: ModelName; readonly accuracy: ValueWithInterval }[];
}

/** Null where no item asks for a fact of these groups. */
export function groupAccuracy(record: RunRecord, groups: readonly string[]): GroupAccuracy | null {
  const isAsked = (answer: Answer) => groups.includes(factGroupOf(record, answer) ?? '');
  const models = answersByMethod(record).map(({ method, answers }) => ({ method, answers: answers.filter(isAsked) }));
  const asked = models[0]?.answers ?? [];
  if (asked.length === 0) return null;
  return {
    facts: new Set(asked.map(({ cluster }) => cluster)).size,
    items: asked.length,
    chance: 100 * mean(asked.map(({ chance }) => chance)),
    models: models.map(({ method, answers }) => ({ method, accuracy: shareRight(answers)! })),
  };
}

/** The groups of the run's facts, those with a label in its order, then the others by name; none where facts are not known. */
export function factGroupsOf({ facts }: RunRecord): string[] {
  if (!facts) return [];
  const known = Object.keys(GROUP_LABELS);
  const all = new Set(Object.values(facts).map(({ group }) => group));
  return [...known.filter((one) => all.has(one)), ...[...all].filter((one) => !known.includes(one)).sort()];
}

/** The share of right answers on the facts that the training rows teach; null where they are not known or not asked for. */
export function accuracyOnTaught(record: RunRecord, model: ModelRecord): ValueWithInterval | null {
  return shareRight(answersOf(record, [model]).filter((one) => TAUGHT_GROUPS.includes(factGroupOf(record, one) ?? '')));
}
