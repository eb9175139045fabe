import { IGNORED, type SampleList } from '../samples';
import { type Chunk, emptyChunk, type Span } from './chunks';

/**
 * The paper's packing: all samples end to end, cut every T tokens. With T = 4, samples a and b (capitals are labels)
 *
 *     stream      a0 A1 A2 b0 | b1 B2 B3
 *     tokens      a0 A1 A2 b0 | b1 B2 B3  .
 *     targets     A1 A2 b0 b1 | B2 B3  .  .
 *     weights      1  1  0  0 |  1  1  0  0
 *     segments     0  0  0  0 |  0  0  0 -1
 *     positions    0  1  2  3 |  0  1  2  3
 *
 * A sample may be cut, attention crosses samples, and a cut sample's second half does not see its first. The target of
 * a chunk's last position is the first token of the NEXT chunk, so every label is learnt exactly once.
 * The stream's last token has nothing to predict: where it would stand alone in a last chunk, that chunk is not made.
 * Chunks share their `segments` and `positions` arrays: do not write to them.
 *
 * Source: paper, Modelling, 'Mask loss': 'we concatenate these samples across the entire training dataset';
 * positions, attention and the cut are not spelled out there, this is its plain reading.
 * Differs: Hugging Face's group_texts and TRL's `wrapped` shift inside a chunk, which loses the label of each chunk's
 * first token (1 in T).
 */
export function* streamChunks(samples: SampleList, length: number): Generator<Chunk> {
  const segments = new Int32Array(length);
  const positions = Int32Array.from({ length }, (_, i) => i);
  const open = (): Chunk & { readonly spans: Span[] } => ({ ...emptyChunk(length), segments, positions });
  let chunk = open();
  let previous: Chunk | undefined;
  let at = 0;
  let sample = -1;
  for (const { id, source, ids, labels } of samples) {
    sample++;
    for (let offset = 0; offset < ids.length; ) {
      if (at === length) {
        if (previous) yield previous;
        previous = chunk;
        chunk = open();
        at = 0;
      }
      const count = Math.min(length - at, ids.length - offset);
      chunk.spans.push({ sample, id, source, start: at, end: at + count, offset });
      for (let i = 0; i < count; i++, at++, offset++) {
        chunk.tokens[at] = ids[offset]!;
        // This token is the target of the position before it, which may lie at the end of the previous chunk.
        const reader = at > 0 ? chunk : previous;
        if (reader) {
          const position = at > 0 ? at - 1 : length - 1;
          reader.targets[position] = ids[offset]!;
          reader.weights[position] = labels[offset] === IGNORED ? 0 : 1;
        }
      }
    }
  }
  if (previous) yield previous;
  if (at === length) yield chunk;
  else if (at > 1) yield { ...chunk, segments: segments.slice().fill(-1, at) };
}
