import type { Sample } from '../samples';
import { countFilled, countLoss } from './chunks';
import type { Packed, Packing } from './packing';

/** What a packing costs, and what its model gets to see. */
export interface PackingCost {
  readonly packing: Packing;
  readonly chunks: number;
  /** Positions computed: chunks x T. */
  readonly positions: number;
  /** Sample tokens / positions. */
  readonly fillRate: number;
  readonly lossTokens: number;
  /** Samples that lie in more than one chunk. */
  readonly samplesSplit: number;
  /** Loss tokens that are predicted without the beginning of their own prompt in sight: it lies in an earlier chunk. */
  readonly lossTokensCutOff: number;
  /** Pairs (token, earlier or same token it may attend to), of sample tokens. */
  readonly attendedPairs: number;
  /** Those of them that lie in two different samples. */
  readonly crossingPairs: number;
}

/** @param samples those that were packed */
export function packingCost({ chunks, report }: Packed, samples: readonly Sample[]): PackingCost {
  const positions = chunks.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const pieces = new Map<number, number>();
  let tokens = 0;
  let lossTokens = 0;
  let lossTokensCutOff = 0;
  let attendedPairs = 0;
  let crossingPairs = 0;
  for (const chunk of chunks) {
    tokens += countFilled(chunk);
    lossTokens += countLoss(chunk);
    const segmentStart = new Map<number, number>();
    for (const { sample, start, end, offset } of chunk.spans) {
      pieces.set(sample, (pieces.get(sample) ?? 0) + 1);
      const segment = chunk.segments[start]!;
      const first = segmentStart.get(segment) ?? start;
      segmentStart.set(segment, first);
      const own = end - start;
      // Token i of the piece sees what stands before the piece in its segment, and i + 1 tokens of the piece.
      attendedPairs += own * (start - first) + (own * (own + 1)) / 2;
      crossingPairs += own * (start - first);
      // A piece's tokens predict those after them: its own first token was predicted by the piece before.
      if (offset > 0) lossTokensCutOff += countLabels(samples[sample]!, offset + 1, offset + own + 1);
    }
  }
  return {
    packing: report.packing,
    chunks: chunks.length,
    positions,
    fillRate: tokens / positions,
    lossTokens,
    samplesSplit: [...pieces.values()].filter((count) => count > 1).length,
    lossTokensCutOff,
    attendedPairs,
    crossingPairs,
  };
}

const countLabels = ({ labels }: Sample, from: number, to: number): number =>
  labels.subarray(from, to).reduce((sum, label) => sum + (label >= 0 ? 1 : 0), 0);
