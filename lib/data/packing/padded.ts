import type { Sample } from '../samples';
import { blockDiagonalChunks } from './block-diagonal';
import type { Chunk } from './chunks';

/**
 * No packing: one sample a chunk, in their order, filled up with padding. Each chunk is what `block-diagonal` makes of
 * that sample alone. The caller has seen to it that no sample is longer than a chunk.
 */
export function* paddedChunks(samples: readonly Sample[], length: number): Generator<Chunk> {
  for (const [sample, one] of samples.entries()) {
    for (const chunk of blockDiagonalChunks([one], length)) {
      yield { ...chunk, spans: chunk.spans.map((span) => ({ ...span, sample })) };
    }
  }
}
