import type { EvalItem } from '../data/examples';
import { type BosPolicy, encodeRequests, type ScoringTokenizer } from './encode-request';
import { requestsOf } from './requests';
import type { TaskVariant } from './tasks/definition';
import { taskOf } from './tasks/tasks';

/**
 * Items with an answer longer than the model's context: the context can be cut on the left, an answer cannot.
 * The harness stops at the first of them; a run on a small model leaves them out and says so.
 *
 * @param maxLength the model's context, in tokens
 */
export async function splitOverlong(
  items: readonly EvalItem[],
  tokenizer: ScoringTokenizer,
  maxLength: number,
  bos: BosPolicy,
  variant: TaskVariant = 'present',
): Promise<{ readonly scorable: readonly EvalItem[]; readonly overlong: readonly EvalItem[] }> {
  const requests = items.map((item) => requestsOf(item, taskOf(item, variant)));
  // Far shorter answers cannot be overlong, whatever the tokenizer: a token is at least a byte.
  const suspects = requests.flatMap((of, i) =>
    of.some((r) => Buffer.byteLength(r.continuation) >= maxLength - 1) ? [i] : [],
  );
  const encoded = await encodeRequests(
    suspects.flatMap((i) => requests[i]!),
    tokenizer,
    bos,
  );
  const overlong = new Set<number>();
  let next = 0;
  for (const i of suspects) {
    const own = encoded.slice(next, next + requests[i]!.length);
    next += requests[i]!.length;
    if (own.some((e) => e.continuation.length > maxLength)) overlong.add(i);
  }
  return {
    scorable: items.filter((_, i) => !overlong.has(i)),
    overlong: items.filter((_, i) => overlong.has(i)),
  };
}
