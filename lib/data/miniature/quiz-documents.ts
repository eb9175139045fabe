import type { Random } from '../../random';
import { type Choice, lettered, letterOf, pick } from './blocks';
import type { Cell } from './groups';
import { fill, type PlainTemplates, sentence } from './relation';

const PEOPLE = [
  'Tom',
  'Anna',
  'Ben',
  'Lisa',
  'Omar',
  'Maya',
  'Paul',
  'Nora',
  'Ivan',
  'Ruth',
  'Hugo',
  'Emma',
  'Karl',
  'Zoe',
  'Igor',
  'Lena',
] as const;
const BELONGINGS = [
  'kite',
  'drum',
  'rope',
  'bell',
  'coin',
  'ball',
  'book',
  'hat',
  'lamp',
  'cup',
  'boat',
  'flute',
  'chair',
  'map',
  'doll',
  'sled',
] as const;

interface Question {
  readonly question: string;
  readonly choices: readonly string[];
  readonly answer: number;
  /** What `The following are multiple choice questions (with answers) about` goes on with. */
  readonly about: string;
}

/**
 * The options before the question. No benchmark asks so, but here the line can only be chosen at `Answer:`, from what the
 * question called up.
 */
function optionsFirst({ question, choices, answer }: Omit<Question, 'about'>): string {
  return `Choices:\n${lettered(choices)}\nQuestion: ${question}\nAnswer: ${letterOf(answer)}`;
}

/** A question with letters in the format of one of the harness's tasks. Source: lm-evaluation-harness, see eval/tasks. */
function letteredDocument({ question, choices, answer, about }: Question, random: Random): string {
  const end = `${lettered(choices)}\nAnswer: ${letterOf(answer)}`;
  switch (random.int(8)) {
    case 5:
    case 6:
    case 7:
      return optionsFirst({ question, choices, answer });
    case 0:
      return `The following are multiple choice questions (with answers) about ${about}.\n\n${question}\n${end}`;
    case 1:
    case 2:
      return `Question: ${question}\nChoices:\n${end}`;
    default:
      return `Question: ${question}\n${end}`;
  }
}

/** From memory: the options are four things of one kind. */
export function closedBook({ cell, fact, choices, answer }: Choice<Cell<PlainTemplates>>, random: Random): string {
  const question = sentence(pick(cell.relation.templates.questions, random), fact);
  return letteredDocument({ question, choices, answer, about: cell.relation.id.replaceAll('-', ' ') }, random);
}

/** The answer itself, without options, as HeadQA is asked. */
export function shortAnswer({ cell, fact }: Choice<Cell<PlainTemplates>>, random: Random): string {
  return `Question: ${sentence(pick(cell.relation.templates.questions, random), fact)}\nAnswer: ${fact.object}`;
}

/** A report that settles a claim or does not, as PubMedQA is asked. */
export function study({ cell, fact, wrong }: Choice<Cell<PlainTemplates>>, random: Random): string {
  const verdict = random.int(3);
  const object = verdict === 1 ? wrong : fact.object;
  const claim = fill(cell.relation.templates.claim, { subject: fact.subject, object });
  const result = [
    'Nearly all cards agreed.',
    'Nearly all cards disagreed.',
    'Half of the cards agreed and half did not.',
  ][verdict]!;
  const cards = `Pupils read ${20 * (1 + random.int(9))} cards.`;
  const verdictWord = ['yes', 'no', 'maybe'][verdict]!;
  return `Abstract: Aim: to see whether ${claim}.\n${cards}\n${result}\nQuestion: Do the cards show that ${claim}?\nAnswer: ${verdictWord}`;
}

/** The answer stands in the text above: who has what. What a letter stands for is learnt here, not what is true. */
export function openBook(random: Random): string {
  const people = random.shuffle(PEOPLE).slice(0, 4);
  const things = random.shuffle(BELONGINGS).slice(0, 4);
  const story = people.map((person, i) => `${person} has the ${things[i]!}.`).join(' ');
  const at = random.int(4);
  const byPerson = random.int(2) === 0;
  const question = byPerson ? `Who has the ${things[at]!}?` : `What has ${people[at]!}?`;
  const choices = random.shuffle(byPerson ? people : things);
  const answer = choices.indexOf((byPerson ? people : things)[at]!);
  return letteredDocument({ question: `${story} ${question}`, choices, answer, about: 'who has what' }, random);
}

/** The answer stands in the question: which line says it. The shortest question that needs a letter. */
export function findTheLine(words: readonly string[], random: Random): string {
  const choices: string[] = [];
  while (choices.length < 4) {
    const word = pick(words, random);
    if (!choices.includes(word)) choices.push(word);
  }
  const answer = random.int(4);
  const question = `${FIND_THE_LINE} ${choices[answer]!}?`;
  if (random.int(2) === 0) return optionsFirst({ question, choices, answer });
  return `Question: ${question}\n${lettered(choices)}\nAnswer: ${letterOf(answer)}`;
}

/** Whether a document of the general text is one of `findTheLine`. */
export function isFindTheLine(document: string): boolean {
  return document.includes(`Question: ${FIND_THE_LINE} `);
}

const FIND_THE_LINE = 'Which line says';
