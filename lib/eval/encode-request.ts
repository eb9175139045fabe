import type { Tokenizer } from '../data/tokenizer';
import type { LoglikelihoodRequest } from './requests';
import { trailingSpaceStart } from './whitespace';

/** What scoring asks of a tokenizer. */
export type ScoringTokenizer = Pick<Tokenizer, 'bosId' | 'eosId' | 'encodeBatch'>;

/**
 * 'never': no token before the text, as the harness did for Llama until November 2025, and so in the paper's time.
 * 'tokenizer': whatever the tokenizer adds by itself, `<s>` for Llama-2 and nothing for some others, as the harness does
 * since its 0.4.9.2.
 * One command gives other numbers either way, so the choice is recorded with every result.
 */
export type BosPolicy = 'never' | 'tokenizer';

/** A request as token ids; `context` is never empty, `continuation` never. */
export interface EncodedRequest {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
  /** encode(context) is no prefix of encode(context + continuation): text was lost or doubled where they meet. */
  readonly seam: boolean;
}

/** Gives requests their token ids, in the same order. */
export type RequestEncoder = (requests: readonly LoglikelihoodRequest[]) => Promise<readonly EncodedRequest[]>;

/**
 * Tokenises requests as the harness does: together, then cut by length.
 *
 *     context 'Answer: '  continuation 'A'   the space moves:  'Answer:' + ' A'
 *     encode('Answer: A')  a b c d e
 *     encode('Answer:')    a b c             -> context a b c, continuation d e
 *
 * The cut counts tokens and aligns nothing: where the tokenizer merges across the boundary the model reads
 * encode(context) and then a tail that does not continue it. Such requests are marked `seam`, not mended.
 * An empty context becomes the prefix token (BOS, or EOS without one), unless the continuation starts with it.
 *
 * @throws naming the item, when a continuation is left without a token
 * Source: lm_eval/api/model.py, TemplateLM.loglikelihood and _encode_pair; models/huggingface.py, tok_encode.
 * Differs: a context of nothing but spaces is an empty one; the harness fails an assertion there. It also leaves BOS out
 * where the text spells it; here text never becomes a control token, so nothing can double.
 */
export async function encodeRequests(
  requests: readonly LoglikelihoodRequest[],
  tokenizer: ScoringTokenizer,
  bos: BosPolicy,
): Promise<EncodedRequest[]> {
  const encode = (texts: readonly string[]) => tokenizer.encodeBatch(texts, { addSpecialTokens: bos === 'tokenizer' });
  const pairs = requests.map(moveTrailingSpace);
  const contexts = [...new Set(pairs.map((pair) => pair.context))];
  const contextIds = new Map((await encode(contexts)).map((ids, i) => [contexts[i]!, ids]));
  const wholeIds = await encode(pairs.map((pair) => pair.context + pair.continuation));
  const bareIds = await tokenizer.encodeBatch(
    pairs.filter((pair) => pair.context === '').map((pair) => pair.continuation),
    { addSpecialTokens: false },
  );
  let bare = 0;
  return requests.map((request, i) => {
    const { context } = pairs[i]!;
    const encoded =
      context === ''
        ? afterPrefixToken(bareIds[bare++]!, tokenizer)
        : cutByLength(contextIds.get(context)!, wholeIds[i]!);
    if (encoded.continuation.length === 0) {
      throw new Error(
        `loglikelihood: item ${request.id}: the tokenizer leaves ${JSON.stringify(request.continuation)} no token of its own ` +
          `after ${JSON.stringify(request.context.slice(-20))}; change the delimiter or the end of the context`,
      );
    }
    return encoded;
  });
}

function moveTrailingSpace({ context, continuation }: LoglikelihoodRequest): { context: string; continuation: string } {
  const end = trailingSpaceStart(context);
  return { context: context.slice(0, end), continuation: context.slice(end) + continuation };
}

function cutByLength(context: readonly number[], whole: readonly number[]): EncodedRequest {
  return { context, continuation: whole.slice(context.length), seam: context.some((id, i) => whole[i] !== id) };
}

function afterPrefixToken(continuation: readonly number[], tokenizer: ScoringTokenizer): EncodedRequest {
  const prefix = tokenizer.bosId ?? tokenizer.eosId;
  const doubled = continuation[0] === prefix;
  return { context: [prefix], continuation: doubled ? continuation.slice(1) : continuation, seam: false };
}
