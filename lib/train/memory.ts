import type { LoraConfig } from '../config';
import { sizeOf } from '../engine/tensors';
import { type LlamaConfig, weightShapes } from '../model/llama';
import { loraParameterCount } from '../model/lora';

/** Parameters of a model, and those of them that training changes. */
export interface ParameterCount {
  /** The base's own. */
  readonly base: number;
  /** The adapter's; 0 for full-parameter training. */
  readonly adapter: number;
  readonly trained: number;
}

/** @param lora undefined: every weight is trained */
export function countParameters(model: LlamaConfig, lora?: LoraConfig): ParameterCount {
  const base = Object.values(weightShapes(model)).reduce((sum, shape) => sum + sizeOf(shape), 0);
  const adapter = lora ? loraParameterCount(model, lora) : 0;
  return { base, adapter, trained: lora ? adapter : base };
}

/** Bytes that stay on the device from update to update. */
export interface TrainingMemory {
  readonly frozen: number;
  readonly trained: number;
  readonly gradients: number;
  /** AdamW's two moments. */
  readonly moments: number;
  readonly total: number;
}

/**
 * What training must hold whatever the batch:
 *
 *     full-parameter    trained x (weight + gradient + 2 moments)
 *     LoRA              base x weight  +  adapter x (weight + gradient + 2 moments)
 *
 * Activations, logits and the program itself come on top and grow with batch and length.
 *
 * @param bytes of a number: of a frozen weight, and of everything that is trained; 4 each in float32
 */
export function trainingMemory(
  { base, adapter, trained }: ParameterCount,
  bytes: { readonly frozen: number; readonly trained: number } = { frozen: 4, trained: 4 },
): TrainingMemory {
  const frozen = adapter > 0 ? base * bytes.frozen : 0;
  const one = trained * bytes.trained;
  return { frozen, trained: one, gradients: one, moments: 2 * one, total: frozen + 4 * one };
}
