import { createHash } from 'node:crypto';
import { type BosPolicy, type EncodedRequest, encodeRequests, type ScoringTokenizer } from './encode-request';
import type { LoglikelihoodRequest } from './requests';

/** One row of a batch: what the model reads, and the places whose next-token distribution is asked for. */
export interface ScoringRow {
  readonly tokens: readonly number[];
  readonly picks: readonly { readonly position: number; readonly target: number }[];
}

/** Of one pick: the natural log of the target's probability, and whether the target is the argmax (the first maximum). */
export interface PickScore {
  readonly logProb: number;
  readonly isGreedy: boolean;
}

/** A model that scores rows. Rows are independent and come in any order; it batches and pads them itself. */
export interface TokenScorer {
  /** The most tokens a row may have. */
  readonly maxLength: number;
  readonly vocabSize: number;
  /** @returns for each row, a score for each of its picks */
  scoreRows(rows: readonly ScoringRow[], onProgress?: (done: number, total: number) => void): Promise<PickScore[][]>;
}

export interface LoglikelihoodResult {
  /** Sum of the natural logs over the continuation's tokens. */
  readonly logLikelihood: number;
  /** Whether greedy decoding would have written the continuation. */
  readonly isGreedy: boolean;
  /** Tokens of the continuation. */
  readonly tokenCount: number;
  /** Tokens dropped from the left of the context. */
  readonly truncatedTokens: number;
  readonly seam: boolean;
}

export interface LoglikelihoodOptions {
  readonly bos?: BosPolicy;
  readonly onProgress?: (done: number, total: number) => void;
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
 * Requests whose model input is the same share a row: the letters A to D after one question are one forward pass with
 * four picks. The sums do not change by it.
 *
 * @param requests any number, in any order; results come back in the same order
 * @returns the results, and how many rows the model read
 * @throws naming the item: a continuation longer than maxLength, a token outside the model's vocabulary, a score that is no finite number
 * Source: lm_eval/models/huggingface.py, _loglikelihood_tokens; the sharing is its `logits_cache`.
 * Differs: the harness's warning counts one truncated token too many; `truncatedTokens` is what is really dropped.
 */
export async function loglikelihood(
  requests: readonly LoglikelihoodRequest[],
  scorer: TokenScorer,
  tokenizer: ScoringTokenizer,
  { bos = 'never', onProgress }: LoglikelihoodOptions = {},
): Promise<{ results: LoglikelihoodResult[]; rowCount: number }> {
  const rows = new SharedRows();
  const places: (Place & Omit<LoglikelihoodResult, 'logLikelihood' | 'isGreedy'>)[] = [];
  for (let start = 0; start < requests.length; start += CHUNK) {
    const chunk = requests.slice(start, start + CHUNK);
    for (const [i, encoded] of (await encodeRequests(chunk, tokenizer, bos)).entries()) {
      const { tokens, picks, truncatedTokens } = modelInput(encoded, chunk[i]!.id, scorer);
      places.push({ ...rows.add(tokens, picks), tokenCount: picks.length, truncatedTokens, seam: encoded.seam });
    }
  }
  const scores = rows.rows.length > 0 ? await scorer.scoreRows(rows.rows, onProgress) : [];
  const results = places.map(({ row, firstPick, ...counts }, i) => {
    const picked = scores[row]?.slice(firstPick, firstPick + counts.tokenCount) ?? [];
    const logLikelihood = picked.reduce((sum, pick) => sum + pick.logProb, 0);
    if (picked.length !== counts.tokenCount || !Number.isFinite(logLikelihood)) {
      throw new Error(
        `loglikelihood: item ${requests[i]!.id}: the model gave ${picked.length} of ${counts.tokenCount} scores, sum ${logLikelihood}; ` +
          'its weights or its scorer are broken',
      );
    }
    return { logLikelihood, isGreedy: picked.every((pick) => pick.isGreedy), ...counts };
  });
  return { results, rowCount: rows.rows.length };
}

/** What the model reads for one request, and the picks for its continuation. */
function modelInput(
  { context, continuation }: EncodedRequest,
  id: string,
  { maxLength, vocabSize }: Pick<TokenScorer, 'maxLength' | 'vocabSize'>,
): ScoringRow & { truncatedTokens: number } {
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
  const tokens = whole.slice(truncatedTokens, -1);
  const first = tokens.length - continuation.length;
  return { tokens, picks: continuation.map((target, i) => ({ position: first + i, target })), truncatedTokens };
}

interface Place {
  readonly row: number;
  readonly firstPick: number;
}

/** Rows in the order they came, with one row for each different input. */
class SharedRows {
  readonly rows: { tokens: readonly number[]; picks: ScoringRow['picks'][number][] }[] = [];
  private readonly placeOf = new Map<string, number>();

  add(tokens: readonly number[], picks: ScoringRow['picks']): Place {
    const key = createHash('sha256').update(Int32Array.from(tokens)).digest('base64');
    const row = this.placeOf.get(key) ?? this.rows.length;
    if (row === this.rows.length) {
      this.placeOf.set(key, row);
      this.rows.push({ tokens, picks: [] });
    }
    const shared = this.rows[row]!;
    const firstPick = shared.picks.length;
    shared.picks.push(...picks);
    return { row, firstPick };
  }
}
