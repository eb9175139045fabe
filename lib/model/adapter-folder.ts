import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ALL_LINEAR, type LoraConfig } from '../config';
import type { HostTensor, HostTensors } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import type { LlamaConfig } from './llama';
import { loraShapes } from './lora';
import { modelCard } from './model-card';
import { readSafetensorsHeader, readTensor, writeSafetensors } from './safetensors';

const PREFIX = 'base_model.model.';

/**
 * Saves an adapter as a PEFT folder.
 * Source: PEFT utils/save_and_load.py (keys lose the adapter's name), tuners/lora/config.py (fields)
 */
export async function saveAdapterFolder(
  folder: string,
  config: LoraConfig,
  baseModel: string,
  adapter: HostTensors,
  card: { readonly title: string; readonly details: string },
): Promise<void> {
  const names = Object.keys(adapter);
  const specs = Object.fromEntries(
    names.map((n) => [PREFIX + n, { shape: adapter[n]!.shape, dtype: 'float32' as const }]),
  );
  await writeSafetensors(
    join(folder, 'adapter_model.safetensors'),
    specs,
    (name) => adapter[name.slice(PREFIX.length)]!,
  );
  await writeFileAtomic(join(folder, 'README.md'), modelCard(card));
  const fields = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    use_rslora: config.useRsLora,
    target_modules: [...config.targetModules],
    bias: 'none',
    fan_in_fan_out: false,
    modules_to_save: null,
    use_dora: false,
    inference_mode: true,
  };
  await writeFileAtomic(join(folder, 'adapter_config.json'), `${JSON.stringify(fields, null, 2)}\n`);
}

/**
 * Opens a PEFT folder made here or by PEFT.
 *
 * @throws naming the field or tensor when the adapter is of another kind or of another model
 */
export async function openAdapterFolder(
  folder: string,
  model: LlamaConfig,
): Promise<{ readonly config: LoraConfig; readonly adapter: HostTensors; readonly baseModel: string }> {
  const file = join(folder, 'adapter_config.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`lora: cannot read ${file} (${error.code}); give the folder that PEFT or this library saved`);
  });
  const raw = parseFields(text, file);
  const refuse = (field: string, wanted: string, remedy: string): never => {
    throw new Error(`lora: ${file}: "${field}" must be ${wanted}, got ${JSON.stringify(raw[field])}; ${remedy}`);
  };
  const need = (field: string, wanted: string, neutral: readonly unknown[]) => {
    if (raw[field] !== undefined && !neutral.includes(raw[field])) refuse(field, wanted, 'this is not built');
  };
  need('peft_type', '"LORA"', ['LORA']);
  need('use_dora', 'false', [false]);
  need('bias', '"none"', ['none']);
  need('fan_in_fan_out', 'false', [false]);
  need('modules_to_save', 'null', [null]);
  for (const pattern of ['rank_pattern', 'alpha_pattern']) {
    if (Object.keys((raw[pattern] as object | undefined) ?? {}).length > 0) need(pattern, 'empty', []);
  }
  const mend = 'save or download the adapter again';
  const { r: rank, lora_alpha: alpha, target_modules: targets } = raw;
  if (!Number.isSafeInteger(rank) || (rank as number) <= 0) refuse('r', 'a positive integer', mend);
  if (typeof alpha !== 'number') refuse('lora_alpha', 'a number', mend);
  if (targets !== 'all-linear' && !Array.isArray(targets)) refuse('target_modules', 'names of layers', mend);
  const config: LoraConfig = {
    rank: rank as number,
    alpha: alpha as number,
    dropout: (raw.lora_dropout as number | undefined) ?? 0,
    useRsLora: (raw.use_rslora as boolean | undefined) ?? false,
    targetModules: targets === 'all-linear' ? ALL_LINEAR : ALL_LINEAR.filter((m) => (targets as string[]).includes(m)),
  };
  const { tensors } = await readSafetensorsHeader(join(folder, 'adapter_model.safetensors'));
  const adapter: Record<string, HostTensor> = {};
  const expected = loraShapes(model, config);
  for (const [name, shape] of Object.entries(expected)) {
    const stored = tensors[PREFIX + name];
    if (!stored || String(stored.shape) !== String(shape)) {
      throw new Error(
        `lora: ${folder}: "${PREFIX}${name}" must be [${shape}] for this base model, got ` +
          `${stored ? `[${stored.shape}]` : 'nothing'}; use the base model that the adapter was trained on`,
      );
    }
    adapter[name] = await readTensor(stored);
  }
  const extra = Object.keys(tensors).filter((n) => !(n.slice(PREFIX.length) in expected));
  if (extra.length > 0) {
    throw new Error(
      `lora: ${folder} adapts "${extra[0]}", which this base model has not; use the one it was trained on`,
    );
  }
  return { config, adapter, baseModel: String(raw.base_model_name_or_path ?? '') };
}

function parseFields(text: string, file: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) } as Record<string, unknown>;
  } catch (error) {
    throw new Error(`lora: ${file} is not JSON (${(error as Error).message}); save or download it again`);
  }
}
