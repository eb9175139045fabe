import { type ItemResult, isRight } from '../eval/item-result';
import type { TaskName } from '../eval/tasks/tasks';
import type { ModelRecord, RunRecord } from './run-record';

/** What a comparison reads of a model. */
export type ScoredModel = Pick<ModelRecord, 'name' | 'method' | 'setting' | 'alsoSettings' | 'seed'> & {
  readonly scores: { readonly items: readonly ItemResult[] };
};

/** The same items of all models, in one order. */
export interface SharedItems {
  readonly ids: readonly string[];
  readonly tasks: readonly TaskName[];
  /** 1 / choices of each item. */
  readonly chances: readonly number[];
  /** What an item shares with others; undefined where it stands alone. */
  readonly clusters: readonly (string | undefined)[];
  /** Model name -> 1 where it was right, 0 where not. */
  readonly correct: ReadonlyMap<string, readonly number[]>;
}

/**
 * Puts the models' items into the first model's order.
 *
 * @throws when a model lacks an item, has one more, has it twice, or with another task, answer or number of choices; when
 * two models share a name; when facts are given but not of every item of a benchmark
 */
export function sharedItems(
  models: readonly ScoredModel[],
  facts: RunRecord['facts'],
  passages?: Readonly<Record<string, string>>,
): SharedItems {
  const [first] = models;
  if (!first || first.scores.items.length === 0) {
    throw new Error('compare models: needs models with scored items, got none');
  }
  const items = first.scores.items;
  const correct = new Map<string, readonly number[]>();
  for (const model of models) {
    if (correct.has(model.name)) throw new Error(`compare models: two models are named ${model.name}`);
    correct.set(model.name, inOrder(model, items, first.name));
  }
  // A benchmark of the user's own beside a made-up world's asks for no fact of it.
  const ofWorld = new Set(items.flatMap(({ id, task }) => (facts?.[id] ? [task] : [])));
  const lacking = facts
    ? items.find(({ id, task }) => !facts[id] && (ofWorld.has(task) || ofWorld.size === 0))
    : undefined;
  if (lacking) {
    throw new Error(
      `compare models: no fact is given for item ${lacking.id}; give one for every item of its benchmark, or none at all`,
    );
  }
  return {
    ids: items.map(({ id }) => id),
    tasks: items.map(({ task }) => task),
    chances: items.map(({ logLikelihoods }) => 1 / logLikelihoods.length),
    clusters: items.map(({ id }) => (facts ? facts[id]?.factId : passages?.[id])),
    correct,
  };
}

function inOrder(model: ScoredModel, items: readonly ItemResult[], first: string): number[] {
  const refuse = (what: string): never => {
    throw new Error(
      `compare models: ${model.name} and ${first} were asked different items: ${what}; ` +
        'score all models with the same items, sample seed and task variant',
    );
  };
  const byId = new Map(model.scores.items.map((item) => [item.id, item]));
  if (byId.size !== model.scores.items.length) refuse(`${model.name} has an item twice`);
  const correct = items.map((item) => {
    const own = byId.get(item.id) ?? refuse(`${model.name} has no item ${item.id}`);
    const same = (['task', 'answer'] as const).every((key) => own[key] === item[key]);
    if (!same || own.logLikelihoods.length !== item.logLikelihoods.length) {
      refuse(`item ${item.id} has another task, answer or number of choices`);
    }
    return Number(isRight(own));
  });
  if (byId.size !== items.length) {
    const known = new Set(items.map(({ id }) => id));
    refuse(`${first} has no item ${[...byId.keys()].find((id) => !known.has(id))}`);
  }
  return correct;
}

/** The values at some places. */
export function at<T>(values: readonly T[], places: readonly number[]): T[] {
  return places.map((place) => values[place]!);
}
