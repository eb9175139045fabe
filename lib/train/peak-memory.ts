import type { TrainConfig } from '../config';
import type { Device } from '../engine/device';
import type { TunedModel } from '../model/tuned';
import type { BatchForm } from './batches';
import { countParameters, trainingMemory } from './memory';
import { trainingWorkingBytes } from './programs';

/** Node, the libraries and compiled programs, whatever the model. */
const PROCESS_BYTES = 250e6;

/**
 * The most memory that the process of a training will have resident on the CPU, in bytes: an estimate.
 *
 * @param form of its batches
 */
export function estimateTrainingMemory(
  model: TunedModel,
  config: TrainConfig,
  device: Pick<Device, 'target'>,
  form: BatchForm,
): number {
  const parameters = countParameters(model.base.config, model.lora);
  const { frozen, trained, moments } = trainingMemory(parameters);
  const working = trainingWorkingBytes(model, config, device, form);
  return PROCESS_BYTES + frozen + 2 * (trained + moments) + working;
}
