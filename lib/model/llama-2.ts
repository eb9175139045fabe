import type { LlamaConfig } from './llama';

const COMMON = {
  vocabSize: 32_000,
  headDim: 128,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositionEmbeddings: 4096,
  tieWordEmbeddings: false,
} as const;

/**
 * The shapes of the Llama-2 family, to count with: no weights. 70B's eight key/value heads each serve eight query heads.
 *
 * Source: the config.json of meta-llama/Llama-2-{7b,13b,70b}-hf
 */
export const LLAMA_2 = {
  '7B': {
    ...COMMON,
    hiddenSize: 4096,
    intermediateSize: 11_008,
    numHiddenLayers: 32,
    numAttentionHeads: 32,
    numKeyValueHeads: 32,
  },
  '13B': {
    ...COMMON,
    hiddenSize: 5120,
    intermediateSize: 13_824,
    numHiddenLayers: 40,
    numAttentionHeads: 40,
    numKeyValueHeads: 40,
  },
  '70B': {
    ...COMMON,
    hiddenSize: 8192,
    intermediateSize: 28_672,
    numHiddenLayers: 80,
    numAttentionHeads: 64,
    numKeyValueHeads: 8,
  },
} as const satisfies Readonly<Record<string, LlamaConfig>>;

export type Llama2Size = keyof typeof LLAMA_2;
