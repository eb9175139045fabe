import { float32, type HostTensor, type HostTensors } from '../engine/tensors';
import type { LlamaConfig } from './llama';
import { FORBIDDEN } from './mask';

/** Keys and values of a text's tokens, kept so that no token is read twice. */
export interface Cache {
  /** Tokens it holds. */
  readonly length: number;
  /** `keysOf` and `valuesOf` each layer, [1, K, S, D]: the first `length` of S places are filled. */
  readonly tensors: HostTensors;
  /** [S]: 0 where a place is filled, FORBIDDEN elsewhere. */
  readonly mask: HostTensor;
  /** Forgets what is not the beginning of `prompt`; the prompt's last token, whose scores are wanted, at least. */
  keepCommon(prompt: readonly number[]): void;
  /** Puts the keys and values [1, K, T, D] of T further tokens behind the others. */
  append(tokens: readonly number[], fresh: HostTensors): void;
}

export const keysOf = (layer: number): string => `cache.keys.${layer}`;
export const valuesOf = (layer: number): string => `cache.values.${layer}`;

/** Places that a full cache grows by: what is empty is attended to in vain, and growing copies the rest. */
const GROWTH = 128;

export function createCache(config: LlamaConfig): Cache {
  const { numHiddenLayers, numKeyValueHeads: heads, headDim } = config;
  const names = Array.from({ length: numHiddenLayers }, (_, layer) => [keysOf(layer), valuesOf(layer)]).flat();
  const known: number[] = [];
  let places = GROWTH;
  const empty = () => float32([1, heads, places, headDim]);
  let tensors: Record<string, HostTensor> = Object.fromEntries(names.map((name) => [name, empty()]));
  let mask = float32([places], new Float32Array(places).fill(FORBIDDEN));

  const growTo = (needed: number): void => {
    const before = places;
    places = Math.ceil(needed / GROWTH) * GROWTH;
    tensors = Object.fromEntries(
      Object.entries(tensors).map(([name, { data }]) => {
        const grown = empty();
        for (let head = 0; head < heads; head++) {
          const own = data.subarray(head * before * headDim, (head * before + known.length) * headDim);
          grown.data.set(own, head * places * headDim);
        }
        return [name, grown];
      }),
    );
    mask = float32([places], new Float32Array(places).fill(FORBIDDEN).fill(0, 0, known.length));
  };
  return {
    get length() {
      return known.length;
    },
    get tensors() {
      return tensors;
    },
    get mask() {
      return mask;
    },
    keepCommon: (prompt) => {
      let common = 0;
      while (common < prompt.length - 1 && known[common] === prompt[common]) common++;
      known.length = Math.min(common, known.length);
      mask.data.fill(FORBIDDEN, known.length);
    },
    append: (tokens, fresh) => {
      const at = known.length;
      if (at + tokens.length > places) growTo(at + tokens.length);
      for (const [name, { data }] of Object.entries(fresh)) {
        for (let head = 0; head < heads; head++) {
          const own = data.subarray(head * tokens.length * headDim, (head + 1) * tokens.length * headDim);
          tensors[name]!.data.set(own as Float32Array & Int32Array, (head * places + at) * headDim);
        }
      }
      known.push(...tokens);
      mask.data.fill(0, at, known.length);
    },
  };
}
