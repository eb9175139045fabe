import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoraConfig } from '../config';
import type { HostTensor, HostTensors } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import { parseJsonObject, readSmallFile } from '../json-file';
import { type AdapterConfig, adapterConfig } from './adapter-config';
import { type AdapterTensors, adapterTensors } from './adapter-keys';
import { wholeWeights } from './adapter-whole';
import { requireFinite } from './finite';
import { floatWeight, type ModelFolder } from './folder';
import { EMPTY_PART, withoutAdapterConfig, withoutAdapterWeights } from './folder-advice';
import { weightShapes } from './llama';
import { linearLayers, loraShapes } from './lora';
import { modelCard } from './model-card';
import { readSafetensorsHeader, readTensor, writeSafetensors } from './safetensors';

const PREFIX = 'base_model.model.';

/**
 * Saves an adapter as a PEFT folder. adapter_config.json goes first and comes last: new weights are never read with the
 * scaling of an earlier adapter.
 * Source: PEFT utils/save_and_load.py (keys lose the adapter's name), tuners/lora/config.py (fields)
 */
export async function saveAdapterFolder(
  folder: string,
  config: LoraConfig,
  baseModel: string,
  adapter: HostTensors,
  card: { readonly title: string; readonly details: string },
): Promise<void> {
  await rm(join(folder, 'adapter_config.json'), { force: true });
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
    target_modules: Object.keys(config.layers ?? Object.fromEntries(config.targetModules.map((name) => [name, 0]))),
    rank_pattern: differing(config, 'rank'),
    alpha_pattern: differing(config, 'alpha'),
    bias: 'none',
    fan_in_fan_out: false,
    modules_to_save: config.modulesToSave ?? null,
    use_dora: false,
    inference_mode: true,
  };
  await writeFileAtomic(join(folder, 'adapter_config.json'), `${JSON.stringify(fields, null, 2)}\n`);
}

/** The layers whose rank or alpha is not the adapter's own, by their full names. */
function differing({ layers = {}, ...config }: LoraConfig, field: 'rank' | 'alpha'): Record<string, number> {
  const values = Object.entries(layers).map(([name, layer]) => [name, layer[field]] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== config[field]));
}

export interface AdapterFolder {
  /** The base, with an output matrix apart from its tied embedding where the adapter tells the two apart. */
  readonly base: ModelFolder;
  readonly config: LoraConfig;
  readonly adapter: HostTensors;
  /** `base_model_name_or_path`. */
  readonly baseModel: string;
}

/**
 * Opens a PEFT folder made here or by PEFT, for a base model.
 *
 * @throws naming the field or tensor when the adapter is of another kind or of another model
 * Source: PEFT 0.21.2 utils/save_and_load.py, set_peft_model_state_dict
 */
export async function openAdapterFolder(folder: string, base: ModelFolder): Promise<AdapterFolder> {
  const file = join(folder, 'adapter_config.json');
  const bytes = await readSmallFile(file, 'lora').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    throw new Error(`lora: cannot read ${file} (${error.code}); ${await withoutAdapterConfig(folder)}`);
  });
  const read = adapterConfig(parseJsonObject(bytes.toString('utf8'), file, 'lora'), file, base.config);
  const weights = join(folder, 'adapter_model.safetensors');
  if (!existsSync(weights)) {
    throw new Error(`lora: ${folder} has no adapter_model.safetensors: ${await withoutAdapterWeights(folder)}`);
  }
  const { tensors: stored } = await readSafetensorsHeader(weights);
  const layers = linearLayers(base.config);
  const shapes = weightShapes({ ...base.config, tieWordEmbeddings: false });
  const tensors = await adapterTensors(
    stored,
    folder,
    (name) => name in layers,
    (name) => name in shapes,
  );
  const adapter = await loraTensors(folder, base, read, tensors);
  const whole = await wholeWeights(folder, base, read, tensors);
  const modulesToSave = Object.keys(whole.tensors).map((name) => name.replace(/\.weight$/, ''));
  return {
    base: whole.base,
    config: modulesToSave.length > 0 ? { ...read.config, modulesToSave } : read.config,
    adapter: { ...adapter, ...whole.tensors },
    baseModel: read.baseModel,
  };
}

/** @throws when the file has more, less or others than adapter_config.json says */
async function loraTensors(
  folder: string,
  base: ModelFolder,
  { config }: AdapterConfig,
  { lora, keyOf }: AdapterTensors,
): Promise<HostTensors> {
  const adapter: Record<string, HostTensor> = {};
  const expected = loraShapes(base.config, config);
  for (const [name, shape] of Object.entries(expected)) {
    const stored = lora[name];
    if (!stored || String(stored.shape) !== String(shape)) {
      const [rank, given] = name.includes('lora_A') ? [shape[0], stored?.shape[0]] : [shape[1], stored?.shape[1]];
      let remedy = 'use the base model that the adapter was trained on';
      if (!stored)
        remedy = 'adapter_config.json names the layer ("target_modules"): take both files from the same adapter';
      else if (stored.length === 0) remedy = EMPTY_PART;
      else if (rank !== given) {
        remedy = `adapter_config.json gives rank ${rank} ("r", "rank_pattern"): take both files from the same adapter`;
      }
      const got = stored ? `[${stored.shape}]` : 'nothing';
      throw new Error(
        `lora: ${folder}: "${keyOf[name] ?? PREFIX + name}" must be [${shape}] for this base model, got ${got}; ${remedy}`,
      );
    }
    adapter[name] = requireFinite(await readTensor(floatWeight(keyOf[name]!, stored)), keyOf[name]!, stored.file);
  }
  const extra = Object.keys(lora).find((name) => !(name in expected));
  if (extra !== undefined) {
    throw new Error(
      `lora: ${folder} has "${keyOf[extra]}", a layer that "target_modules" of its adapter_config.json does not name, so ` +
        'that PEFT would leave it out; name the layer there, or take both files from the same adapter',
    );
  }
  return adapter;
}
