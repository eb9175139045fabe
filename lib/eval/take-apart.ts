import type { EvalItem } from '../data/examples';
import type { Tokenizer } from '../data/tokenizer';
import { type BosPolicy, encodeRequests } from './encode-request';
import { checkItem } from './item-checks';
import { type ItemResult, itemResult } from './item-result';
import { loglikelihood, type TokenScorer } from './loglikelihood';
import { requestHash, requestsOf } from './requests';
import type { TaskVariant } from './tasks/definition';
import { type TaskName, taskOf } from './tasks/tasks';

/** One token of a continuation, and how likely the model found it. */
export interface TokenScore {
  readonly id: number;
  readonly text: string;
  /** Natural log. */
  readonly logProb: number;
}

/** A question taken apart: what the model is asked, in strings and tokens, and what it answers. */
export interface QuestionApart {
  readonly task: TaskName;
  readonly variant: TaskVariant;
  readonly context: string;
  readonly contextTokens: readonly { readonly id: number; readonly text: string }[];
  /** Of this item's request strings. */
  readonly requestHash: string;
  readonly choices: readonly {
    readonly continuation: string;
    readonly tokens: readonly TokenScore[];
    readonly logLikelihood: number;
    readonly isGreedy: boolean;
    readonly seam: boolean;
    readonly truncatedTokens: number;
  }[];
  readonly result: ItemResult;
}

/**
 * Scores one item and shows everything on the way.
 *
 * @throws as `scoreItems`
 */
export async function takeApart(
  item: EvalItem,
  scorer: TokenScorer,
  tokenizer: Tokenizer,
  { variant = 'present', bos = 'never' }: { readonly variant?: TaskVariant; readonly bos?: BosPolicy } = {},
): Promise<QuestionApart> {
  const task = taskOf(item, variant);
  checkItem(item, task);
  const requests = requestsOf(item, task);
  const encoded = await encodeRequests(requests, tokenizer, bos);
  const { results } = await loglikelihood(requests, scorer, tokenizer, { bos });
  const textOf = (id: number) => tokenizer.decode([id], { keepSpecial: true });
  return {
    task: task.name,
    variant,
    context: requests[0]!.context,
    contextTokens: await Promise.all(encoded[0]!.context.map(async (id) => ({ id, text: await textOf(id) }))),
    requestHash: requestHash(requests),
    choices: await Promise.all(
      results.map(async ({ logProbs, logLikelihood, isGreedy, seam, truncatedTokens }, i) => {
        const ids = encoded[i]!.continuation;
        const tokens = await Promise.all(
          ids.map(async (id, k) => ({ id, text: await textOf(id), logProb: logProbs[k]! })),
        );
        return { continuation: requests[i]!.continuation, tokens, logLikelihood, isGreedy, seam, truncatedTokens };
      }),
    ),
    result: itemResult(item, task, results),
  };
}
