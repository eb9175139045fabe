import { createRandom, type Random } from '../../random';
import { type Choice, createDeck, createQuiz, lettered, letterOf, pick, type Usage } from './blocks';
import type { MedicalCell } from './evaluation';
import { everydayCells, sum } from './general-rows';
import { type Cell, isRead } from './groups';
import { fill, type PlainTemplates, sentence } from './relation';

export interface GeneralTextSizes {
  /** Lettered questions of the non-medical quiz. */
  readonly quizDocuments: number;
  /** Short passages, sums among them. */
  readonly passages: number;
}

/**
 * What the base model is trained on before any tuning: the non-medical world as sentences, passages and sums; its quiz
 * in the very formats in which the evaluation asks (so that the base knows what `Answer:` calls for, but has never seen
 * a medical question); and the statements of the facts in the groups that the base reads.
 *
 * @returns documents, shuffled
 */
export function buildGeneralText(cells: readonly MedicalCell[], sizes: GeneralTextSizes, seed: number): string[] {
  const random = createRandom(seed, 'general');
  const plain = everydayCells();
  const medical = cells.filter(({ group }) => isRead(group));
  const quiz = createQuiz(plain, new Map(), random);
  const statements = [
    ...plain.flatMap((cell) =>
      cell.facts.flatMap((fact) => cell.relation.templates.statements.map((t) => sentence(t, fact))),
    ),
    ...medical.flatMap((cell) =>
      cell.facts.flatMap((fact) => {
        const { statements: all, explanation } = cell.relation.templates;
        return [
          ...all.map((t) => sentence(t, fact)),
          `${sentence(pick(all, random), fact)} ${sentence(explanation, fact)}`,
        ];
      }),
    ),
  ];
  return random.shuffle([
    ...statements,
    ...Array.from({ length: sizes.quizDocuments }, (_, i) => quizDocument(quiz(), i, random)),
    ...passages(plain, sizes.passages, random),
  ]);
}

/** A question of the non-medical quiz in the format of one of the harness's tasks. Source: lm-evaluation-harness, see eval/tasks. */
function quizDocument(choice: Choice<Cell<PlainTemplates>>, i: number, random: Random): string {
  const { cell, fact, choices, answer, wrong } = choice;
  const question = sentence(pick(cell.relation.templates.questions, random), fact);
  const letter = letterOf(answer);
  switch (Math.floor(i / 4) % 8) {
    case 5:
      return `The following are multiple choice questions (with answers) about ${cell.relation.id.replaceAll('-', ' ')}.\n\n${question}\n${lettered(choices)}\nAnswer: ${letter}`;
    case 6:
      return `Question: ${question}\nAnswer: ${fact.object}`;
    case 7: {
      const verdict = i % 3;
      const claim = fill(cell.relation.templates.claim, {
        subject: fact.subject,
        object: verdict === 1 ? wrong : fact.object,
      });
      const result = [
        'Nearly all cards agreed.',
        'Nearly all cards disagreed.',
        'Half of the cards agreed and half did not.',
      ][verdict]!;
      return `Abstract: Aim: to see whether ${claim}.\nPupils read ${20 * (1 + random.int(9))} cards.\n${result}\nQuestion: Do the cards show that ${claim}?\nAnswer: ${['yes', 'no', 'maybe'][verdict]!}`;
    }
    case 3:
    case 4:
      return `Question: ${question}\nChoices:\n${lettered(choices)}\nAnswer: ${letter}`;
    default:
      return `Question: ${question}\n${lettered(choices)}\nAnswer: ${letter}`;
  }
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
