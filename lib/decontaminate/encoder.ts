import type { Encoding } from 'tokenizers';
import { openTokenizer } from '../data/tokenizer';
import { encodedBy } from '../data/tokenizer-checks';
import type { Device } from '../engine/device';
import type { HostTensor } from '../engine/tensors';
import { readSafetensorsHeader, readTensor } from '../model/safetensors';
import type { EncoderDescription } from './record';
import { readSentenceFolder, type SentenceFolder } from './sentence-folder';
import { openHiddenStates } from './transformers';

/** Vectors of length 1, [N, E], one after the other. A text without a token has the zero vector. */
export interface Embedded {
  readonly vectors: Float32Array;
  /** 1 where the encoder did not read the text to its end. */
  readonly truncated: Uint8Array;
}

export interface Encoder {
  readonly description: EncoderDescription;
  /** @param at is told how many of the texts are done */
  encode(texts: readonly string[], at?: (done: number) => void): Promise<Embedded>;
  dispose(): Promise<void>;
}

/** Word pieces a run of the network, padding among them: enough to keep two cores busy, little memory. */
const TOKENS_A_BATCH = 4096;

/**
 * Opens a SentenceTransformers folder: text -> word pieces -> hidden states -> pooled -> length 1.
 *
 * The network runs in @huggingface/transformers; the text is cut into word pieces by `tokenizers`, which is the
 * reference's own and 25 times faster. The pieces kept are `max_seq_length`'s, which transformers.js does not read.
 *
 * @throws when the folder is no sentence encoder, or one of a kind that is not computed here
 */
export async function openEncoder(folder: string, device: Device): Promise<Encoder> {
  const found = await readSentenceFolder(folder);
  const tokenize = await wordPieces(found);
  if (found.weights.endsWith('.safetensors')) return staticEncoder(found, tokenize);
  const network = await openHiddenStates(found, device);
  const probe = BigInt64Array.from([0n]);
  const { width } = await network.run(probe, BigInt64Array.from([1n]), 1);
  const encode = async (texts: readonly string[], at?: (done: number) => void): Promise<Embedded> => {
    const { ids, truncated } = await tokenize(texts);
    const vectors = new Float32Array(texts.length * width);
    let done = 0;
    for (const batch of batches(ids)) {
      const longest = Math.max(...batch.map((i) => ids[i]!.length));
      if (longest > 0) {
        const input = new BigInt64Array(batch.length * longest);
        const mask = new BigInt64Array(batch.length * longest);
        for (const [row, i] of batch.entries()) {
          for (const [t, id] of ids[i]!.entries()) {
            input[row * longest + t] = BigInt(id);
            mask[row * longest + t] = 1n;
          }
        }
        const { data } = await network.run(input, mask, batch.length);
        for (const [row, i] of batch.entries()) {
          const hidden = data.subarray(row * longest * width, (row * longest + ids[i]!.length) * width);
          pool(hidden, width, found, vectors.subarray(i * width, (i + 1) * width));
        }
      }
      done += batch.length;
      at?.(done);
    }
    return { vectors, truncated };
  };
  return { description: describe(found, width), encode, dispose: () => network.dispose() };
}

/** A vector for each word piece, and their mean: no network, so no ONNX Runtime either. */
async function staticEncoder(found: SentenceFolder, tokenize: Tokenize): Promise<Encoder> {
  const { tensors } = await readSafetensorsHeader(found.weights);
  const stored = tensors['embedding.weight'] ?? tensors.embeddings;
  if (!stored || tensors.mapping || tensors.weights || stored.shape.length !== 2) {
    throw new Error(
      `encoder: ${found.weights} holds ${Object.keys(tensors).join(', ')}; ` +
        'a static embedding here is one table "embedding.weight" or "embeddings" [V, E]: use another encoder',
    );
  }
  const [rows, width] = stored.shape as [number, number];
  const table = floatTable(await readTensor(stored), found.weights);
  const encode = async (texts: readonly string[], at?: (done: number) => void): Promise<Embedded> => {
    const { ids, truncated } = await tokenize(texts);
    const vectors = new Float32Array(texts.length * width);
    for (const [i, pieces] of ids.entries()) {
      const hidden = new Float32Array(pieces.length * width);
      for (const [t, id] of pieces.entries()) {
        if (id >= rows) {
          throw new Error(
            `encoder: ${found.tokenizer}: token ${id} has no row in the table of ${rows}; fetch the folder again`,
          );
        }
        hidden.set(table.subarray(id * width, (id + 1) * width), t * width);
      }
      pool(hidden, width, found, vectors.subarray(i * width, (i + 1) * width));
      if (i % 1000 === 999) at?.(i + 1);
    }
    at?.(texts.length);
    return { vectors, truncated };
  };
  return { description: describe(found, width), encode, dispose: async () => {} };
}

