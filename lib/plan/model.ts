import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJsonObject, readTextIfThere } from '../json-file';
import { llamaConfig } from '../model/config-file';
import type { LlamaConfig } from '../model/llama';
import { LLAMA_2, type Llama2Size } from '../model/llama-2';

/**
 * A model's shape by a size of Llama-2 (`7B`, `13B`, `70B`), a Hugging Face folder or its config.json; no weights are
 * read.
 *
 * @throws when it is none of them, or not a Llama
 */
export async function shapeOf(model: string): Promise<{ readonly title: string; readonly model: LlamaConfig }> {
  const size = model.toUpperCase();
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
