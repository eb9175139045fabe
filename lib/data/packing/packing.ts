import { IGNORED, lengthsOf, type Sample, type SampleList } from '../samples';
import { blockDiagonalChunks } from './block-diagonal';
import { type Chunk, countFilled, countLoss } from './chunks';
import { paddedChunks } from './padded';
import { type Packing, type PackingCounts, type PackingReport, tallyPacking } from './report';
import { streamChunks } from './stream';

export type { Chunk, Span } from './chunks';
export type { Packing, PackingReport, SourceShare } from './report';

export interface PackingOptions {
  readonly packing: Packing;
  /** T, tokens of a chunk; 4096 in the paper. */
  readonly maxSeqLen: number;
  /** `concatenated` only: what becomes of the stream's last, partial chunk. Default `pad`. */
  readonly lastChunk?: 'pad' | 'drop';
  /** `block-diagonal` and `padded` only: a sample longer than a chunk throws, or keeps its first T tokens. Default `error`. */
  readonly overlong?: 'error' | 'truncate';
  /**
   * A chunk without a response token has no loss of its own. `error` (the default) throws, `drop` leaves it out, `keep`
   * is harmless where the loss is normalised over a whole step that has other chunks. All are counted.
   */
  readonly zeroLossChunks?: 'error' | 'drop' | 'keep';
}

const CHUNKS_OF: Readonly<Record<Packing, (samples: SampleList, length: number) => Iterable<Chunk>>> = {
  concatenated: streamChunks,
  'block-diagonal': blockDiagonalChunks,
  padded: paddedChunks,
};

export interface Packed {
  readonly chunks: readonly Chunk[];
  readonly report: PackingReport;
}

/**
 * Packs samples, in their order, into chunks of exactly `maxSeqLen` positions.
 *
 * @throws on an empty set, a maxSeqLen below 2, an over-long sample or a chunk without loss where these are errors
 * Source: paper, Modelling ('Mask loss') and its maximum sequence length of 4096.
 */
export function packSamples(samples: SampleList, options: PackingOptions): Packed {
  const chunks: Chunk[] = [];
  const report = reportPacking(samples, options, (chunk) => chunks.push(chunk));
  return { chunks, report };
}

/** What `packSamples` reports, without the chunks: each is given to `take` and forgotten. */
export function reportPacking(
  samples: SampleList,
  options: PackingOptions,
  take?: (chunk: Chunk) => void,
): PackingReport {
  const tally = tallyPacking(samples);
  const chunks = packedChunks(samples, options);
  for (;;) {
    const { value, done } = chunks.next();
    if (done) return tally.report(value);
    tally.add(value);
    take?.(value);
  }
}

/** The chunks of `packSamples`, one after the other; at the end, what was decided on the way. */
export function* packedChunks(
  samples: SampleList,
  options: PackingOptions,
): Generator<Chunk, PackingCounts, undefined> {
  const { packing, maxSeqLen, lastChunk = 'pad', overlong = 'error', zeroLossChunks = 'error' } = options;
  if (!Number.isInteger(maxSeqLen) || maxSeqLen < 2) {
    throw new Error(`packing: maxSeqLen must be an integer of 2 or more, got ${maxSeqLen}; the paper's is 4096`);
  }
  if (samples.length === 0) throw new Error('packing: there must be a sample to pack, got none; load training rows');

  const fitted = packing === 'concatenated' ? { samples, ...UNCUT } : fitToChunk(samples, maxSeqLen, overlong);
  let kept = 0;
  let zeroLoss = 0;
  let droppedZeroLoss = 0;
  let droppedPartial = 0;
  let index = 0;
  for (const chunk of CHUNKS_OF[packing](fitted.samples, maxSeqLen)) {
    const hasLoss = countLoss(chunk) > 0;
    if (packing === 'concatenated' && lastChunk === 'drop' && countFilled(chunk) < maxSeqLen) {
      droppedPartial++;
    } else if (hasLoss || zeroLossChunks === 'keep') {
      yield chunk;
      kept++;
      if (!hasLoss) zeroLoss++;
    } else {
      zeroLoss++;
      if (zeroLossChunks === 'error') throw noLoss(chunk, index);
      droppedZeroLoss++;
    }
    index++;
  }
  if (kept === 0) {
    throw new Error(
      `packing: no chunk of maxSeqLen ${maxSeqLen} is left; lower maxSeqLen, give more rows, or keep the last chunk`,
    );
  }
  const { truncated, truncatedWithoutLoss } = fitted;
  return {
    packing,
    maxSeqLen,
    zeroLoss,
    truncated,
    truncatedWithoutLoss,
    droppedPartial,
    droppedZeroLoss,
  };
}

interface Fitted {
  readonly samples: SampleList;
  readonly truncated: number;
  readonly truncatedWithoutLoss: number;
}

const UNCUT = { truncated: 0, truncatedWithoutLoss: 0 };

/** The samples that fit a chunk; an over-long one is cut at its end as it is read. */
function fitToChunk(samples: SampleList, maxSeqLen: number, overlong: 'error' | 'truncate'): Fitted {
  const lengths = lengthsOf(samples);
  const cut = (sample: Sample): Sample =>
    sample.ids.length <= maxSeqLen
      ? sample
      : { ...sample, ids: sample.ids.slice(0, maxSeqLen), labels: sample.labels.slice(0, maxSeqLen) };
  let truncated = 0;
  let truncatedWithoutLoss = 0;
  for (const [i, length] of lengths.entries()) {
    if (length <= maxSeqLen) continue;
    const sample = samples.at(i)!;
    if (overlong === 'error') {
      throw new Error(
        `packing: sample ${i} (id "${sample.id}") has ${length} tokens, more than maxSeqLen ${maxSeqLen}; ` +
          "raise maxSeqLen or set overlong: 'truncate'",
      );
    }
    truncated++;
    if (cut(sample).labels.every((label) => label === IGNORED)) truncatedWithoutLoss++;
  }
  if (truncated === 0) return { samples, ...UNCUT };
  const fitted: SampleList = {
    length: samples.length,
    lengths: lengths.map((length) => Math.min(length, maxSeqLen)),
    at: (i) => {
      const sample = samples.at(i);
      return sample && cut(sample);
    },
    *[Symbol.iterator]() {
      for (const sample of samples) yield cut(sample);
    },
  };
  return { samples: fitted, truncated, truncatedWithoutLoss };
}

function noLoss(chunk: Chunk, index: number): Error {
  const first = chunk.spans[0]!.id;
  const last = chunk.spans.at(-1)!.id;
  const ids = chunk.spans.length === 1 ? `of sample "${first}"` : `of samples "${first}" to "${last}"`;
  return new Error(
    `packing: chunk ${index} (${ids}) must hold a response token, got none; ` +
      "raise maxSeqLen or set zeroLossChunks to 'drop' or 'keep'",
  );
}
