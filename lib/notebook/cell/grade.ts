import { inspect, isDeepStrictEqual } from 'node:util';
import { createRandom, type Random } from '../../random';

/** What a reader's function is held against: the library's own, on random inputs. */
export interface Reference<Inputs extends readonly unknown[], Answer> {
  readonly like: (...inputs: Inputs) => Answer;
  readonly given: (random: Random) => Inputs;
}

const ROUNDS = 100;
/** Of numbers, relative: another order of additions is not another answer. */
const TOLERANCE = 1e-6;
/** What rounding leaves where the answer is zero. */
const TINY = 1e-12;
const BLANK = 'not yet: the answer is still blank. Write yours under "your turn" and run this cell again.';
const MOST_CHARACTERS = 300;

/**
 * Compares a reader's function with the library's on 100 random inputs, the same each time, and says in one line how
 * it went: "right: …", or "not yet: …" with the first input on which they differ. Never throws because of the answer.
 *
 * @param yours a function that returns undefined has not been written yet
 * @param seed of the inputs
 */
export function grade<Inputs extends readonly unknown[], Answer>(
  yours: (...inputs: Inputs) => Answer | undefined,
  { like, given }: Reference<Inputs, Answer>,
  seed = 1,
): string {
  const random = createRandom(seed, 'exercise');
  for (let round = 1; round <= ROUNDS; round++) {
    const inputs = given(random);
    const expected = like(...inputs);
    const asked = inputs.map((input) => shown(input)).join(', ');
    let answer: Answer | undefined;
    try {
      // A copy: an answer that writes into its inputs must not change what it is compared with.
      answer = yours(...structuredClone(inputs));
    } catch (error) {
      return `not yet: for (${asked}) your function stopped with "${(error as Error)?.message ?? error}".`;
    }
    if (answer === undefined) return BLANK;
    if (!alike(answer, expected)) {
      return (
        `not yet: for (${asked}) your function gives ${shown(answer)}, the library's ${shown(expected)}` +
        `${round === 1 ? '' : ` (the ${round - 1} inputs before were right)`}.`
      );
    }
  }
  return `right: equal to the library's on ${ROUNDS} random inputs.`;
}

/**
 * Compares one answer with the right one, which it does not give away.
 *
 * @param hint what to look at again when the answer is wrong
 */
export function gradeAnswer<Answer>(yours: Answer | undefined, right: Answer, hint: string): string {
  if (yours === undefined) return BLANK;
  return alike(yours, right) ? `right: ${shown(right)}.` : `not yet: it is not ${shown(yours)}. ${hint}`;
}

function alike(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    return Object.is(a, b) || a === b || Math.abs(a - b) <= TINY + TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
  }
  if (isList(a) && isList(b)) {
    return a.length === b.length && Array.from(a).every((one, i) => alike(one, b[i]));
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = Object.keys(b);
    return Object.keys(a).length === keys.length && keys.every((key) => key in a && alike(a[key], b[key]));
  }
  return isDeepStrictEqual(a, b);
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !isList(value);

function shown(value: unknown): string {
  const text = inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, maxArrayLength: 12 });
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
