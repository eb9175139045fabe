import { join } from 'node:path';
import { float32, type HostTensor, type HostTensors, int32, sizeOf } from '../../lib/engine/tensors';
import { floatWeight, type ModelFolder } from '../../lib/model/folder';
import { type LlamaConfig, weightShapes } from '../../lib/model/llama';
import { readSafetensorsHeader, writeSafetensors } from '../../lib/model/safetensors';
import { createRandom, type Random } from '../../lib/random';

/** Two layers, two query heads to a key head: every path of the model, in a few thousand parameters. */
export const TINY: LlamaConfig = {
  vocabSize: 11,
  hiddenSize: 12,
  intermediateSize: 10,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 4,
  rmsNormEps: 1e-5,
  ropeTheta: 100,
  maxPositionEmbeddings: 16,
  tieWordEmbeddings: false,
};

export const normal = (shape: readonly number[], random: Random, deviation = 1): HostTensor =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * deviation),
  );

/** Large enough that no gradient is lost in rounding; norms around 1. */
export function tinyWeights(c: LlamaConfig = TINY, seed = 1): HostTensors {
  const random = createRandom(seed, 'tiny llama');
  return Object.fromEntries(
    Object.entries(weightShapes(c)).map(([name, shape]) => {
      const tensor = normal(shape, random, shape.length === 1 ? 0.2 : 0.4);
      return [name, shape.length === 1 ? float32(shape, tensor.data.map((v) => v + 1) as Float32Array) : tensor];
    }),
  );
}

/** A batch as training feeds it: repeated targets, some weights 0, two segments a row. */
export function tinyBatch(c: LlamaConfig = TINY, shape: readonly [number, number] = [2, 6], seed = 2): HostTensors {
  const random = createRandom(seed, 'tiny batch');
  const [, length] = shape;
  const ids = () => Int32Array.from({ length: sizeOf(shape) }, () => random.int(c.vocabSize));
  const cut = Math.ceil(length / 2);
  const column = (i: number) => i % length;
  return {
    tokens: int32(shape, ids()),
    targets: int32(shape, ids()),
    weights: float32(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i % 3 === 0 ? 0 : 1)),
    ),
    from: int32(
      shape,
      Int32Array.from({ length: sizeOf(shape) }, (_, i) => (column(i) < cut ? 0 : cut)),
    ),
    positions: int32(
      shape,
      Int32Array.from({ length: sizeOf(shape) }, (_, i) => column(i) % cut),
    ),
  };
}

/** config.json of `TINY`. */
export const TINY_CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: TINY.vocabSize,
  hidden_size: TINY.hiddenSize,
  intermediate_size: TINY.intermediateSize,
  num_hidden_layers: TINY.numHiddenLayers,
  num_attention_heads: TINY.numAttentionHeads,
  num_key_value_heads: TINY.numKeyValueHeads,
  head_dim: TINY.headDim,
  hidden_act: 'silu',
  max_position_embeddings: TINY.maxPositionEmbeddings,
  rms_norm_eps: TINY.rmsNormEps,
  rope_theta: TINY.ropeTheta,
  tie_word_embeddings: false,
};

export async function tinyFolder(folder: string, c: LlamaConfig = TINY): Promise<ModelFolder> {
  const weights = tinyWeights(c);
  const file = join(folder, 'model.safetensors');
  await writeSafetensors(file, weights, (name) => weights[name]!);
  const { tensors } = await readSafetensorsHeader(file);
  const places = Object.fromEntries(Object.entries(tensors).map(([name, stored]) => [name, floatWeight(name, stored)]));
  return { folder, config: c, rawConfig: {}, weights: places };
}
