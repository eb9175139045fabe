import { IGNORED, lengthsOf, type SampleList } from '../samples';
import { type Chunk, emptyChunk } from './chunks';

/**
 * The alternative packing: whole samples, none seeing another. With T = 8, samples a and b (capitals are labels)
 *
 *     tokens      a0 A1 A2 b0 b1 B2  .  .
 *     targets     A1 A2  . b1 B2  .  .  .
 *     weights      1  1  0  0  1  0  0  0
 *     segments     0  0  0  1  1  1 -1 -1
 *     positions    0  1  2  0  1  2  0  0
 *
 * Samples are placed first-fit-decreasing: longest first (ties in order), each into the first chunk with room. Within a
 * chunk samples stand in their own order; chunks stand in the order of the sample that opened each, so that a shuffled
 * set is not trained from long to short. The caller has seen to it that no sample is longer than a chunk.
 *
 * Differs: the paper concatenates; this is what TRL calls `bfd` and LLaMA-Factory `neat_packing`.
 */
export function* blockDiagonalChunks(samples: SampleList, length: number): Generator<Chunk> {
  for (const bin of firstFitDecreasing(lengthsOf(samples), length)) {
    const chunk = emptyChunk(length);
    let start = 0;
    for (const [segment, sample] of bin.sort((a, b) => a - b).entries()) {
      const { id, source, ids, labels } = samples.at(sample)!;
      for (let i = 0; i < ids.length; i++) {
        chunk.tokens[start + i] = ids[i]!;
        chunk.segments[start + i] = segment;
        chunk.positions[start + i] = i;
        if (i === 0) continue;
        chunk.targets[start + i - 1] = ids[i]!;
        chunk.weights[start + i - 1] = labels[i] === IGNORED ? 0 : 1;
      }
      chunk.spans.push({ sample, id, source, start, end: start + ids.length, offset: 0 });
      start += ids.length;
    }
    yield chunk;
  }
}

/**
 * Indices of the samples of each chunk; the first of each is the one that opened it.
 *
 * @param sizes tokens of each sample
 */
function firstFitDecreasing(sizes: Int32Array, length: number): number[][] {
  const order = Int32Array.from(sizes, (_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const bins: number[][] = [];
  // room[1] is the root of a binary tree over the bins: each node holds the most room below it.
  let leaves = 1;
  while (leaves < sizes.length) leaves *= 2;
  const room = new Int32Array(2 * leaves).fill(length);
  for (const sample of order) {
    const size = sizes[sample]!;
    let node = 1;
    while (node < leaves) node = room[2 * node]! >= size ? 2 * node : 2 * node + 1;
    const bin = node - leaves;
    if (bin === bins.length) bins.push([sample]);
    else bins[bin]!.push(sample);
    room[node]! -= size;
    for (node >>= 1; node > 0; node >>= 1) room[node] = Math.max(room[2 * node]!, room[2 * node + 1]!);
  }
  return bins.sort((a, b) => a[0]! - b[0]!);
}
