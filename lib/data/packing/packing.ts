import { IGNORED, type Sample } from '../samples';
import { blockDiagonalChunks } from './block-diagonal';
import { type Chunk, countFilled, countLoss } from './chunks';
import { paddedChunks } from './padded';
import { type Packing, type PackingReport, reportPacking } from './report';
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

const CHUNKS_OF: Readonly<Record<Packing, (samples: readonly Sample[], length: number) => Iterable<Chunk>>> = {
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
export function packSamples(samples: readonly Sample[], options: PackingOptions): Packed {
  const { packing, maxSeqLen, lastChunk = 'pad', overlong = 'error', zeroLossChunks = 'error' } = options;
  if (!Number.isInteger(maxSeqLen) || maxSeqLen < 2) {
    throw new Error(`packing: maxSeqLen must be an integer of 2 or more, got ${maxSeqLen}; the paper's is 4096`);
  }
  if (samples.length === 0) throw new Error('packing: there must be a sample to pack, got none; load training rows');

  const fitted = packing === 'concatenated' ? samples : fitToChunk(samples, maxSeqLen, overlong);
  const made = CHUNKS_OF[packing](fitted, maxSeqLen);
  const chunks: Chunk[] = [];
  let zeroLoss = 0;
  let droppedZeroLoss = 0;
  let droppedPartial = 0;
  let index = 0;
  for (const chunk of made) {
    if (packing === 'concatenated' && lastChunk === 'drop' && countFilled(chunk) < maxSeqLen) {
      droppedPartial++;
    } else if (countLoss(chunk) > 0) {
      chunks.push(chunk);
    } else {
      zeroLoss++;
      if (zeroLossChunks === 'error') throw noLoss(chunk, index);
      if (zeroLossChunks === 'keep') chunks.push(chunk);
      else droppedZeroLoss++;
    }
    index++;
  }
  if (chunks.length === 0) {
    throw new Error(
      `packing: no chunk of maxSeqLen ${maxSeqLen} is left; lower maxSeqLen, give more rows, or keep the last chunk`,
    );
  }
  const truncated = fitted.filter((sample, i) => sample !== samples[i]);
  const counts = {
    packing,
    maxSeqLen,
    zeroLoss,
    truncated: truncated.length,
    truncatedWithoutLoss: truncated.filter(({ labels }) => labels.every((label) => label === IGNORED)).length,
    droppedPartial,
    droppedZeroLoss,
  };
  return { chunks, report: reportPacking(chunks, samples, counts) };
}

/** The samples that fit a chunk; an over-long one is cut at its end. */
function fitToChunk(samples: readonly Sample[], maxSeqLen: number, overlong: 'error' | 'truncate'): readonly Sample[] {
  return samples.map((sample, i) => {
    if (sample.ids.length <= maxSeqLen) return sample;
    if (overlong === 'error') {
      throw new Error(
        `packing: sample ${i} (id "${sample.id}") has ${sample.ids.length} tokens, more than maxSeqLen ${maxSeqLen}; ` +
          "raise maxSeqLen or set overlong: 'truncate'",
      );
    }
    return { ...sample, ids: sample.ids.slice(0, maxSeqLen), labels: sample.labels.slice(0, maxSeqLen) };
  });
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
