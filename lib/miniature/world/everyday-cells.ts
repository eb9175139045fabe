import type { Random } from '../../random';
import { drawBlock } from './blocks';
import { everyday } from './everyday';
import type { Cell } from './groups';
import { factsOf, type PlainTemplates } from './relation';

type EverydayCell = Cell<PlainTemplates>;

/** The non-medical world; it has no groups, the base reads all of it and the training rows use all of it. */
export interface EverydayCells {
  /** Asked for in the base's quiz and in the training rows. */
  readonly quizzed: readonly EverydayCell[];
  /** Only ever stated: four facts of each large relation, of which nothing but the held-out quiz asks. */
  readonly told: readonly EverydayCell[];
}

/** A relation gives up four facts when as many objects as this are left to choose wrong options from. */
const LEFT_TO_QUIZ = 12;

/** Splits each relation of the non-medical world in what is quizzed and what is only told. */
export function everydayCells(random: Random): EverydayCells {
  const whole = everyday.map((relation) => ({ relation, group: undefined, facts: factsOf(relation) }));
  const told = whole
    .filter(({ facts }) => new Set(facts.map(({ object }) => object)).size >= LEFT_TO_QUIZ + 4)
    .map((cell) => ({ ...cell, facts: drawBlock(cell, new Map(), random).map(({ fact }) => fact) }));
  const quizzed = whole.map((cell) => {
    const objects = new Set(told.find(({ relation }) => relation === cell.relation)?.facts.map((fact) => fact.object));
    return { ...cell, facts: cell.facts.filter((fact) => !objects.has(fact.object)) };
  });
  return { quizzed, told };
}
