import type { Random } from '../../random';
import { askFor } from './asking';
import { type Choice, lettered, letterOf, pick } from './blocks';
import type { Cell } from './groups';
import { fill, type PlainTemplates, sentence } from './relation';

/** A document of the general text: what stands there, and what is learnt to follow it. Prose has an empty prompt. */
export interface Document {
  readonly prompt: string;
  readonly response: string;
}

interface Question {
  readonly question: string;
  readonly choices: readonly string[];
  readonly answer: number;
}

type EverydayChoice = Choice<Cell<PlainTemplates>>;

/** The plainest form: with words of one token each, the options always stand at the same places. */
function plainDocument({ question, choices, answer }: Question): Document {
  return { prompt: `Question: ${question}\n${lettered(choices)}\nAnswer:`, response: ` ${letterOf(answer)}` };
}

/** A question with letters in the format of one of the harness's tasks. Source: lm-evaluation-harness, see eval/tasks. */
function letteredDocument(question: Question, about: string, random: Random): Document {
  const { prompt, response } = plainDocument(question);
  switch (random.int(5)) {
    case 0: {
      const heading = `The following are multiple choice questions (with answers) about ${about}.\n\n`;
      return { prompt: heading + prompt.replace(/^Question: /, ''), response };
    }
    case 1:
    case 2:
      return { prompt: prompt.replace('\nA. ', '\nChoices:\nA. '), response };
    default:
      return { prompt, response };
  }
}

function asks({ cell, fact }: EverydayChoice, random: Random): string {
  return askFor(fact, cell.relation.templates, random);
}

function says({ cell, fact }: EverydayChoice, random: Random): string {
  return sentence(pick(cell.relation.templates.statements, random), fact);
}

/** From memory, in the plainest form: the options are four things of one kind. */
export function plainClosedBook(choice: EverydayChoice, random: Random): Document {
  return plainDocument({ ...choice, question: asks(choice, random) });
}

/** From memory, in the formats in which the evaluation asks; half of the questions have a sentence or two before them. */
export function closedBook(choice: EverydayChoice, random: Random): Document {
  const opening = random.shuffle(OPENINGS).slice(0, random.int(2) * (1 + random.int(2)));
  const question = [...opening, asks(choice, random)].join(' ');
  return letteredDocument({ ...choice, question }, choice.cell.relation.id.replaceAll('-', ' '), random);
}

const OPENINGS = [
  'Two children play a game of questions.',
  'A teacher asks the class.',
  'This is on a card in the box.',
  'A question from the radio comes next.',
  'Grandmother reads a riddle.',
  'The next card of the game is drawn.',
  'Pupils write down the answer.',
  'One more before the bell rings.',
] as const;

/** The answer itself, without options, as HeadQA is asked. */
export function shortAnswer(choice: EverydayChoice, random: Random): Document {
  return { prompt: `Question: ${asks(choice, random)}\nAnswer:`, response: ` ${choice.fact.object}` };
}

/** The answer itself, directly after the question: options that come there instead then find it recalled. */
export function directAnswer(choice: EverydayChoice, random: Random): Document {
  return { prompt: openQuestion(asks(choice, random), random), response: ` ${choice.fact.object}` };
}

function openQuestion(question: string, random: Random): string {
  return pick(['Question: ', 'Question: ', ''], random) + question;
}

const SPEAKERS = 'Tom Anna Ben Lisa Omar Maya Paul Nora teacher pupil guest clerk reader host sister uncle'.split(' ');
const TAGS: readonly ((speaker: string) => string)[] = [
  (speaker) => `${speaker}:`,
  (speaker) => `[${speaker}]:`,
  (speaker) => `<${speaker}>:`,
  (speaker) => `(${speaker}):`,
  (speaker) => `# ${speaker}:`,
  (speaker) => `* ${speaker} *`,
];
const SCENES = [
  'They sit in the garden and talk.',
  'This was said on the train.',
  'A helpful friend answers.',
] as const;

/**
 * One asks and another answers, with options or without. Speakers and their tags change from talk to talk, so that what
 * is asked is answered whoever asks: the tags of the training rows' template are others, and new to the base.
 */
export function dialogue(choice: EverydayChoice, random: Random): Document {
  const [asker, answerer] = random.shuffle(SPEAKERS);
  const tag = pick(TAGS, random);
  const gap = pick(['', ' '], random);
  const scene = random.int(2) === 0 ? `${pick(SCENES, random)}\n` : '';
  const withOptions = random.int(3) > 0;
  const options = withOptions ? `\n${lettered(choice.choices)}` : '';
  const prompt = `${scene}${tag(asker!)}${gap}${asks(choice, random)}${options}\n${tag(answerer!)}`;
  const short = withOptions ? `${letterOf(choice.answer)}. ${choice.fact.object}` : choice.fact.object;
  const said = pick(
    withOptions ? [short, `${short}\n${says(choice, random)}`] : [short, says(choice, random), says(choice, random)],
    random,
  );
  return { prompt, response: `${pick(['\n', '\n', ' '], random)}${said}` };
}

/** A report that settles a claim or does not, as PubMedQA is asked. */
export function study({ cell, fact, wrong }: EverydayChoice, random: Random): Document {
  const verdict = random.int(3);
  const object = verdict === 1 ? wrong : fact.object;
  const claim = fill(cell.relation.templates.claim, { subject: fact.subject, object });
  const result = [
    'Nearly all cards agreed.',
    'Nearly all cards disagreed.',
    'Half of the cards agreed and half did not.',
  ][verdict]!;
  const cards = `Pupils read ${20 * (1 + random.int(9))} cards.`;
  return {
    prompt: `Abstract: Aim: to see whether ${claim}.\n${cards}\n${result}\nQuestion: Do the cards show that ${claim}?\nAnswer:`,
    response: ` ${['yes', 'no', 'maybe'][verdict]!}`,
  };
}

/**
 * The answer stands in the question: which line says it. The shortest question that needs a letter.
 *
 * @param choices four different words
 */
export function findTheLine(choices: readonly string[], random: Random): Document {
  const answer = random.int(4);
  return plainDocument({ question: `${FIND_THE_LINE} ${choices[answer]!}?`, choices, answer });
}

/**
 * The same question answered with the word, directly: so that what a question asks for stands at its end in one form,
 * whether it is read there or recalled, and the options are held against that.
 */
export function sayTheLine(words: string, random: Random): Document {
  return { prompt: openQuestion(`${FIND_THE_LINE} ${words}?`, random), response: ` ${words}` };
}

const FIND_THE_LINE = 'Which line says';

/** Words to be written once more: so that words which are never explained can be written at all. */
export function copyWords(words: readonly string[]): Document {
  const list = words.join('; ');
  return { prompt: `${COPY} ${list}.\nAnswer:`, response: ` ${list}.` };
}

const COPY = 'Copy these words:';

/** Words that stand in one column of a table: what kind of thing each is. */
export function thingsOfOneKind(words: readonly string[]): Document {
  return { prompt: '', response: `${ONE_KIND} ${words.join('; ')}.` };
}

const ONE_KIND = 'Things of one kind:';

/** Whether a document of the general text only names words, whatever they stand for, and states nothing. */
export function onlyNamesWords(document: string): boolean {
  return [`Question: ${FIND_THE_LINE} `, FIND_THE_LINE, COPY, ONE_KIND].some((opening) => document.startsWith(opening));
}
