import { createRandom, type Random } from '../../random';
import { createDeck, createQuiz, pick } from './blocks';
import type { MedicalCell } from './evaluation';
import type { EverydayCells } from './everyday-cells';
import { sum } from './general-rows';
import { isRead } from './groups';
import {
  closedBook,
  copyWords,
  type Document,
  dialogue,
  directAnswer,
  findTheLine,
  plainClosedBook,
  sayTheLine,
  shortAnswer,
  study,
  thingsOfOneKind,
} from './quiz-documents';
import { mentions, sentence } from './relation';

/**
 * What the base model reads before any tuning, lesson after lesson. It is all non-medical but for the statements of the
 * facts that the base reads, and for medical words of all groups, to be found, copied and sorted: words, no facts. A large
 * model has met every word of a field long before it is tuned, and LoRA leaves the embeddings as they are.
 *
 *     letters    which line says a word: what a letter stands for
 *     answers    the non-medical quiz without options, answered directly after the question, and what it is about, stated
 *     quiz       the same with options, in its plainest form: a letter for what is known by heart
 *     options    words to be found and said, more than are known by heart: so that the options are held against whatever
 *                stands at the question's end, in place of knowing each question's option
 *     text       everything: the quiz in the formats in which the evaluation asks (so that the
 *                base knows what `Answer:` calls for, but has never seen a medical question), talks, sentences, passages,
 *                sums, reports, medical statements
 */
export const LESSONS = ['letters', 'answers', 'quiz', 'options', 'text'] as const;
export type Lesson = (typeof LESSONS)[number];

type DocumentKind =
  | 'line'
  | 'phraseLine'
  | 'medicalLine'
  | 'sayPhrase'
  | 'sayMedical'
  | 'medicalCopy'
  | 'medicalKind'
  | 'plainClosedBook'
  | 'closedBook'
  | 'shortAnswer'
  | 'directAnswer'
  | 'dialogue'
  | 'study'
  | 'statement'
  | 'medicalStatement'
  | 'passage'
  | 'sum';

/** How many parts of a lesson's documents are of each kind. */
const PARTS: Readonly<Record<Lesson, Partial<Readonly<Record<DocumentKind, number>>>>> = {
  letters: { line: 1 },
  answers: {
    line: 3,
    phraseLine: 3,
    medicalLine: 2,
    sayPhrase: 3,
    sayMedical: 2,
    directAnswer: 12,
    shortAnswer: 4,
    statement: 6,
    medicalStatement: 5,
  },
  quiz: {
    line: 3,
    phraseLine: 3,
    sayPhrase: 3,
    sayMedical: 1,
    plainClosedBook: 10,
    directAnswer: 5,
    statement: 3,
    passage: 1,
  },
  options: {
    line: 4,
    phraseLine: 4,
    medicalLine: 4,
    sayPhrase: 6,
    sayMedical: 3,
    plainClosedBook: 4,
    directAnswer: 8,
    statement: 4,
    medicalStatement: 4,
  },
  text: {
    line: 2,
    phraseLine: 3,
    medicalLine: 4,
    sayPhrase: 3,
    sayMedical: 3,
    medicalCopy: 3,
    medicalKind: 2,
    plainClosedBook: 2,
    closedBook: 8,
    shortAnswer: 3,
    directAnswer: 6,
    dialogue: 8,
    study: 1,
    statement: 4,
    medicalStatement: 12,
    passage: 1,
    sum: 1,
  },
};

/** Documents of a lesson, always new ones. */
export type LessonWriter = (lesson: Lesson, count: number) => Document[];

/**
 * Writes lessons. Facts take turns within each kind of document; what is drawn depends on the seed and on what was drawn before.
 *
 * @param isTaken option sets of the held-out quiz, which must not occur here
 */
