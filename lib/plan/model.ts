import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoraConfig } from '../config';
import { sizeOf } from '../engine/tensors';
import { parseJsonObject, readTextIfThere } from '../json-file';
import { llamaConfig } from '../model/config-file';
import { type LlamaConfig, weightShapes } from '../model/llama';
import { LLAMA_2, type Llama2Size } from '../model/llama-2';
import { type TunedModel, tunedModel } from '../model/tuned';

/** The Hub's names of the family. */
const LLAMA_2_ID = /^(?:meta-llama|NousResearch)\/Llama-2-(\d+b)(?:-chat)?-hf$/i;

/**
 * A model's shape by a size of Llama-2 (`7B`, `13B`, `70B`) or the Hub's name of it (`meta-llama/Llama-2-7b-hf`), a
 * Hugging Face folder or its config.json; no weights are read.
 *
 * @throws when it is none of them, or not a Llama
 */
export async function shapeOf(model: string): Promise<{ readonly title: string; readonly model: LlamaConfig }> {
  const size = (LLAMA_2_ID.exec(model)?.[1] ?? model).toUpperCase();
  if (Object.hasOwn(LLAMA_2, size)) return { title: `Llama-2 ${size}`, model: LLAMA_2[size as Llama2Size] };
  const found = await stat(model).catch(() => undefined);
  const file = found?.isDirectory() ? join(model, 'config.json') : model;
  const text = await readTextIfThere(file, 'plan');
  if (text === undefined) {
    throw new Error(
      `plan: the model must be one of ${Object.keys(LLAMA_2).join(', ')}, a Hugging Face folder or a config.json; ` +
        `there is no ${file}`,
    );
  }
  return { title: model, model: llamaConfig(parseJsonObject(text, file, 'plan'), file) };
}

/** A model to be trained whose weights are nowhere: in 16 bits, as Llama is published. */
export function unreadModel(model: LlamaConfig, lora: LoraConfig | undefined): TunedModel {
  const weights = Object.fromEntries(
    Object.entries(weightShapes(model)).map(([name, shape]) => [
      name,
      { dtype: 'bfloat16' as const, format: 'BF16', shape, file: '', offset: 0, length: 2 * sizeOf(shape) },
    ]),
  );
  return tunedModel({ folder: '', config: model, rawConfig: {}, weights }, lora ? 'lora' : 'full', lora);
}
