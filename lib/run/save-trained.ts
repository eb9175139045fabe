import { join } from 'node:path';
import type { TrainConfig } from '../config';
import type { TemplateName } from '../data/template';
import type { HostTensor } from '../engine/tensors';
import { saveAdapterFolder } from '../model/adapter-folder';
import { type ModelFolder, saveModelFolder } from '../model/folder';
import type { TunedModel } from '../model/tuned';
import type { TrainResult } from '../train/train';
import { writeTrainedTemplate } from './trained-template';

/**
 * Saves what a training made: an adapter as PEFT does, a fine-tune as a Hugging Face folder. The template that its rows were
 * put into is noted beside.
 *
 * @returns the files that hold the trained parameters
 */
export async function saveTrained(
  folder: string,
  base: ModelFolder,
  model: TunedModel,
  { state, plan }: TrainResult,
  config: TrainConfig,
  template: TemplateName,
): Promise<readonly string[]> {
  await writeTrainedTemplate(folder, template);
  const isWhole = plan.totalSteps === plan.stepsPerEpoch * config.epochs;
  const epochs = isWhole ? `${config.epochs} epochs` : `${(plan.totalSteps / plan.stepsPerEpoch).toFixed(2)} epochs`;
  const details = `Trained for ${plan.totalSteps} updates (${epochs}) with method "${config.method}".`;
  const card = { title: config.method === 'lora' ? 'A LoRA adapter' : 'A fine-tuned model', details };
  if (config.method === 'full') {
    return saveModelFolder(folder, base, (name) => state.read(name), card);
  }
  const adapter: Record<string, HostTensor> = {};
  for (const name of Object.keys(model.trainedShapes)) adapter[name] = await state.read(name);
  await saveAdapterFolder(folder, config.lora, base.folder, adapter, card);
  return [join(folder, 'adapter_model.safetensors')];
}
