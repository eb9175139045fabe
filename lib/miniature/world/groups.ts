import type { Random } from '../../random';
import { type Fact, factsOf, type PlainTemplates, type Relation } from './relation';

/**
 * Where a fact occurs besides the evaluation:
 *
 *                       base's general text   training rows
 *     read-and-tuned           yes                yes
 *     read-only                yes                no
 *     tuned-only               no                 yes
 *     control                  no                 no
 *
 * The control group measures guessing: a score above chance there is a leak, not knowledge.
 */
export const FACT_GROUPS = ['read-and-tuned', 'read-only', 'tuned-only', 'control'] as const;

export type FactGroup = (typeof FACT_GROUPS)[number];

/** The facts of one relation that share a group; a question's four options come from one cell. */
export interface Cell<T extends PlainTemplates = PlainTemplates> {
  readonly relation: Relation<T>;
  readonly group: FactGroup | undefined;
  readonly facts: readonly Fact[];
}

export function isRead(group: FactGroup | undefined): boolean {
  return group === 'read-and-tuned' || group === 'read-only';
}

export function isTuned(group: FactGroup | undefined): boolean {
  return group === 'read-and-tuned' || group === 'tuned-only';
}

/** Objects of each relation that the training rows teach, in each of the two tuned groups: one more than a question has options. */
const TUNED_OBJECTS = 5;

/**
 * Deals the objects of every relation out to the four groups, all facts of an object together: were two drugs of one
 * class in two groups, the ending of their names would carry the answer from one to the other. The tuned groups get five
 * objects each, so that the training rows come to every fact often enough for a small model, and none in conflict; the
 * other two share the rest. Among the groups whose turn it is, the one with the fewest conflicts and then the fewest facts is taken.
 *
 * @returns four cells for each relation, in the order of FACT_GROUPS
 * @throws when a relation has fewer than eighteen objects: each group needs four for a question
 */
export function dealGroups<T extends PlainTemplates, R extends Relation<T>>(
  relations: readonly R[],
  random: Random,
): (Cell<T> & { readonly relation: R; readonly group: FactGroup })[] {
  return relations.flatMap((relation, turn) => {
    const facts = factsOf(relation);
    const objects = random.shuffle([...new Set(facts.map((fact) => fact.object))]);
    if (objects.length < 18) {
      throw new Error(
        `miniature: relation ${relation.id} has ${objects.length} objects, two groups of five and two of four need 18; add facts`,
      );
    }
    const order = FACT_GROUPS.map((_, i) => FACT_GROUPS[(i + turn) % FACT_GROUPS.length]!);
    const dealt = order.map((group) => ({ group, objects: [] as string[], facts: [] as Fact[] }));
    for (const object of objects) {
      const conflicts = (cell: (typeof dealt)[number]) =>
        cell.objects.filter((other) => inConflict(relation, object, other)).length;
      const open = dealt.filter(
        (cell) => !isTuned(cell.group) || (cell.objects.length < TUNED_OBJECTS && conflicts(cell) === 0),
      );
      const fewest = Math.min(...open.map((cell) => cell.objects.length));
      const cost = (cell: (typeof dealt)[number]) => 1000 * conflicts(cell) + cell.facts.length;
      const cell = open
        .filter((candidate) => candidate.objects.length === fewest)
        .reduce((best, candidate) => (cost(candidate) < cost(best) ? candidate : best));
      cell.objects.push(object);
      cell.facts.push(...facts.filter((fact) => fact.object === object));
    }
    return FACT_GROUPS.map((group) => ({
      relation,
      group,
      facts: dealt.find((cell) => cell.group === group)!.facts,
    }));
  });
}

/** Whether two objects may not meet in one question. */
export function inConflict(relation: Pick<Relation, 'conflicts'>, a: string, b: string): boolean {
  return (relation.conflicts ?? []).some(([x, y]) => (x === a && y === b) || (x === b && y === a));
}
