import { describe, expect, it } from 'vitest';
import { type BosPolicy, encodeRequests, type ScoringTokenizer } from '../../lib/eval/encode-request';
import { type LoglikelihoodResult, loglikelihood, type TokenScorer } from '../../lib/eval/loglikelihood';
import type { LoglikelihoodRequest } from '../../lib/eval/requests';
import { createRandom } from '../../lib/random';
import { byteTokenizer, distribution, fakeScorer, VOCABULARY } from './fakes';

const request = (context: string, continuation: string, id = 'item'): LoglikelihoodRequest => ({
  id,
  context,
  continuation,
});
const bytes = (text: string) => [...text].map((character) => character.charCodeAt(0) + 3);

/** The harness's loop, one request at a time, nothing shared: models/huggingface.py line by line. */
async function reference(
  { context, continuation }: LoglikelihoodRequest,
  maxLength: number,
  tokenizer: ScoringTokenizer,
  bos: BosPolicy,
): Promise<Pick<LoglikelihoodResult, 'logLikelihood' | 'isGreedy'>> {
  const encode = async (text: string, addSpecialTokens = bos === 'tokenizer') =>
    (await tokenizer.encodeBatch([text], { addSpecialTokens }))[0]!;
  let contextIds: number[];
  let continuationIds: number[];
  if (context === '') {
    continuationIds = await encode(continuation, false);
    contextIds = [tokenizer.bosId ?? tokenizer.eosId];
  } else {
    const spaces = context.length - context.trimEnd().length;
    const [head, tail] = [context.slice(0, context.length - spaces), context.slice(context.length - spaces)];
    const whole = await encode(head + tail + continuation);
    contextIds = await encode(head);
    continuationIds = whole.slice(contextIds.length);
  }
  const input = [...contextIds, ...continuationIds].slice(-(maxLength + 1)).slice(0, -1);
  let logLikelihood = 0;
  let isGreedy = true;
  for (const [i, token] of continuationIds.entries()) {
    const logProbs = distribution(input.slice(0, input.length - continuationIds.length + i + 1));
    logLikelihood += logProbs[token]!;
    isGreedy &&= logProbs.indexOf(Math.max(...logProbs)) === token;
  }
  return { logLikelihood, isGreedy };
}

describe('encodeRequests', () => {
  const one = async (context: string, continuation: string, bos: BosPolicy = 'never', tokenizer = byteTokenizer()) =>
    (await encodeRequests([request(context, continuation)], tokenizer, bos))[0]!;

  it('cuts the joint encoding by length', async () => {
    expect(await one('Q:', ' A')).toEqual({ context: bytes('Q:'), continuation: bytes(' A'), seam: false });
  });

  it('moves trailing white space to the continuation, as Python sees white space', async () => {
    expect(await one('Q: \n', 'A')).toEqual({ context: bytes('Q:'), continuation: bytes(' \nA'), seam: false });
    expect(await one('Q:\u001c', 'A')).toMatchObject({ context: bytes('Q:'), continuation: bytes('\u001cA') });
  });

  it('puts the prefix token for an empty context, once', async () => {
    expect(await one('', 'A')).toEqual({ context: [1], continuation: bytes('A'), seam: false });
    expect(await one('', 'A', 'tokenizer')).toEqual({ context: [1], continuation: bytes('A'), seam: false });
    expect(await one('  ', 'A')).toEqual({ context: [1], continuation: bytes('  A'), seam: false });
    const bosless = { ...byteTokenizer(), bosId: undefined };
    expect((await one('', 'A', 'never', bosless)).context).toEqual([2]);
    const spelling: ScoringTokenizer = { bosId: 1, eosId: 2, encodeBatch: async (texts) => texts.map(() => [1, 7]) };
    expect(await one('', '<s>A', 'never', spelling)).toMatchObject({ context: [1], continuation: [7] });
  });

  it('adds BOS only when told', async () => {
    expect((await one('Q:', ' A')).context).toEqual(bytes('Q:'));
    expect(await one('Q:', ' A', 'tokenizer')).toMatchObject({
      context: [1, ...bytes('Q:')],
      continuation: bytes(' A'),
    });
  });

  it('marks a seam where the tokenizer merges across the boundary, and cuts by length all the same', async () => {
    expect(await one('Q:', ' A', 'never', byteTokenizer([': ']))).toEqual({
      context: bytes('Q:'),
      continuation: bytes('A'),
      seam: true,
    });
  });

  it('names the item whose continuation has no token left', async () => {
    await expect(one('Q:', ' ', 'never', byteTokenizer([': ']))).rejects.toThrow(
      /item item: the tokenizer leaves " " no token of its own after "Q:"/,
    );
  });
});

