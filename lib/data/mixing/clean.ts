import type { Exchange, TrainExample } from '../rows';
import { htmlToText } from './html';
import { mendMojibake } from './mojibake';

/** What `cleanExample` may do to a row; a row may count under several. */
const MENDED = ['mojibake', 'html'] as const;
export type Mended = (typeof MENDED)[number];

export interface CleanedExample {
  /** Undefined where a prompt or response is empty: such a row teaches nothing. */
  readonly example: TrainExample | undefined;
  readonly mended: readonly Mended[];
}

/**
 * A row whose texts have no HTML and no mojibake. Mojibake first: the references of a misread text are ASCII and stay,
 * while `&Acirc;&micro;` was written so by somebody.
 */
export function cleanExample(example: TrainExample): CleanedExample {
  const mended = new Set<Mended>();
  const clean = (text: string): string => {
    const read = mendMojibake(text);
    if (read !== text) mended.add('mojibake');
    const plain = htmlToText(read);
    if (plain !== read) mended.add('html');
    return plain;
  };
  const { system, history, prompt, response, question, choices } = example;
  const exchange = (one: Exchange): Exchange => ({ prompt: clean(one.prompt), response: clean(one.response) });
  const cleaned: TrainExample = {
    ...example,
    ...(system === undefined ? {} : { system: clean(system) }),
    ...(history === undefined ? {} : { history: history.map(exchange) }),
    ...exchange({ prompt, response }),
    ...(question === undefined ? {} : { question: clean(question) }),
    ...(choices === undefined ? {} : { choices: choices.map(clean) }),
  };
  const { plain, history: turns = [] } = cleaned;
  const isEmpty = (text: string) => text.trim() === '';
  const empty = [...turns, cleaned].some((one) => isEmpty(one.response) || (!plain && isEmpty(one.prompt)));
  return { example: empty ? undefined : cleaned, mended: [...mended] };
}
