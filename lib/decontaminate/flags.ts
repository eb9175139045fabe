import type { EvalItem } from '../data/examples';
import { PLANTED_KINDS, type Planted } from './planted';
import type { FlagCount, KindRecall, TaskFlags, TruthScore } from './record';

const count = (n: number, flagged: number): FlagCount => ({ n, flagged, percent: n === 0 ? 0 : (100 * flagged) / n });

export function totalFlags(flagged: readonly boolean[]): FlagCount {
  return count(flagged.length, flagged.filter(Boolean).length);
}

/** Counts of each task and, where a task has subjects, of each of them: tasks and subjects in the order of the items. */
export function taskFlags(items: readonly EvalItem[], flagged: readonly boolean[]): TaskFlags[] {
  const tasks = new Map<string, Map<string | null, { n: number; flagged: number }>>();
  for (const [i, { task, subject }] of items.entries()) {
    const counts = tasks.get(task) ?? new Map();
    tasks.set(task, counts);
    for (const key of subject === undefined ? [null] : [null, subject]) {
      const one = counts.get(key) ?? { n: 0, flagged: 0 };
      counts.set(key, { n: one.n + 1, flagged: one.flagged + Number(flagged[i]) });
    }
  }
  return [...tasks].flatMap(([task, counts]) =>
    [...counts].map(([subject, one]) => ({ task, subject, ...count(one.n, one.flagged) })),
  );
}

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/**
 * Flagged items against the planted truth.
 *
 * @param taught ids of items whose fact a training row teaches in its own words
 * @param rowFound whether the row of a planted pair is itself among the item's rows above the threshold
 * @throws when a pair names an item that is not there
 */
export function truthScore(
  items: readonly EvalItem[],
  flagged: readonly boolean[],
  planted: readonly Planted[],
  taught: ReadonlySet<string>,
  rowFound: (pair: Planted) => boolean,
): TruthScore {
  const place = new Map(items.map((item, i) => [item.id, i]));
  const kindsOf = new Map<string, Set<string>>();
  for (const { itemId, kind } of planted) {
    if (!place.has(itemId)) {
      throw new Error(`decontaminate: planted pair of item "${itemId}", which is not among the evaluation items`);
    }
    kindsOf.set(itemId, (kindsOf.get(itemId) ?? new Set()).add(kind));
  }
  const isContaminated = (id: string) => kindsOf.get(id)?.has('exact') || kindsOf.get(id)?.has('reworded') || false;
  const raised = items.filter((_, i) => flagged[i]);
  const truePositives = raised.filter(({ id }) => isContaminated(id)).length;
  const falseSameTopic = raised.filter(({ id }) => !isContaminated(id) && kindsOf.has(id)).length;
  const falseTaught = raised.filter(({ id }) => !kindsOf.has(id) && taught.has(id)).length;
  const contaminated = items.filter(({ id }) => isContaminated(id)).length;
  const kinds = PLANTED_KINDS.map((kind): KindRecall => {
    const own = planted.filter((pair) => pair.kind === kind);
    const ids = [...new Set(own.map((pair) => pair.itemId))];
    const hit = ids.filter((id) => flagged[place.get(id)!]).length;
    const found = new Set(own.filter(rowFound).map((pair) => pair.itemId)).size;
    return { kind, items: ids.length, flagged: hit, rowFound: found, rate: ratio(hit, ids.length) };
  });
  return {
    precision: ratio(truePositives, raised.length),
    recall: ratio(truePositives, contaminated),
    precisionUntaught: ratio(truePositives, raised.length - falseTaught),
    flagged: raised.length,
    truePositives,
    falseSameTopic,
    falseOther: raised.length - truePositives - falseSameTopic,
    falseTaught,
    kinds,
  };
}