/** @throws where its numbers are none that a vector is made of */
function floatTable({ data, dtype }: HostTensor, file: string): Float32Array {
  if (dtype === 'float32') return data as Float32Array;
  throw new Error(`encoder: ${file}: the table must be of floats, is of ${dtype}; use another encoder`);
}

function describe(found: SentenceFolder, dimension: number): EncoderDescription {
  const { name, architecture, pooling, maxSeqLength, sha256 } = found;
  return { name, architecture, pooling, dimension, maxSeqLength, sha256 };
}

type Tokenize = (texts: readonly string[]) => Promise<{ ids: readonly number[][]; truncated: Uint8Array }>;

/** Control tokens are added for a transformer, not for a static embedding. */
async function wordPieces(found: SentenceFolder): Promise<Tokenize> {
  const tokenizer = await openTokenizer(found.tokenizer);
  tokenizer.disablePadding();
  tokenizer.disableTruncation();
  if (found.maxSeqLength !== null) tokenizer.setTruncation(found.maxSeqLength);
  return async (texts) => {
    const given = found.lowercase ? texts.map((text) => text.toLowerCase()) : [...texts];
    const options = { addSpecialTokens: found.architecture === 'transformer' };
    const encodings = await encodedBy(found.tokenizer, tokenizer.encodeBatch(given, options));
    const cut = (encoding: Encoding) => (encoding.getOverflowing().length > 0 ? 1 : 0);
    return { ids: encodings.map((e) => e.getIds()), truncated: Uint8Array.from(encodings, cut) };
  };
}

/** Texts of like length together, so that little of a batch is padding; the longest first, so that memory is asked for once. */
function* batches(ids: readonly (readonly number[])[]): Generator<number[]> {
  const order = ids.map((_, i) => i).sort((a, b) => ids[b]!.length - ids[a]!.length || a - b);
  for (let start = 0; start < order.length; ) {
    const longest = Math.max(1, ids[order[start]!]!.length);
    const size = Math.max(1, Math.floor(TOKENS_A_BATCH / longest));
    yield order.slice(start, start + size);
    start += size;
  }
}

/**
 * [T, C] -> [C] of length 1.
 *
 * @throws where a number of it is none: no cosine with it exceeds a threshold, and nothing would be found
 */
function pool(
  hidden: Float32Array,
  width: number,
  { pooling: mode, weights }: Pick<SentenceFolder, 'pooling' | 'weights'>,
  out: Float32Array,
): void {
  if (hidden.length === 0) return;
  out.set(hidden.subarray(0, width));
  if (mode !== 'cls') {
    for (let at = width; at < hidden.length; at += width) {
      for (let c = 0; c < width; c++) {
        const value = hidden[at + c]!;
        if (mode === 'mean') out[c]! += value;
        else out[c] = Math.max(out[c]!, value);
      }
    }
  }
  // The mean's divisor would be taken out again by the length.
  const length = Math.sqrt(out.reduce((sum, x) => sum + x * x, 0));
  if (!Number.isFinite(length)) {
    throw new Error(`encoder: ${weights}: the vector of a text must be of finite numbers, and is not; fetch it again`);
  }
  if (length > 0) for (let c = 0; c < width; c++) out[c]! /= length;
}
