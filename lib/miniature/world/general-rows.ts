import type { SubsetKey } from '../../paper/table-a1';
import type { Random } from '../../random';
import { askFor } from './asking';
import { createDeck, createQuiz, lettered, letterOf, pick, type Usage } from './blocks';
import type { EverydayCells } from './everyday-cells';
import type { RowMaker } from './medical-rows';
import { fill, sentence } from './relation';

const HELPER = 'You are a helpful assistant.';
const TEACHER = 'You are a teacher. Explain each step.';
const NAMES = ['Tom', 'Anna', 'Ben', 'Lisa', 'Omar', 'Maya'] as const;
const GOODS = ['apples', 'books', 'coins', 'eggs', 'stones', 'flowers'] as const;

/** A sum with its story and its steps. */
export function sum(random: Random) {
  const [name, goods] = [pick(NAMES, random), pick(GOODS, random)];
  const [a, b] = [1 + random.int(9), 1 + random.int(9)];
  const [more, less] = [Math.max(a, b), Math.min(a, b)];
  return random.int(2) === 0
    ? {
        story: `${name} has ${a} ${goods} and finds ${b} more.`,
        question: `How many ${goods} does ${name} have now?`,
        steps: `Start with ${a}. Add ${b}: ${a} + ${b} = ${a + b}.`,
        result: a + b,
      }
    : {
        story: `${name} has ${more} ${goods} and gives away ${less}.`,
        question: `How many ${goods} does ${name} have left?`,
        steps: `Start with ${more}. Take away ${less}: ${more} - ${less} = ${more - less}.`,
        result: more - less,
      };
}

/** One maker for each general row of table A1; each has a system prompt, as OpenOrca's rows do. */
export function generalRowMakers(
  cells: EverydayCells,
  isTaken: (choices: readonly string[]) => boolean,
  random: Random,
) {
  const usage: Usage = new Map();
  const quiz = createQuiz(cells.quizzed, usage, random, isTaken);
  const deck = createDeck(cells.quizzed, usage, random);
  const draw = () => {
    const { cell, fact } = deck();
    const { templates } = cell.relation;
    return { fact, says: sentence(pick(templates.statements, random), fact), asks: askFor(fact, templates, random) };
  };

  return {
    openorca_t0: () => {
      const kind = random.int(3);
      if (kind === 0) {
        const { asks, says } = draw();
        return { system: HELPER, prompt: asks, response: says };
      }
      if (kind === 1) {
        const { asks, says, fact } = draw();
        return { system: HELPER, prompt: `Text: ${says} ${draw().says}\nQuestion: ${asks}`, response: fact.object };
      }
      const { cell, fact, wrong } = quiz();
      const isTrue = random.int(2) === 0;
      const claim = fill(cell.relation.templates.claim, {
        subject: fact.subject,
        object: isTrue ? fact.object : wrong,
      });
      return { system: HELPER, prompt: `Yes or no: is it true that ${claim}?`, response: isTrue ? 'Yes.' : 'No.' };
    },
    openorca_flan: () => {
      const kind = random.int(4);
      if (kind === 0) {
        const { says, fact } = draw();
        return {
          system: HELPER,
          prompt: `Write a sentence with these words: ${fact.subject}, ${fact.object}.`,
          response: says,
        };
      }
      if (kind === 1) {
        const numbers = Array.from({ length: 4 }, () => 1 + random.int(30));
        const sorted = [...numbers].sort((a, b) => a - b);
        return { system: HELPER, prompt: `Put in order: ${numbers.join(', ')}`, response: sorted.join(', ') };
      }
      const { cell, fact, choices, answer } = quiz();
      const question = askFor(fact, cell.relation.templates, random);
      const prompt = `${question}\n${lettered(choices)}`;
      return { system: HELPER, prompt, response: `${letterOf(answer)}. ${fact.object}`, question, choices, answer };
    },
    openorca_cot: () => {
      if (random.int(2) === 0) {
        const { story, question, steps, result } = sum(random);
        return { system: TEACHER, prompt: `${story} ${question}`, response: `${steps} The answer is ${result}.` };
      }
      const { cell, fact, choices, answer } = quiz();
      const question = askFor(fact, cell.relation.templates, random);
      const says = sentence(pick(cell.relation.templates.statements, random), fact);
      const response = `${says} That is ${letterOf(answer)}. The answer is ${letterOf(answer)}.`;
      return { system: TEACHER, prompt: `${question}\n${lettered(choices)}`, response, question, choices, answer };
    },
  } satisfies Partial<Record<SubsetKey, RowMaker>>;
}
