import { Buffer } from 'node:buffer';
import type { ScoringTokenizer } from '../../lib/eval/encode-request';
import type { PickScore, ScoringRow, TokenScorer } from '../../lib/eval/loglikelihood';
import { createRandom } from '../../lib/random';

/** Bytes shifted by two, after BOS 1 and EOS 2; a pair in `merges` is one token from 300 on. */
export function byteTokenizer(merges: readonly string[] = []): ScoringTokenizer {
  const encode = (text: string): number[] => {
    const ids: number[] = [];
    for (let i = 0; i < text.length; ) {
      const merge = merges.findIndex((pair) => text.startsWith(pair, i));
      const piece = merge < 0 ? String.fromCodePoint(text.codePointAt(i)!) : merges[merge]!;
      ids.push(...(merge < 0 ? [...Buffer.from(piece)].map((byte) => byte + 3) : [300 + merge]));
      i += piece.length;
    }
    return ids;
  };
  return {
    bosId: 1,
    eosId: 2,
    encodeBatch: async (texts, { addSpecialTokens }) =>
      texts.map((text) => [...(addSpecialTokens ? [1] : []), ...encode(text)]),
  };
}

export const VOCABULARY = 320;

/** The model's distribution after a prefix: any two prefixes give unrelated ones. */
export function distribution(prefix: readonly number[]): Float64Array {
  const random = createRandom(0, prefix.join(' '));
  const weights = Float64Array.from({ length: VOCABULARY }, () => random.next() + 1e-3);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => Math.log(weight / total));
}

export type CountingScorer = TokenScorer & { readonly seen: ScoringRow[] };

/** The tokens that a node of a row sees, itself the last: its ancestors. */
export function seenBy({ tree }: ScoringRow, node: number): number[] {
  return tree.tokens.filter((_, j) => j <= node && node < tree.ends[j]!);
}

/** A model whose every probability is known; it keeps the rows it was given, and answers the last first. */
export function fakeScorer(
  maxLength: number,
  logProbs: (prefix: readonly number[]) => Float64Array = distribution,
  balancedLength = 1000,
): CountingScorer {
  const seen: ScoringRow[] = [];
  const score = (row: ScoringRow): PickScore[] =>
    row.picks.map(({ node, target }) => {
      const all = logProbs(seenBy(row, node));
      return { logProb: all[target]!, isGreedy: all.indexOf(Math.max(...all)) === target };
    });
  return {
    maxLength,
    vocabSize: VOCABULARY,
    balancedLength,
    seen,
    scoreRows: async function* (rows) {
      const open = [...rows.entries()].filter(([, row]) => !row.known);
      seen.push(...open.map(([, row]) => row));
      for (const [i, row] of open.reverse()) yield { row: i, scores: score(row) };
    },
  };
}
