import type { openAdapterFolder } from './adapter-folder';
import { saveModelFolder } from './folder';
import { loraScaling, mergeLora } from './lora';
import { readTensor } from './safetensors';

/**
 * Saves a model with an adapter added, in float32: W + scaling B A for each adapted layer, one layer in memory at a time.
 * Source: PEFT, merge_and_unload
 */
export async function saveMerged(
  folder: string,
  { base, config, adapter }: Awaited<ReturnType<typeof openAdapterFolder>>,
): Promise<void> {
  const card = {
    title: 'A model with a LoRA adapter merged in',
    details: `Rank ${config.rank}, alpha ${config.alpha}.`,
  };
  await saveModelFolder(
    folder,
    base,
    async (name) => {
      const whole = adapter[name];
      if (whole) return whole;
      const layer = name.replace(/\.weight$/, '');
      const [a, b] = ['A', 'B'].map((part) => adapter[`${layer}.lora_${part}.weight`]);
      const weight = await readTensor(base.weights[name]!);
      return a && b ? mergeLora(weight, a, b, loraScaling(config, layer)) : weight;
    },
    card,
  );
}
