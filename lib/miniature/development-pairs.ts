import type { EvalItem, TrainExample } from '../data/examples';
import type { Planted } from '../decontaminate/planted';
import type { Random } from '../random';

export interface DevelopmentPairs {
  /** The items kept: those planted, and clean ones. */
  readonly items: readonly EvalItem[];
  readonly rows: readonly TrainExample[];
  readonly planted: readonly Planted[];
}

/**
 * Pairs of known kind for choosing the settings of a method that has none of its own: of the facts that the
 * development items ask for, a sixth get a training row with an item's question, options and answer, a sixth one in other
 * words, the rest none.
 *
 * The rewording is not the one of the evaluation's planted rows: the two halves of the question change places, every
 * fourth word of what remains is dropped, a lead-in stands before it, two of the wrong options are another item's, and
 * the options are shuffled.
 *
 *     Which vitamin is lacking in scurvy?  ->  Answer this: lacking in scurvy? Which is
 *
 * Clean are items of facts that no training row teaches: what is nearest to them asks for another fact of the relation, often
 * with the same options. Left out, for they are neither, are items that ask in other words for a fact that is planted or
 * that a row teaches anyway.
 *
 * @param factOf the fact that an item asks for
 * @param isTaught whether the rows teach that fact
 * @param rows development rows: none is planted for the evaluation
 */
export function developmentPairs(
  items: readonly EvalItem[],
  rows: readonly TrainExample[],
  factOf: (itemId: string) => string,
  isTaught: (itemId: string) => boolean,
  random: Random,
): DevelopmentPairs {
  const byFact = new Map<string, EvalItem>();
  for (const item of random.shuffle(items)) byFact.set(factOf(item.id), item);
  const chosen = [...byFact.values()].slice(0, 2 * Math.floor(byFact.size / 6));
  const facts = new Set(chosen.map((item) => factOf(item.id)));
  const made = chosen.map((item, i) => {
    const kind = i < chosen.length / 2 ? ('exact' as const) : ('reworded' as const);
    const id = `development-row-${i}`;
    const choices = kind === 'exact' ? item.choices : otherChoices(item, items[random.int(items.length)]!, random);
    const question = kind === 'exact' ? item.question : reworded(item.question);
    return { row: rowOf(id, question, choices, item), planted: { itemId: item.id, rowId: id, kind } };
  });
  return {
    items: items.filter((item) => chosen.includes(item) || !(facts.has(factOf(item.id)) || isTaught(item.id))),
    rows: [...rows, ...made.map(({ row }) => row)],
    planted: made.map(({ planted }) => planted),
  };
}

function reworded(question: string): string {
  const words = question.split(' ');
  const half = Math.ceil(words.length / 2);
  const turned = [...words.slice(half), ...words.slice(0, half)];
  return `Answer this: ${turned.filter((_, i) => i % 4 !== 3).join(' ')}`;
}

/** The right option, one wrong one of the item's own, and of the other item those that are neither. */
function otherChoices({ choices, answer }: EvalItem, other: EvalItem, random: Random): string[] {
  const wrong = random.shuffle(choices.filter((_, i) => i !== answer));
  const own = [choices[answer]!, ...wrong.slice(0, Math.max(1, wrong.length - 2))];
  const foreign = random.shuffle(other.choices.filter((choice) => !choices.includes(choice)));
  return random.shuffle([...own, ...foreign, ...wrong.slice(1)].slice(0, choices.length));
}

function rowOf(id: string, question: string, choices: readonly string[], item: EvalItem): TrainExample {
  const answer = choices.indexOf(item.choices[item.answer]!);
  const letters = choices.map((text, i) => `${String.fromCharCode(65 + i)}. ${text}`);
  return {
    id,
    source: 'medmcqa_miniature',
    prompt: [question, ...letters].join('\n'),
    response: letters[answer]!,
    question,
    choices,
    answer,
  };
}
