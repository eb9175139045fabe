import { createRandom, type Random } from '../../random';
import { createDeck, createQuiz, pick, type Usage } from './blocks';
import type { MedicalCell } from './evaluation';
import type { EverydayCells } from './everyday-cells';
import { sum } from './general-rows';
import { type Cell, isRead } from './groups';
import { closedBook, findTheLine, openBook, shortAnswer, study } from './quiz-documents';
import { type PlainTemplates, sentence } from './relation';

/** Numbers of documents in the base's text. */
export interface GeneralTextSizes {
  /** Times that every statement of a fact is there. */
  readonly statementCopies: number;
  /** Short passages, sums among them. */
  readonly passages: number;
  /** Lettered questions of the non-medical quiz. */
  readonly closedBook: number;
  readonly openBook: number;
  readonly findTheLine: number;
  readonly findTheMedicalLine: number;
  readonly shortAnswers: number;
  readonly studies: number;
}

/**
 * What the base model is trained on before any tuning: the non-medical world as sentences, passages and sums; its quiz
 * in the very formats in which the evaluation asks (so that the base knows what `Answer:` calls for, but has never seen
 * a medical question); and the statements of the facts in the groups that the base reads. Medical words of all groups
 * stand in lines to be found (`findTheLine`), mixed from all relations: words, no facts.
 *
 * @param isTaken option sets of the held-out quiz, which must not occur here
 * @returns documents, shuffled
 */
export function buildGeneralText(
  cells: readonly MedicalCell[],
  plain: EverydayCells,
  isTaken: (choices: readonly string[]) => boolean,
  sizes: GeneralTextSizes,
  seed: number,
): string[] {
  const random = createRandom(seed, 'general');
  const all = [...plain.quizzed, ...plain.told];
  const quiz = createQuiz(plain.quizzed, new Map(), random, isTaken);
  const shortWords = [
    ...new Set(all.flatMap(({ facts }) => facts.flatMap(({ subject, object }) => [subject, object]))),
  ].filter((word) => /^[A-Za-z]{2,6}$/.test(word));
  const medicalWords = [...new Set(cells.flatMap(({ facts }) => facts.map(({ object }) => object)))];
  const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  return random.shuffle([
    ...times(sizes.statementCopies, () => statements(all, cells, random)).flat(),
    ...passages(all, sizes.passages, random),
    ...times(sizes.closedBook, () => closedBook(quiz(), random)),
    ...times(sizes.openBook, () => openBook(random)),
    ...times(sizes.findTheLine, () => findTheLine(shortWords, random)),
    ...times(sizes.findTheMedicalLine, () => findTheLine(medicalWords, random)),
    ...times(sizes.shortAnswers, () => shortAnswer(quiz(), random)),
    ...times(sizes.studies, () => study(quiz(), random)),
  ]);
}

/** Every statement of every fact that the base reads; medical ones once more with the explanation. */
function statements(plain: readonly Cell<PlainTemplates>[], medical: readonly MedicalCell[], random: Random): string[] {
  const read = medical.filter(({ group }) => isRead(group));
  return [
    ...[...plain, ...read].flatMap((cell) =>
      cell.facts.flatMap((fact) => cell.relation.templates.statements.map((t) => sentence(t, fact))),
    ),
    ...read.flatMap((cell) =>
      cell.facts.map((fact) => {
        const { statements: some, explanation } = cell.relation.templates;
        return `${sentence(pick(some, random), fact)} ${sentence(explanation, fact)}`;
      }),
    ),
  ];
}

/** Two or three sentences about neighbouring things, or a sum. */
function passages(plain: readonly Cell<PlainTemplates>[], count: number, random: Random): string[] {
  const usage: Usage = new Map();
  const decks = plain.map((cell) => createDeck([cell], usage, random));
  return Array.from({ length: count }, (_, i) => {
    if (i % 3 === 0) {
      const { story, question, steps, result } = sum(random);
      return `${story} ${question} ${steps} The answer is ${result}.`;
    }
    const deck = pick(decks, random);
    return Array.from({ length: 2 + random.int(2) }, () => {
      const { cell, fact } = deck();
      return sentence(pick(cell.relation.templates.statements, random), fact);
    }).join(' ');
  });
}
