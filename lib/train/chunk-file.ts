import { closeSync, openSync, readSync } from 'node:fs';
import type { Chunk, ChunkList, ChunkTensors } from '../data/packing/chunks';
import type { Packing } from '../data/packing/packing';
import { readSafetensorsHeader, type StoredTensor } from '../model/safetensors';
import { writeTensorRows } from '../model/tensor-rows';

/**
 * Packed chunks in a safetensors file, N chunks of T positions, which training reads chunk by chunk and any other program
 * as tensors. The file's metadata say the same.
 */
const MEANING = {
  tokens: 'int32 [N, T]: what is read; 0 where nothing is',
  targets: 'int32 [N, T]: the token to be predicted at each position, already shifted: the one after it',
  weights: 'uint8 [N, T]: 1 where the target is learnt (a response token or its end), else 0',
  samples: 'int32 [N, T]: number of the sample that each token is of, from 0; -1 is padding',
  sources: 'int32 [S]: source of each sample, a place in the list "source_names"',
} as const;

/** How positions and attention follow from `samples`. */
const SCOPE: Readonly<Record<Packing, string>> = {
  concatenated: 'attention crosses samples; positions run from 0 to T - 1 in each chunk',
  'block-diagonal': 'a token attends to its own sample alone; positions begin at 0 with each sample',
  padded: 'one sample a chunk; positions begin at 0',
};

export interface ChunkFileContent {
  readonly packing: Packing;
  /** T. */
  readonly length: number;
  /** N. */
  readonly count: number;
  /** Of each sample, in the order of their numbers. */
  readonly sources: readonly string[];
  /** Told how many chunks are written. */
  readonly onChunks?: (done: number) => void;
}

/**
 * Writes chunks into a file, aside and renamed; no more than one is in memory.
 *
 * @param chunks as many as `count` says, in order
 */
export async function writeChunkFile(
  file: string,
  { packing, length, count, sources, onChunks }: ChunkFileContent,
  chunks: Iterable<Chunk>,
): Promise<void> {
  const names = [...new Set(sources)].sort();
  const numbers = new Map(names.map((name, i) => [name, i]));
  const shape = [count, length];
  const rows = function* () {
    for (const { tokens, targets, weights, spans } of chunks) {
      const samples = new Int32Array(length).fill(-1);
      for (const { sample, start, end } of spans) samples.fill(sample, start, end);
      yield { tokens, targets, samples, weights: Uint8Array.from(weights) };
    }
  };
  await writeTensorRows(file, {
    specs: {
      tokens: { shape, dtype: 'int32' },
      targets: { shape, dtype: 'int32' },
      samples: { shape, dtype: 'int32' },
      sources: { shape: [sources.length], dtype: 'int32' },
      weights: { shape, dtype: 'uint8' },
    },
    whole: { sources: Int32Array.from(sources, (name) => numbers.get(name)!) },
    rows: rows(),
    metadata: { format: 'workbook', packing, scope: SCOPE[packing], ...MEANING, source_names: JSON.stringify(names) },
    onRows: onChunks,
  });
}

/** Chunks that lie in a file; each is read when it is asked for, and none is kept. */
export interface ChunkFile extends ChunkList {
  readonly file: string;
  close(): void;
}

/**
 * Opens what `writeChunkFile` wrote.
 *
 * @throws naming the file, when it is no such file
 */
export async function openChunkFile(file: string): Promise<ChunkFile> {
  const { tensors, metadata } = await readSafetensorsHeader(file);
  const { tokens, targets, weights, samples } = tensors;
  const packing = metadata.packing as Packing;
  const isForm = ({ format, shape }: StoredTensor, wanted: string) =>
    format === wanted && shape.length === 2 && String(shape) === String(tokens?.shape);
  const isWhole = tokens && targets && samples && weights && isForm(weights, 'U8');
  if (!isWhole || ![tokens, targets, samples].every((one) => isForm(one, 'I32')) || !Object.hasOwn(SCOPE, packing)) {
    throw new Error(`packing: ${file} is no file of packed chunks; prepare the data again`);
  }
  const [count = 0, length = 0] = tokens.shape;
  const descriptor = openSync(file, 'r');
  const row = (stored: StoredTensor, bytes: Uint8Array, i: number) => {
    if (readSync(descriptor, bytes, 0, bytes.length, stored.offset + bytes.length * i) !== bytes.length) {
      throw new Error(`packing: ${file} ended while it was read; was it being replaced?`);
    }
  };
  const ints = (stored: StoredTensor, i: number): Int32Array => {
    const values = new Int32Array(length);
    row(stored, new Uint8Array(values.buffer), i);
    return values;
  };
  const at = (i: number): ChunkTensors | undefined => {
    if (!(i >= 0 && i < count)) return undefined;
    const learnt = new Uint8Array(length);
    row(weights, learnt, i);
    return {
      tokens: ints(tokens, i),
      targets: ints(targets, i),
      weights: Float32Array.from(learnt),
      ...scopeOf(ints(samples, i), packing),
    };
  };
  return {
    file,
    length: count,
    at,
    *[Symbol.iterator]() {
      for (let i = 0; i < count; i++) yield at(i)!;
    },
    close: () => closeSync(descriptor),
  };
}

/** Segments and positions of a chunk, as its packing made them. */
function scopeOf(samples: Int32Array, packing: Packing): Pick<ChunkTensors, 'segments' | 'positions'> {
  if (packing === 'concatenated') {
    return { segments: samples.map((sample) => Math.min(sample, 0)), positions: samples.map((_, t) => t) };
  }
  const segments = new Int32Array(samples.length).fill(-1);
  const positions = new Int32Array(samples.length);
  let segment = -1;
  let start = 0;
  for (const [t, sample] of samples.entries()) {
    if (sample < 0) break;
    if (t === 0 || sample !== samples[t - 1]) {
      segment++;
      start = t;
    }
    segments[t] = segment;
    positions[t] = t - start;
  }
  return { segments, positions };
}
