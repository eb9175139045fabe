import {
  type BosPolicy,
  type EncodedRequest,
  encodeRequests,
  type RequestEncoder,
  type ScoringTokenizer,
} from './encode-request';
import type { LoglikelihoodRequest } from './requests';
import { sharedRows, type TokenTree } from './token-tree';

/** One row of a batch: what the model reads, and the nodes whose next-token distribution is asked for. */
export interface ScoringRow {
  readonly tree: TokenTree;
  readonly picks: readonly { readonly node: number; readonly target: number }[];
  /** Its scores are not asked for. It keeps its place: what is computed together with it does not change by it. */
  readonly known?: boolean;
}

/** Of one pick: the natural log of the target's probability, and whether the target is the argmax (the first maximum). */
export interface PickScore {
  readonly logProb: number;
  readonly isGreedy: boolean;
}

/** A row of those given, and a score for each of its picks. */
export interface ScoredRow {
  readonly row: number;
  readonly scores: readonly PickScore[];
}

/** A model that scores rows. Rows are independent; it batches and pads them itself. */
export interface TokenScorer {
  /** The most tokens that one sequence of a row may have. */
  readonly maxLength: number;
  readonly vocabSize: number;
  /** The row length at which attention costs what the linear layers cost. */
  readonly balancedLength: number;
  /** Each row that is not known once, in the order in which they are done; who stops reading stops the model. */
  scoreRows(rows: readonly ScoringRow[]): AsyncIterable<ScoredRow>;
}

export interface LoglikelihoodResult {
  /** Sum of the natural logs over the continuation's tokens. */
  readonly logLikelihood: number;
  /** Whether greedy decoding would have written the continuation. */
  readonly isGreedy: boolean;
  /** Of each token of the continuation. */
  readonly logProbs: readonly number[];
  /** Tokens of the continuation. */
  readonly tokenCount: number;
  /** Tokens dropped from the left of the context. */
  readonly truncatedTokens: number;
  readonly seam: boolean;
}

export interface LoglikelihoodOptions {
  readonly bos?: BosPolicy;
  /** Where these requests' token ids are known already; default: they are tokenised. */
  readonly encode?: RequestEncoder;
  /** Requests, by place, whose results an earlier start has: they are left out of the results. */
  readonly isKnown?: (request: number) => boolean;
  /** Rows done, of all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Each result as soon as it is there, by its request's place; the model waits for what it returns. */
  readonly onResult?: (request: number, result: LoglikelihoodResult) => Promise<void> | void;
}

export interface Loglikelihoods {
  readonly results: readonly LoglikelihoodResult[];
  /** What the model read, in this start and in earlier ones. */
  readonly rowCount: number;
  readonly tokenCount: number;
}

/** Requests tokenised in one call: enough for the tokenizer's threads, little memory. */
const CHUNK = 2048;

/**
 * The log-likelihood of each continuation after its context.
 *
 *     context + continuation    c c c c c c|A B C      [-(maxLength + 1):] keeps the end, so the left is dropped
 *     the model reads           c c c c c c|A B        without the last token
 *     and is asked for                    A B C        one pick for each token of the continuation
 *
 * Requests of one item that follow each other share what their inputs begin with: the letters A to D after a question
 * are one forward pass with four picks at its last token; whole answers are branches after it. A request that the cut
 * or the tokenizer gave another context branches off where it differs. The sums do not change by it.
 *
 * @param requests any number, in any order; results come back in the same order
 * @throws naming the item: a continuation longer than maxLength, a token outside the model's vocabulary, a score that is no finite number
 * Source: lm_eval/models/huggingface.py, _loglikelihood_tokens.
 * Differs: the harness shares a forward pass among equal inputs only (`logits_cache`); its warning counts one truncated
 * token too many, `truncatedTokens` is what is really dropped.
 */
