import type { Sample } from '../samples';
import { type Chunk, countFilled, countLoss } from './chunks';
import { packSamples } from './packing';

/** A way to make rows of one length out of samples of many. */
export type Layout = 'paper' | 'block-diagonal' | 'padded';

/** What a layout costs, and what its model gets to see. */
export interface LayoutCost {
  readonly layout: Layout;
  /** Rows of T positions. */
  readonly rows: number;
  /** Positions computed: rows x T. */
  readonly positions: number;
  /** Sample tokens / positions. */
  readonly fillRate: number;
  readonly lossTokens: number;
  /** Samples that lie in more than one row. */
  readonly samplesSplit: number;
  /** Loss tokens that are predicted without the beginning of their own prompt in sight: it lies in an earlier row. */
  readonly lossTokensCutOff: number;
  /** Pairs (token, earlier or same token it may attend to), of sample tokens. */
  readonly attendedPairs: number;
  /** Those of them that lie in two different samples. */
  readonly crossingPairs: number;
}

/**
 * One sample a row, filled up with padding: what is trained where nothing is packed. Each row is laid out as
 * `block-diagonal` would lay out that sample alone; a longer sample keeps its first T tokens.
 */
function padSamples(samples: readonly Sample[], maxSeqLen: number): Chunk[] {
  return samples.flatMap((sample, i) =>
    packSamples([sample], {
      packing: 'block-diagonal',
      maxSeqLen,
      overlong: 'truncate',
      zeroLossChunks: 'keep',
    }).chunks.map((chunk) => ({ ...chunk, spans: chunk.spans.map((span) => ({ ...span, sample: i })) })),
  );
}

/** The rows of a layout; none is left out for want of loss, and an overlong sample is cut where samples stay whole. */
export function layOut(samples: readonly Sample[], layout: Layout, maxSeqLen: number): readonly Chunk[] {
  if (layout === 'padded') return padSamples(samples, maxSeqLen);
  return packSamples(samples, { packing: layout, maxSeqLen, overlong: 'truncate', zeroLossChunks: 'keep' }).chunks;
}

/** @param chunks rows of a layout, all of one length, made of `samples` */
export function layoutCost(chunks: readonly Chunk[], samples: readonly Sample[], layout: Layout): LayoutCost {
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
    layout,
    rows: chunks.length,
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
