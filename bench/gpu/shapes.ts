import type { Method } from '../../lib/config';
import { llamaConfig } from '../../lib/model/config-file';
import type { LlamaConfig } from '../../lib/model/llama';
import { LLAMA_2 } from '../../lib/model/llama-2';
import type { Card } from '../../lib/plan/cards';
import { paperRun } from '../../lib/plan/paper-runs';
import type { PlanRequest } from '../../lib/plan/plan';
import { CONFIG } from '../workload';

/** What is timed: shapes of models that exist, with random weights. */
interface Shape {
  readonly title: string;
  readonly model: LlamaConfig;
  /** Chunks and tokens of one. */
  readonly batch: number;
  readonly length: number;
}

/** Source of the shapes: the config.json of HuggingFaceTB/SmolLM2-135M, TinyLlama/TinyLlama_v1.1, meta-llama/Llama-2-7b-hf */
export const SHAPES = {
  '15m': { title: '15.2M', model: llamaConfig(CONFIG, 'workload.ts'), batch: 4, length: 256 },
  '135m': {
    title: 'SmolLM2-135M',
    model: {
      vocabSize: 49_152,
      hiddenSize: 576,
      intermediateSize: 1536,
      numHiddenLayers: 30,
      numAttentionHeads: 9,
      numKeyValueHeads: 3,
      headDim: 64,
      rmsNormEps: 1e-5,
      ropeTheta: 100_000,
      maxPositionEmbeddings: 8192,
      tieWordEmbeddings: true,
    },
    batch: 4,
    length: 2048,
  },
  '1.1b': {
    title: 'TinyLlama 1.1B',
    model: {
      vocabSize: 32_000,
      hiddenSize: 2048,
      intermediateSize: 5632,
      numHiddenLayers: 22,
      numAttentionHeads: 32,
      numKeyValueHeads: 4,
      headDim: 64,
      rmsNormEps: 1e-5,
      ropeTheta: 10_000,
      maxPositionEmbeddings: 2048,
      tieWordEmbeddings: false,
    },
    batch: 4,
    length: 2048,
  },
  '7b': { title: 'Llama-2 7B', model: LLAMA_2['7B'], batch: 1, length: 4096 },
} as const satisfies Readonly<Record<string, Shape>>;

export type ShapeName = keyof typeof SHAPES;
export const SHAPE_NAMES = Object.keys(SHAPES) as readonly ShapeName[];

/** The training as `med42 plan` takes it, on one device: bf16, recomputation by layer. */
export function requestOf(name: ShapeName, method: Method, card: Card): PlanRequest {
  const { title, model, batch, length } = SHAPES[name];
  const { lora, ...rest } = paperRun('paper-7b-lora');
  return {
    ...rest,
    title,
    model,
    ...(method === 'lora' && lora ? { lora } : {}),
    chunkLength: length,
    batchADevice: batch,
    target: { name: 'card', card, devices: 1 },
  };
}