export function createLessons(
  cells: readonly MedicalCell[],
  plain: EverydayCells,
  isTaken: (choices: readonly string[]) => boolean,
  seed: number,
): LessonWriter {
  const random = createRandom(seed, 'general');
  const everyday = [...plain.quizzed, ...plain.told];
  const read = cells.filter(({ group }) => isRead(group));
  const phrases = [...new Set(everyday.flatMap(({ facts }) => facts.flatMap((fact) => [fact.subject, fact.object])))];
  const words = phrases.filter(isOneWord);
  const quiz = createQuiz(plain.quizzed, new Map(), random, isTaken);
  const plainQuiz = createQuiz(
    plain.quizzed,
    new Map(),
    random,
    (choices) => isTaken(choices) || !choices.every(isOneWord),
  );
  const deck = createDeck(everyday, new Map(), random);
  const medicalDeck = createDeck(read, new Map(), random);
  const makers: Readonly<Record<DocumentKind, () => Document>> = {
    line: () => findTheLine(fourOf(words, random), random),
    phraseLine: () => findTheLine(fourOf(phrases, random), random),
    medicalLine: () => findTheLine(fourMedicalWords(cells, random), random),
    sayPhrase: () => sayTheLine(pick(phrases, random), random),
    sayMedical: () => sayTheLine(fourMedicalWords(cells, random)[0]!, random),
    medicalCopy: () => copyWords(fourMedicalWords(cells, random)),
    medicalKind: () => thingsOfOneKind(fourOfOneKind(cells, random)),
    plainClosedBook: () => plainClosedBook(plainQuiz(), random),
    closedBook: () => closedBook(quiz(), random),
    shortAnswer: () => shortAnswer(quiz(), random),
    directAnswer: () => directAnswer(quiz(), random),
    dialogue: () => dialogue(quiz(), random),
    study: () => study(quiz(), random),
    statement: () => prose(says(deck(), random)),
    medicalStatement: () => {
      const { cell, fact } = medicalDeck();
      const statement = says({ cell, fact }, random);
      return prose(
        random.int(4) === 0 ? `${statement} ${sentence(cell.relation.templates.explanation, fact)}` : statement,
      );
    },
    passage: () => prose(Array.from({ length: 2 + random.int(2) }, () => says(deck(), random)).join(' ')),
    sum: () => {
      const { story, question, steps, result } = sum(random);
      return prose(`${story} ${question} ${steps} The answer is ${result}.`);
    },
  };
  return (lesson, count) => {
    const kinds = Object.entries(PARTS[lesson]).flatMap(([kind, parts]) =>
      Array<DocumentKind>(parts).fill(kind as DocumentKind),
    );
    return Array.from({ length: count }, () => makers[pick(kinds, random)]());
  };
}

const prose = (response: string): Document => ({ prompt: '', response });

const isOneWord = (text: string): boolean => /^[A-Za-z]+$/.test(text);

function says({ cell, fact }: ReturnType<ReturnType<typeof createDeck>>, random: Random): string {
  return sentence(pick(cell.relation.templates.statements, random), fact);
}

function fourOf(words: readonly string[], random: Random): string[] {
  const chosen = new Set<string>();
  while (chosen.size < 4) chosen.add(pick(words, random));
  return [...chosen];
}

/** Subjects and objects of four relations, drawn again where two of them are a fact. */
function fourMedicalWords(cells: readonly MedicalCell[], random: Random): string[] {
  return fourWithoutFact(cells, () => {
    const chosen = new Map<string, string>();
    while (chosen.size < 4) {
      const { relation, facts } = pick(cells, random);
      const { subject, object } = pick(facts, random);
      chosen.set(relation.id, random.int(2) === 0 ? subject : object);
    }
    return [...chosen.values()];
  });
}

/** Four subjects of one relation, of whatever groups, or four objects. */
function fourOfOneKind(cells: readonly MedicalCell[], random: Random): string[] {
  return fourWithoutFact(cells, () => {
    const { relation } = pick(cells, random);
    const facts = cells.filter((cell) => cell.relation === relation).flatMap((cell) => cell.facts);
    const side = random.int(2) === 0 ? 'subject' : 'object';
    return random.shuffle([...new Set(facts.map((fact) => fact[side]))]).slice(0, 4);
  });
}

/** Draws until the words are four and no two of them a fact. */
function fourWithoutFact(cells: readonly MedicalCell[], draw: () => string[]): string[] {
  for (;;) {
    const words = draw();
    const text = words.join('\n');
    if (new Set(words).size === 4 && !cells.some(({ facts }) => facts.some((fact) => mentions(text, fact))))
      return words;
  }
}
