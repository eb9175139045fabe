import type { LoraConfig } from '../config';
import { sizeOf } from '../engine/tensors';
import { type LlamaConfig, weightShapes } from '../model/llama';
import { countParameters, type ParameterCount } from '../train/memory';

/** One training to be counted. */
export interface Training {
  readonly model: LlamaConfig;
  /** Undefined: full-parameter. */
  readonly lora?: LoraConfig;
  /** Tokens of a chunk. */
  readonly chunkLength: number;
  /** Chunks that one device takes at once. */
  readonly batchADevice: number;
  readonly devices: number;
  readonly precision: Precision;
  /** Each layer is computed again on the way back, from its input alone. */
  readonly recompute: boolean;
}

export type Precision = 'float32' | 'bf16';

/** What one device holds at the peak, bytes. */
export interface DeviceMemory {
  /** Its share of weights, masters and moments: what stays from update to update. */
  readonly state: number;
  /** Its share of the gradients of what is trained. */
  readonly gradients: number;
  /** Inputs of the layers, kept for the way back (without recomputation: all that the layers compute). */
  readonly activations: number;
  /** One layer at work: what it computes, its gradients, and its weights gathered from the other devices. */
  readonly layer: number;
  /** The loss, over the vocabulary in eight parts. */
  readonly loss: number;
  readonly total: number;
}

/** Numbers that one layer computes for each token, forward and back: ten rows of the width, four of the MLP's. */
const LAYER_WIDTHS = { hidden: 10, intermediate: 4 } as const;
const LOSS_PARTS = 8;
/** Bytes of a frozen parameter. */
const STORED = 2;

/**
 * Memory of a device by counting shapes, for a training whose layers are looped over, whose state is sharded over all
 * devices, and whose attention is computed in blocks. A frozen base is kept in 16 bits, as models are published; what is
 * trained has float32 masters and two moments.
 */
export function countMemory(training: Training): DeviceMemory {
  const { model, lora, devices, precision, recompute } = training;
  const { base, adapter, trained } = countParameters(model, lora);
  const wide = precision === 'bf16' ? 2 : 4;
  const frozen = adapter > 0 ? STORED * base : 0;
  const tokens = training.batchADevice * training.chunkLength;
  const widths = LAYER_WIDTHS.hidden * model.hiddenSize + LAYER_WIDTHS.intermediate * model.intermediateSize;
  const state = (frozen + 12 * trained) / devices;
  const gradients = (4 * trained) / devices;
  const activations = model.numHiddenLayers * tokens * wide * (recompute ? model.hiddenSize : widths);
  // A frozen layer is gathered as it is stored, and widened where products are float32.
  const gathered = devices > 1 ? (adapter > 0 ? STORED : wide) * layerParameters(model) : 0;
  const widened = adapter > 0 && wide > STORED ? wide * layerParameters(model) : 0;
  const ownGradient = adapter > 0 ? 0 : 4 * layerParameters(model);
  const layer = tokens * wide * widths + gathered + widened + ownGradient;
  const loss = (tokens * model.vocabSize * 4 * 2) / LOSS_PARTS;
  return { state, gradients, activations, layer, loss, total: state + gradients + activations + layer + loss };
}

/** Parameters of one layer. */
export const layerParameters = (model: LlamaConfig): number =>
  Object.entries(weightShapes(model))
    .filter(([name]) => name.startsWith('model.layers.0.'))
    .reduce((sum, [, shape]) => sum + sizeOf(shape), 0);

/**
 * Floating-point operations of a training for one token: two for each parameter that multiplies it, forward; the same
 * for the gradient of its input; the same again for the gradient of the parameter where it is trained. Attention adds
 * two products of T/2 tokens on average, three times. What recomputation repeats is no part of it.
 *
 * Source: Kaplan et al. 2020, section 2.1, and PaLM's appendix B, by which "model FLOPs utilisation" is stated
 */
export function flopsAToken({ model, lora, chunkLength }: Training): number {
  const { base, adapter }: ParameterCount = countParameters(model, lora);
  const multiplying = base - (model.tieWordEmbeddings ? 0 : model.vocabSize * model.hiddenSize);
  const attention = 6 * model.numHiddenLayers * chunkLength * model.numAttentionHeads * model.headDim;
  return (adapter > 0 ? 4 : 6) * multiplying + 6 * adapter + attention;
}

/** What one device receives from the others in one update, bytes, and in how many collectives. */
export interface Collectives {
  readonly allGathers: number;
  readonly reduceScatters: number;
  readonly bytes: number;
}

/** Weights are gathered layer by layer, forward and on the way back; gradients of what is trained are summed and shared. */
export function countCollectives({ model, lora, devices, precision }: Training): Collectives {
  if (devices === 1) return { allGathers: 0, reduceScatters: 0, bytes: 0 };
  const { base, trained } = countParameters(model, lora);
  const wide = precision === 'bf16' ? 2 : 4;
  const others = (devices - 1) / devices;
  const layers = model.numHiddenLayers;
  return { allGathers: 2 * layers, reduceScatters: layers, bytes: others * (2 * wide * base + 4 * trained) };
}
