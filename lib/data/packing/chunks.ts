import { createHash, type Hash } from 'node:crypto';

/** Which sample occupies positions [start, end) of a chunk. */
export interface Span {
  /** Index in the samples that were packed. */
  readonly sample: number;
  readonly id: string;
  readonly source: string;
  readonly start: number;
  readonly end: number;
  /** Index in the sample of the token at `start`: above 0 when the sample began in an earlier chunk. */
  readonly offset: number;
}

/**
 * What training reads of a chunk, T = maxSeqLen positions; all arrays are `[T]`. SHIFTED: at position t the model reads
 * `tokens[t]` and is to predict `targets[t]`, the token after it.
 */
export interface ChunkTensors {
  readonly tokens: Int32Array;
  readonly targets: Int32Array;
  /** 1 where the target is a response token or its EOS, else 0. */
  readonly weights: Float32Array;
  /** Positions attend to earlier ones of the same segment; padding is -1. */
  readonly segments: Int32Array;
  readonly positions: Int32Array;
  /** The first position that each attends to, where that is not the first of its segment. */
  readonly from?: Int32Array;
}

/** A chunk, and which samples lie where in it. */
export interface Chunk extends ChunkTensors {
  readonly spans: readonly Span[];
}

/** The token (and target) of padding. Its weight is 0 and nothing before it attends to it, so any id would do. */
const PADDING_TOKEN = 0;

/** A chunk under construction: all padding. */
export function emptyChunk(length: number): Chunk & { readonly spans: Span[] } {
  return {
    tokens: new Int32Array(length).fill(PADDING_TOKEN),
    targets: new Int32Array(length).fill(PADDING_TOKEN),
    weights: new Float32Array(length),
    segments: new Int32Array(length).fill(-1),
    positions: new Int32Array(length),
    spans: [],
  };
}

/** Of each position, the first of its segment. */
export function segmentStarts(segments: Int32Array): Int32Array {
  let start = 0;
  return segments.map((segment, t) => {
    if (t > 0 && segment !== segments[t - 1]) start = t;
    return start;
  });
}

/** Positions whose prediction is learnt. */
export function countLoss(chunk: Pick<Chunk, 'weights'>): number {
  let sum = 0;
  for (const weight of chunk.weights) sum += weight;
  return sum;
}

/** Positions that hold a sample's token. */
export function countFilled(chunk: Pick<Chunk, 'spans'>): number {
  return chunk.spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/**
 * The chunk with loss on every token of its samples, prompts too: what training without the paper's mask would learn.
 * The last position keeps its weight, because its target stands in the next chunk.
 */
export function withoutMask(chunk: Chunk): Chunk {
  const last = chunk.tokens.length - 1;
  const weights = chunk.weights.map((weight, t) =>
    t === last ? weight : Number(chunk.segments[t]! >= 0 && chunk.segments[t] === chunk.segments[t + 1]),
  );
  return { ...chunk, weights };
}

/**
 * Chunks one after the other, or one by its number: an array of them, or a file that is read as they are asked for.
 */
export interface ChunkList<C extends ChunkTensors = ChunkTensors> extends Iterable<C> {
  readonly length: number;
  at(index: number): C | undefined;
}

/** Of every chunk's tokens, targets, weights, segments and positions, in order, little-endian. */
export function hashChunks(chunks: Iterable<ChunkTensors>): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hashChunk(chunk, hash);
  return hash.digest('hex');
}

/** Feeds one chunk to the hash of `hashChunks`. */
export function hashChunk(chunk: ChunkTensors, hash: Hash): void {
  for (const values of [chunk.tokens, chunk.targets, chunk.weights, chunk.segments, chunk.positions]) {
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
}
