import type { TrainConfig } from '../config';
import type { Device } from '../engine/device';
import { sizeOf } from '../engine/tensors';
import { EMBEDDING } from '../model/llama';
import type { TunedModel } from '../model/tuned';
import type { BatchForm } from './batches';
import { countParameters, trainingMemory } from './memory';
import { trainingWorkingBytes } from './programs';

/**
 * What ONNX Runtime's arena takes for each byte that is in use at once: what is free lies in
 * pieces. Measured on eight trainings of SmolLM2-135M; environment.md has them.
 */
const ARENA = 1.3;

/** Node, the libraries and compiled programs, whatever the model. */
const PROCESS_BYTES = 180e6;

/** What the process of a training has resident on the CPU at its peak, bytes: an estimate. */
export interface ProcessMemory {
  /** Node, the libraries and compiled programs. */
  readonly process: number;
  /** The frozen weights, as the programs hold them. */
  readonly frozen: number;
  /** What is trained, its moments, and its sums of gradients twice: as they were and as they become. */
  readonly state: number;
  /** What a step computes on the way. */
  readonly working: number;
  readonly total: number;
}

/** @param form of its batches */
export function estimateTrainingMemory(
  model: TunedModel,
  config: TrainConfig,
  device: Device,
  form: BatchForm,
): ProcessMemory {
  const { trained, gradients, moments } = trainingMemory(countParameters(model.base.config, model.lora));
  const sums = config.accumulation > 1 ? gradients : 0;
  const parts = {
    process: PROCESS_BYTES,
    frozen: sessionBytes(model),
    state: trained + moments + 2 * sums,
    working: ARENA * trainingWorkingBytes(model, config, device, form),
  };
  return { ...parts, total: parts.process + parts.frozen + parts.state + parts.working };
}

/**
 * What the two programs, of the training and of the held-out loss, hold of the frozen weights: each all of them in float32;
 * the training's once more those that are multiplied, packed for the products of the way back; and while one is made, the
 * weights as they lie in the file where that is in 16 bits.
 */
function sessionBytes({ frozen, base }: TunedModel): number {
  const tensors = Object.entries(frozen);
  const numbers = tensors.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  const half = tensors.reduce((sum, [, { dtype, shape }]) => sum + (dtype === 'float32' ? 0 : 2 * sizeOf(shape)), 0);
  const { tieWordEmbeddings, vocabSize, hiddenSize } = base.config;
  // A table of embeddings is looked up, and multiplied only where it is the output's too.
  const lookedUp = EMBEDDING in frozen && !tieWordEmbeddings ? vocabSize * hiddenSize : 0;
  return half + 4 * (3 * numbers - lookedUp);
}