describe('loglikelihood', () => {
  const tokenizer = byteTokenizer();

  it('sums the picks of a continuation and says whether each was the most likely', async () => {
    const best = (prefix: readonly number[]) => {
      const logProbs = new Float64Array(VOCABULARY).fill(Math.log(0.25 / (VOCABULARY - 1)));
      logProbs[prefix.length === 2 ? bytes('x')[0]! : bytes('y')[0]!] = Math.log(0.75);
      return logProbs;
    };
    const requests = ['xy', 'xx', 'y'].map((continuation) => request('Q:', continuation));
    const { results } = await loglikelihood(requests, fakeScorer(16, best), tokenizer);
    expect(results.map((result) => result.isGreedy)).toEqual([true, false, false]);
    expect(results.map((result) => result.tokenCount)).toEqual([2, 2, 1]);
    expect(results[0]!.logLikelihood).toBeCloseTo(2 * Math.log(0.75), 12);
    expect(results[1]!.logLikelihood).toBeCloseTo(Math.log(0.75) + Math.log(0.25 / (VOCABULARY - 1)), 12);
  });

  it('reads a question once, whatever its answers', async () => {
    const letters = fakeScorer(64);
    const lettered = byteTokenizer([' A', ' B', ' C', ' D']);
    const questions = ['Q1:', 'Q2:'].flatMap((q) => [' A', ' B', ' C', ' D'].map((letter) => request(q, letter, q)));
    expect((await loglikelihood(questions, letters, lettered)).rowCount).toBe(2);
    expect(letters.seen.map((row) => row.picks.map(({ node }) => node))).toEqual([Array(4).fill(2), Array(4).fill(2)]);
    expect(letters.seen[0]!.tree.tokens).toEqual(bytes('Q1:'));

    const words = fakeScorer(64);
    const texts = ['ab', 'ac', 'bc', 'b'].map((continuation) => request('Q:', continuation));
    expect(await loglikelihood(texts, words, tokenizer)).toMatchObject({ rowCount: 1, tokenCount: 4 });
    expect(words.seen[0]!.tree.tokens).toEqual(bytes('Q:ab'));
    expect(words.seen[0]!.picks.map(({ node }) => node)).toEqual([1, 2, 1, 2, 1, 3, 1]);
  });

  it('drops tokens from the left, never from the continuation, and counts them', async () => {
    const scorer = fakeScorer(5);
    const { results } = await loglikelihood([request('abcdef', 'XY'), request('abcd', 'XY')], scorer, tokenizer);
    const [row] = scorer.seen.filter(({ tree }) => tree.tokens[0] === bytes('c')[0]);
    expect(row!.tree.tokens).toEqual(bytes('cdefX'));
    expect(row!.picks).toEqual([
      { node: 3, target: bytes('X')[0] },
      { node: 4, target: bytes('Y')[0] },
    ]);
    expect(results.map((result) => result.truncatedTokens)).toEqual([2, 0]);
    expect(scorer.seen.map(({ tree }) => tree.tokens)).toContainEqual(bytes('abcdX'));
  });

  it('scores a continuation of exactly maxLength, and names the item of a longer one', async () => {
    const { results } = await loglikelihood([request('ab', 'VWXYZ')], fakeScorer(5), tokenizer);
    expect(results[0]).toMatchObject({ tokenCount: 5, truncatedTokens: 1 });
    await expect(loglikelihood([request('ab', 'UVWXYZ', 'long')], fakeScorer(5), tokenizer)).rejects.toThrow(
      /item long has a continuation of 6 tokens, more than maxLength 5/,
    );
  });

  it("refuses a tokenizer that is not the model's, and scores that are no numbers", async () => {
    const foreign = { ...fakeScorer(16), vocabSize: 50 };
    await expect(loglikelihood([request('Q:', ' A')], foreign, tokenizer)).rejects.toThrow(/vocabulary of 50/);
    const broken = fakeScorer(16, () => new Float64Array(VOCABULARY).fill(Number.NaN));
    await expect(loglikelihood([request('Q:', ' A', 'bad')], broken, tokenizer)).rejects.toThrow(
      /item bad: .* sum NaN/,
    );
    const short = async function* () {
      yield { row: 0, scores: [] };
    };
    const silent = async function* () {};
    const asking = (scoreRows: TokenScorer['scoreRows']) =>
      loglikelihood([request('Q:', ' A')], { ...fakeScorer(16), scoreRows }, tokenizer);
    await expect(asking(short)).rejects.toThrow(/gave 0 of 2 scores/);
    await expect(asking(silent)).rejects.toThrow(/scored 0 of 1 rows/);
  });

  it.each(['never', 'tokenizer'] as const)('equals the loop over single requests, bos %s', async (bos) => {
    const random = createRandom(7);
    const merging = byteTokenizer(['ab', ': ', ' a', 'ca']);
    const text = (length: number) => Array.from({ length }, () => 'abc: é'.charAt(random.int(6))).join('');
    const contexts = Array.from({ length: 60 }, (_, i) => (i === 0 ? '' : `x${text(random.int(14))}`));
    const requests = contexts.flatMap((context, i) =>
      [1, 1, 2, 4].map((n) => request(context, `${text(n)}d`, `item ${i}`)),
    );
    const maxLength = 12;
    const scorer = fakeScorer(maxLength);
    const told: number[] = [];
    const { results, rowCount, tokenCount } = await loglikelihood(requests, scorer, merging, {
      bos,
      onResult: (i) => void told.push(i),
    });
    for (const [i, one] of requests.entries()) {
      expect(results[i]).toMatchObject(await reference(one, maxLength, merging, bos));
    }
    expect(told.sort((a, b) => a - b)).toEqual(requests.map((_, i) => i));
    expect(rowCount).toBe(scorer.seen.length);
    expect(rowCount).toBeLessThan(requests.length / 2);
    expect(tokenCount).toBe(scorer.seen.reduce((sum, { tree }) => sum + tree.tokens.length, 0));
    expect(results.some((result) => result.seam)).toBe(true);
    expect(results.some((result) => result.truncatedTokens > 0)).toBe(true);
  });

  it('asks the model nothing when there is nothing to ask', async () => {
    const scorer = fakeScorer(4);
    expect(await loglikelihood([], scorer, tokenizer)).toEqual({ results: [], rowCount: 0, tokenCount: 0 });
    expect(scorer.seen).toHaveLength(0);
  });
});
