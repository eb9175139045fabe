import type { EvalItem } from '../../data/rows';
import { createRandom } from '../../random';
import { type Choice, createQuiz, drawBlock, pick, type Usage } from './blocks';
import type { EverydayCells } from './everyday-cells';
import type { Cell } from './groups';
import { type PlainTemplates, sentence } from './relation';

export interface Quiz {
  readonly items: readonly EvalItem[];
  /** The four options of each item: no other question, of the base's text or of the training rows, has the same four. */
  readonly optionSets: ReadonlySet<string>;
}

/**
 * The general quiz, for what tuning forgets: non-medical questions that neither the base nor the fine-tunes have met.
 *
 *     quiz-told-…    the fact is stated in the general text and never asked for
 *     quiz-asked-…   the fact is asked for elsewhere, but never with these four options
 *
 * @param count a multiple of 4; the facts that are only told are asked for in every wording first
 */
export function buildQuiz({ quizzed, told }: EverydayCells, count: number, seed: number): Quiz {
  const random = createRandom(seed, 'quiz');
  const items: EvalItem[] = [];
  const optionSets = new Set<string>();
  const questions = new Set<string>();
  const add = (kind: 'told' | 'asked', { cell, fact, choices, answer }: Choice<Cell<PlainTemplates>>, nth: number) => {
    const question = sentence(cell.relation.templates.questions[nth]!, fact);
    const id = `quiz-${kind}-${String(items.length + 1).padStart(4, '0')}`;
    items.push({ id, task: 'medmcqa', question, choices, answer });
    optionSets.add(optionKey(choices));
    questions.add(question);
  };
  for (const cell of told) {
    for (const nth of cell.relation.templates.questions.keys()) {
      for (const choice of drawBlock(cell, new Map(), random)) add('told', choice, nth);
    }
  }
  if (!Number.isInteger(count) || count % 4 !== 0 || count < items.length) {
    throw new Error(`miniature: the quiz needs a multiple of 4 and ${items.length} items or more, got ${count}`);
  }
  const next = createQuiz(quizzed, new Map<string, number>() satisfies Usage, random);
  while (items.length < count) {
    const choice = next();
    add('asked', choice, pick([...choice.cell.relation.templates.questions.keys()], random));
  }
  return { items, optionSets };
}

/** The same for the same options in any order. */
export function optionKey(choices: readonly string[]): string {
  return [...choices].sort().join('\n');
}
