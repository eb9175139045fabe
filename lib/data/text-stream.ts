import type { Tokenizer } from './tokenizer';

/** Tokens before the new ones that are decoded beside them: a space before a word shows only after another. */
const CONTEXT = 8;
/** The bytes of a character are tokens of their own where the vocabulary has it not: a place in it is no start. */
const MAX_BYTES = 4;
const UNFINISHED = '\uFFFD';

/**
 * The text that each further token adds. A character may take several tokens: an unfinished one waits for the next.
 *
 * What is decoded begins where a text that was given out began. A decoder makes nothing of a run of bytes that begins or
 * breaks off within a character.
 *
 * @param prompt the tokens before, whose text is there already
 */
export function textStream(tokenizer: Pick<Tokenizer, 'decode'>, prompt: readonly number[]) {
  const ids = [...prompt];
  let from: number | undefined;
  let until = ids.length;
  return async (token: number): Promise<string> => {
    from ??= await startBefore(tokenizer, ids);
    ids.push(token);
    const before = await tokenizer.decode(ids.slice(from, until));
    const whole = await tokenizer.decode(ids.slice(from));
    if (whole.endsWith(UNFINISHED) || whole.length <= before.length) return '';
    from = until;
    until = ids.length;
    return whole.slice(before.length);
  };
}

async function startBefore(tokenizer: Pick<Tokenizer, 'decode'>, ids: readonly number[]): Promise<number> {
  const latest = Math.max(0, ids.length - CONTEXT);
  for (let start = latest; start > Math.max(0, latest - MAX_BYTES); start--) {
    if (!(await tokenizer.decode(ids.slice(start))).includes(UNFINISHED)) return start;
  }
  return Math.max(0, latest - MAX_BYTES);
}
