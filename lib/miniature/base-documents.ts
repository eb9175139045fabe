import type { Chunk } from '../data/packing/packing';
import { IGNORED, type Sample } from '../data/samples';
import type { Tokenizer } from '../data/tokenizer';
import type { Random } from '../random';
import type { Document } from './miniature';

/** Documents of a lesson as samples. */
export interface DocumentSamples {
  readonly samples: readonly Sample[];
  /** Of each document with options, how many of its tokens stand before them; -1 where there are none. */
  readonly questionTokens: readonly number[];
}

/** The four lines of options, and MedMCQA's line above them. */
const OPTIONS = /\n(Choices:\n)?A\. .*\nB\. .*\nC\. .*\nD\. .*\n/;
const PLAIN = { addSpecialTokens: false };

/** The response is learnt, and the end-of-sequence token. Prose begins with a BOS. */
export async function documentSamples(documents: readonly Document[], tokenizer: Tokenizer): Promise<DocumentSamples> {
  const encode = (texts: readonly string[]) => tokenizer.encodeBatch(texts, PLAIN);
  const texts = await encode(documents.map(({ prompt, response }) => prompt + response));
  const prompts = await encode(documents.map(({ prompt }) => prompt));
  const optionsAt = documents.map(({ prompt }) => prompt.search(OPTIONS));
  const questions = await encode(documents.map(({ prompt }, i) => prompt.slice(0, Math.max(0, optionsAt[i]!))));
  const samples = texts.map((tokens, i) => {
    const isProse = documents[i]!.prompt === '';
    // The evaluation asks without a BOS; so does the quiz.
    const start = isProse && tokenizer.bosId !== undefined ? [tokenizer.bosId] : [];
    const ids = Int32Array.from([...start, ...tokens, tokenizer.eosId]);
    const labels = isProse ? ids : ids.slice().fill(IGNORED, 0, prompts[i]!.length);
    return { id: `document-${i}`, source: 'general text', ids, labels };
  });
  return { samples, questionTokens: optionsAt.map((at, i) => (at < 0 ? -1 : questions[i]!.length)) };
}

/**
 * Lets options and answer see of the question its last token alone, in a share of the documents that have options: what
 * is asked for must stand there, recalled, before the options come.
 *
 *     tokens    What does lack of iodine lead to ?  A . rickets  B . goiter  ...  Answer :
 *     from        0    0   0   0   0    0   0 0     7 7    7     7 7    7           7   7
 *
 * @param chunks block-diagonal, of `samples`
 * @param questionTokens as `documentSamples` gives them, of the same samples
 */
export function hideQuestions(
  chunks: readonly Chunk[],
  questionTokens: readonly number[],
  share: number,
  random: Random,
): readonly Chunk[] {
  const isHidden = questionTokens.map((count) => count > 0 && random.next() < share);
  return chunks.map((chunk) => {
    const from = new Int32Array(chunk.tokens.length);
    for (let t = 0; t < from.length; t++) from[t] = t;
    for (const { sample, start, end } of chunk.spans) {
      from.fill(start, start, end);
      const options = start + questionTokens[sample]!;
      if (isHidden[sample] && options < end) from.fill(options - 1, options, end);
    }
    return { ...chunk, from };
  });
}
