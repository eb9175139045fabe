import { createHash } from 'node:crypto';
import { IGNORED, type SampleList } from '../samples';
import { type Chunk, countFilled, countLoss, hashChunk } from './chunks';

/**
 * How samples become chunks of one length. `concatenated`: one stream cut into chunks, as the paper does (`stream.ts`).
 * `block-diagonal`: whole samples apart, several a chunk (`block-diagonal.ts`). `padded`: one sample a chunk
 * (`padded.ts`), what is trained where nothing is packed.
 */
export type Packing = 'concatenated' | 'block-diagonal' | 'padded';

/** What each packing decides that the paper leaves open; printed with every result. */
export const PACKING_ASSUMPTIONS: Readonly<Record<Packing, string>> = {
  concatenated: 'packing cuts samples at chunk edges, attention crosses samples, positions run through the chunk',
  'block-diagonal':
    'packing keeps samples whole and apart: none is cut, none sees another, positions begin anew with each ' +
    '(the paper concatenates them, and does not say what a token may look at)',
  padded:
    'packing puts one sample into each chunk and fills it up with padding: none is cut, none sees another ' +
    '(the paper concatenates them, and does not say what a token may look at)',
};

/** What one `source` value contributes to the chunks; percents are of all sources. */
export interface SourceShare {
  readonly source: string;
  readonly samples: number;
  readonly samplesPercent: number;
  readonly tokens: number;
  readonly tokensPercent: number;
  /** Its share of these is its weight in the gradient: the loss is a mean over response tokens, not over samples. */
  readonly lossTokens: number;
  readonly lossTokensPercent: number;
}

/** What `packSamples` decided on the way. */
export interface PackingCounts {
  readonly packing: Packing;
  /** T. */
  readonly maxSeqLen: number;
  /** Chunks without a response token, dropped or kept. */
  readonly zeroLoss: number;
  /** Samples cut to maxSeqLen (`block-diagonal` and `padded` only). */
  readonly truncated: number;
  /** Those of them that lost their whole response: they are read and teach nothing. */
  readonly truncatedWithoutLoss: number;
  /** 1 when the last, partial chunk was dropped. */
  readonly droppedPartial: number;
  readonly droppedZeroLoss: number;
}

export interface PackingReport extends PackingCounts {
  /** Samples given. */
  readonly samples: number;
  readonly chunks: number;
  /** Sample tokens in the chunks. */
  readonly tokens: number;
  readonly paddingTokens: number;
  /** tokens / (chunks x T). */
  readonly fillRate: number;
  /** Samples of which the chunks hold more than one piece. */
  readonly samplesSplit: number;
  readonly lossTokens: number;
  /** Tokens of the samples given that no chunk holds: truncated, or in dropped chunks. */
  readonly droppedTokens: number;
  /** Labels of the samples given that no chunk learns. */
  readonly droppedLossTokens: number;
  readonly lossTokensPerChunk: { readonly min: number; readonly median: number; readonly max: number };
  /** In the order of the source's name. */
  readonly sources: readonly SourceShare[];
  /** `hashChunks` of the chunks. */
  readonly sha256: string;
}

/** Counts chunks as they are made; none is kept. */
export interface PackingTally {
  /** A chunk that was made and kept. */
  add(chunk: Chunk): void;
  report(counts: PackingCounts): PackingReport;
}

/** @param samples as they were given to the packing */
export function tallyPacking(samples: SampleList): PackingTally {
  const bySource = new Map<string, { samples: number; tokens: number; lossTokens: number }>();
  /** Of each sample: not seen, seen, or seen in several pieces. */
  const pieces = new Uint8Array(samples.length);
  const loss: number[] = [];
  const hash = createHash('sha256');
  let tokens = 0;
  return {
    add: (chunk) => {
      for (const [i, { sample, source, start, end }] of chunk.spans.entries()) {
        const share = bySource.get(source) ?? { samples: 0, tokens: 0, lossTokens: 0 };
        bySource.set(source, share);
        if (pieces[sample] === 0) share.samples++;
        pieces[sample] = Math.min(pieces[sample]! + 1, 2);
        share.tokens += end - start;
        // A weight belongs to the sample of its TARGET: the first token of a span is the target of the position before.
        for (let t = Math.max(start - 1, 0); t < end - 1; t++) share.lossTokens += chunk.weights[t]!;
        const atEdge = i === chunk.spans.length - 1 && end === chunk.tokens.length;
        if (atEdge) share.lossTokens += chunk.weights[end - 1]!;
      }
      tokens += countFilled(chunk);
      loss.push(countLoss(chunk));
      hashChunk(chunk, hash);
    },
    report: (counts) => {
      loss.sort((a, b) => a - b);
      const lossTokens = loss.reduce((a, b) => a + b, 0);
      const given = { tokens: 0, labels: 0 };
      for (const { ids, labels } of samples) {
        given.tokens += ids.length;
        for (const label of labels) if (label !== IGNORED) given.labels++;
      }
      const middle = loss.length >> 1;
      const packedSamples = pieces.reduce((sum, piece) => sum + Number(piece > 0), 0);
      const sources = [...bySource].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        ...counts,
        samples: samples.length,
        chunks: loss.length,
        tokens,
        paddingTokens: loss.length * counts.maxSeqLen - tokens,
        fillRate: tokens / (loss.length * counts.maxSeqLen),
        samplesSplit: pieces.reduce((sum, piece) => sum + Number(piece > 1), 0),
        lossTokens,
        droppedTokens: given.tokens - tokens,
        droppedLossTokens: given.labels - lossTokens,
        lossTokensPerChunk: {
          min: loss[0]!,
          median: loss.length % 2 === 1 ? loss[middle]! : (loss[middle - 1]! + loss[middle]!) / 2,
          max: loss.at(-1)!,
        },
        sources: sources.map(([source, share]) => ({
          source,
          samples: share.samples,
          samplesPercent: (100 * share.samples) / packedSamples,
          tokens: share.tokens,
          tokensPercent: (100 * share.tokens) / tokens,
          lossTokens: share.lossTokens,
          lossTokensPercent: lossTokens > 0 ? (100 * share.lossTokens) / lossTokens : 0,
        })),
        sha256: hash.digest('hex'),
      };
    },
  };
}
