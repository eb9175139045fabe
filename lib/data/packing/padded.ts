import type { SampleList } from '../samples';
import { blockDiagonalChunks } from './block-diagonal';
import type { Chunk } from './chunks';

/**
 * No packing: one sample a chunk, in their order, filled up with padding. Each chunk is what `block-diagonal` makes of
 * that sample alone. The caller has seen to it that no sample is longer than a chunk.
 */
export function* paddedChunks(samples: SampleList, length: number): Generator<Chunk> {
  let sample = -1;
  for (const one of samples) {
    const number = ++sample;
    for (const chunk of blockDiagonalChunks([one], length)) {
      yield { ...chunk, spans: chunk.spans.map((span) => ({ ...span, sample: number })) };
    }
  }
}