export async function loglikelihood(
  requests: readonly LoglikelihoodRequest[],
  scorer: TokenScorer,
  tokenizer: ScoringTokenizer,
  options: LoglikelihoodOptions = {},
): Promise<Loglikelihoods> {
  const { bos = 'never', isKnown = () => false, onProgress, onResult } = options;
  const { encode = (some) => encodeRequests(some, tokenizer, bos) } = options;
  const inputs: ModelInput[] = [];
  for (let start = 0; start < requests.length; start += CHUNK) {
    const chunk = requests.slice(start, start + CHUNK);
    for (const [i, encoded] of (await encode(chunk)).entries()) {
      inputs.push(modelInput(encoded, chunk[i]!.id, scorer));
    }
  }
  const rows = rowsOf(requests, inputs, scorer.balancedLength).map((row) => ({
    ...row,
    known: row.requests.every(isKnown),
  }));
  const results: LoglikelihoodResult[] = [];
  let done = rows.filter(({ known }) => known).length;
  if (done < rows.length) {
    for await (const { row, scores } of scorer.scoreRows(rows)) {
      // Computed again with a row of its batch that is not known.
      if (rows[row]!.known) continue;
      let first = 0;
      for (const i of rows[row]!.requests) {
        const own = scores.slice(first, first + inputs[i]!.continuation.length);
        first += own.length;
        results[i] = resultOf(requests[i]!, inputs[i]!, own);
        await onResult?.(i, results[i]);
      }
      done++;
      onProgress?.(done, rows.length);
    }
  }
  if (done < rows.length) throw new Error(`loglikelihood: the model scored ${done} of ${rows.length} rows`);
  return { results, rowCount: rows.length, tokenCount: rows.reduce((sum, { tree }) => sum + tree.tokens.length, 0) };
}

export interface ModelInput {
  readonly tokens: readonly number[];
  readonly continuation: readonly number[];
  readonly truncatedTokens: number;
  readonly seam: boolean;
}

/** What the model reads for one request, and the continuation it is asked for. */
export function modelInput(
  { context, continuation, seam }: EncodedRequest,
  id: string,
  { maxLength, vocabSize }: Pick<TokenScorer, 'maxLength' | 'vocabSize'>,
): ModelInput {
  if (continuation.length > maxLength) {
    throw new Error(
      `loglikelihood: item ${id} has a continuation of ${continuation.length} tokens, more than maxLength ${maxLength}; ` +
        'raise maxLength or leave the item out',
    );
  }
  const whole = [...context, ...continuation];
  const unknown = whole.find((token) => token >= vocabSize);
  if (unknown !== undefined) {
    throw new Error(
      `loglikelihood: item ${id} has token ${unknown}, outside the model's vocabulary of ${vocabSize}; ` +
        'use the tokenizer that belongs to the model',
    );
  }
  const truncatedTokens = Math.max(0, whole.length - (maxLength + 1));
  return { tokens: whole.slice(truncatedTokens, -1), continuation, truncatedTokens, seam };
}

/** The rows of all items; a row's picks are those of its requests, one after the other. */
function rowsOf(
  requests: readonly LoglikelihoodRequest[],
  inputs: readonly ModelInput[],
  balance: number,
): (ScoringRow & { readonly requests: readonly number[] })[] {
  const rows: (ScoringRow & { readonly requests: readonly number[] })[] = [];
  for (let first = 0, end = 0; first < requests.length; first = end) {
    while (requests[end]?.id === requests[first]!.id) end++;
    const own = inputs.slice(first, end);
    for (const { tree, paths } of sharedRows(
      own.map(({ tokens }) => tokens),
      balance,
    )) {
      const members = [...paths.keys()].sort((a, b) => a - b);
      const picks = members.flatMap((i) => {
        const { continuation } = own[i]!;
        const nodes = paths.get(i)!.slice(-continuation.length);
        return continuation.map((target, k) => ({ node: nodes[k]!, target }));
      });
      rows.push({ tree, picks, requests: members.map((i) => first + i) });
    }
  }
  return rows;
}

function resultOf(
  { id }: LoglikelihoodRequest,
  { continuation, truncatedTokens, seam }: ModelInput,
  scores: readonly PickScore[],
): LoglikelihoodResult {
  const logProbs = scores.map((pick) => pick.logProb);
  const logLikelihood = logProbs.reduce((sum, logProb) => sum + logProb, 0);
  if (scores.length !== continuation.length || !Number.isFinite(logLikelihood)) {
    throw new Error(
      `loglikelihood: item ${id}: the model gave ${scores.length} of ${continuation.length} scores, sum ${logLikelihood}; ` +
        'its weights or its scorer are broken',
    );
  }
  const isGreedy = scores.every((pick) => pick.isGreedy);
  return { logLikelihood, isGreedy, logProbs, tokenCount: continuation.length, truncatedTokens, seam };
}
