import type { EncodedRequest, RequestEncoder } from '../eval/encode-request';
import type { LoglikelihoodRequest } from '../eval/requests';

/** Encoded requests as JSON holds them, in order. Requests of one item share their context, which stands once. */
export interface StoredRequests {
  /** Token ids. */
  readonly contexts: readonly (readonly number[])[];
  /** The context's place among `contexts`, the continuation's token ids, and 1 where there is a seam, else 0. */
  readonly requests: readonly (readonly [context: number, continuation: readonly number[], seam: 0 | 1])[];
}

export function storedRequests(encoded: readonly EncodedRequest[]): StoredRequests {
  const contexts: (readonly number[])[] = [];
  const placeOf = new Map<readonly number[], number>();
  const requests = encoded.map(({ context, continuation, seam }) => {
    const place = placeOf.get(context) ?? contexts.push(context) - 1;
    placeOf.set(context, place);
    return [place, continuation, seam ? 1 : 0] as const;
  });
  return { contexts, requests };
}

/**
 * Gives requests the token ids that were stored for them.
 *
 * @param requests those that were stored, in the same order
 * @throws naming the item, when it is asked for a request that is none of them
 */
export function storedEncoder(
  requests: readonly LoglikelihoodRequest[],
  { contexts, requests: stored }: StoredRequests,
): RequestEncoder {
  const placeOf = new Map(requests.map((request, i) => [keyOf(request), i]));
  return async (asked) =>
    asked.map((request): EncodedRequest => {
      const found = stored[placeOf.get(keyOf(request)) ?? -1];
      if (!found) {
        throw new Error(
          `loglikelihood: item ${request.id} asks ${JSON.stringify(request.continuation)}, for which no token ids were ` +
            'stored; start the run again',
        );
      }
      const [context, continuation, seam] = found;
      return { context: contexts[context]!, continuation, seam: seam === 1 };
    });
}

const keyOf = ({ context, continuation }: LoglikelihoodRequest) => `${context.length} ${context}${continuation}`;
