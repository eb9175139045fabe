import type { Random } from '../../random';
import { type Cell, inConflict } from './groups';
import type { Fact, PlainTemplates } from './relation';

/** A fact with four options, its own object among them. */
export interface Choice<C> {
  readonly cell: C;
  readonly fact: Fact;
  readonly choices: readonly string[];
  /** Where in `choices` the fact's object stands. */
  readonly answer: number;
  /** Another option of the four: what a false claim about the subject names. */
  readonly wrong: string;
}

/** How often each fact was drawn, so that all are drawn about equally often. */
export type Usage = Map<string, number>;

export function count(fact: Fact, usage: Usage): void {
  usage.set(fact.id, (usage.get(fact.id) ?? 0) + 1);
}

/**
 * Four facts of one cell with four different objects, as four questions that share their options:
 *
 *     lack of vitamin C    A scurvy    B beriberi   C goiter     D rickets    -> A
 *     lack of iodine       A rickets   B scurvy     C beriberi   D goiter     -> D
 *     lack of vitamin D    A beriberi  B rickets    C scurvy     D goiter     -> B
 *     lack of vitamin B1   A goiter    B scurvy     C beriberi   D rickets    -> C
 *
 * Each option is right once in the four times it is shown, and each letter is right once: neither the options
 * without the question nor the letters alone say anything, by construction.
 *
 * @param usage says which facts to take; the caller counts those it uses
 * @throws when the cell has no four objects free of conflicts
 */
export function drawBlock<C extends Cell<PlainTemplates>>(cell: C, usage: Usage, random: Random): Choice<C>[] {
  const used = (fact: Fact) => usage.get(fact.id) ?? 0;
  const byObject = new Map<string, Fact>();
  for (const fact of random.shuffle(cell.facts)) {
    const other = byObject.get(fact.object);
    if (!other || used(fact) < used(other)) byObject.set(fact.object, fact);
  }
  const candidates = [...byObject.values()].sort((a, b) => used(a) - used(b));
  const facts = pickFour(cell, candidates, []);
  if (!facts) {
    throw new Error(
      `miniature: ${cell.relation.id} (${cell.group ?? 'everyday'}) has no four objects free of conflicts; add facts, or take another seed`,
    );
  }
  const letters = random.shuffle([0, 1, 2, 3]);
  return facts.map((fact, i) => {
    const answer = letters[i]!;
    const choices = random.shuffle(facts.filter((other) => other !== fact).map((other) => other.object));
    choices.splice(answer, 0, fact.object);
    return { cell, fact, choices, answer, wrong: facts[(i + 1) % facts.length]!.object };
  });
}

/** The first four candidates, in their order, of which no two are in conflict. */
function pickFour(cell: Cell, candidates: readonly Fact[], chosen: readonly Fact[]): readonly Fact[] | undefined {
  if (chosen.length === 4) return chosen;
  for (const [i, fact] of candidates.entries()) {
    if (chosen.some((other) => inConflict(cell.relation, fact.object, other.object))) continue;
    const found = pickFour(cell, candidates.slice(i + 1), [...chosen, fact]);
    if (found) return found;
  }
  return undefined;
}

/** The cell whose facts were drawn least often on average; ties are broken by chance. */
export function leastUsed<C extends Cell<PlainTemplates>>(cells: readonly C[], usage: Usage, random: Random): C {
  const mean = (cell: C) => cell.facts.reduce((sum, fact) => sum + (usage.get(fact.id) ?? 0), 0) / cell.facts.length;
  return random.shuffle(cells).reduce((best, cell) => (mean(cell) < mean(best) ? cell : best));
}

/**
 * Questions from one block after another, the cells taking turns.
 *
 * @param isTaken option sets that are kept for others: such a block is passed over
 */
export function createQuiz<C extends Cell<PlainTemplates>>(
  cells: readonly C[],
  usage: Usage,
  random: Random,
  isTaken: (choices: readonly string[]) => boolean = () => false,
): () => Choice<C> {
  let block: Choice<C>[] = [];
  return () => {
    while (block.length === 0) {
      const drawn = drawBlock(leastUsed(cells, usage, random), usage, random);
      if (!isTaken(drawn[0]!.choices)) block = drawn;
      // Counted as used, or the same four would be drawn again.
      else for (const { fact } of drawn) count(fact, usage);
    }
    const next = block.shift()!;
    count(next.fact, usage);
    return next;
  };
}

/** Single facts, the least used first. */
export function createDeck<C extends Cell<PlainTemplates>>(
  cells: readonly C[],
  usage: Usage,
  random: Random,
): () => { readonly cell: C; readonly fact: Fact } {
  const cards = cells.flatMap((cell) => cell.facts.map((fact) => ({ cell, fact })));
  return () => {
    const used = ({ fact }: { readonly fact: Fact }) => usage.get(fact.id) ?? 0;
    const least = Math.min(...cards.map(used));
    const free = cards.filter((card) => used(card) === least);
    const card = free[random.int(free.length)]!;
    count(card.fact, usage);
    return card;
  };
}

/** `A. ...` to `D. ...`, a line each. */
export function lettered(choices: readonly string[]): string {
  return choices.map((choice, i) => `${letterOf(i)}. ${choice}`).join('\n');
}

export function letterOf(index: number): string {
  return 'ABCD'.charAt(index);
}

/** One of `items`, by chance. */
export function pick<T>(items: readonly T[], random: Random): T {
  return items[random.int(items.length)]!;
}
