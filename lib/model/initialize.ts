import { join } from 'node:path';
import { float32, float32Specs } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import type { Random } from '../random';
import { llamaConfig } from './config-file';
import { type ModelFolder, openModelFolder } from './folder';
import { weightShapes } from './llama';
import { writeSafetensors } from './safetensors';

/**
 * A new, untrained Llama in a Hugging Face folder: normal(0, initializer_range) everywhere, norms at 1.
 *
 * @param rawConfig the fields of config.json
 * Source: transformers modeling_llama.py, _init_weights
 */
export async function createModelFolder(
  folder: string,
  rawConfig: Readonly<Record<string, unknown>>,
  random: Random,
): Promise<ModelFolder> {
  const config = llamaConfig(rawConfig, join(folder, 'config.json'));
  const deviation = (rawConfig.initializer_range as number | undefined) ?? 0.02;
  const shapes = weightShapes(config);
  const specs = float32Specs(shapes);
  await writeSafetensors(join(folder, 'model.safetensors'), specs, (name) => {
    const tensor = float32(shapes[name]!);
    for (let i = 0; i < tensor.data.length; i++) {
      tensor.data[i] = tensor.shape.length === 1 ? 1 : random.normal() * deviation;
    }
    return tensor;
  });
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(rawConfig, null, 2)}\n`);
  return openModelFolder(folder);
}
