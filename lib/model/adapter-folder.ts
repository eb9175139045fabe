import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoraConfig } from '../config';
import { float32, type HostTensor, type HostTensors } from '../engine/tensors';
import { parseJsonObject, writeFileAtomic } from '../files';
import { type AdapterConfig, adapterConfig, MERGE } from './adapter-config';
import { type AdapterTensors, adapterTensors } from './adapter-keys';
import { floatWeight, type ModelFolder, type StoredWeight } from './folder';
import { withoutAdapterWeights } from './folder-advice';
import { EMBEDDING, HEAD, weightShapes } from './llama';
import { linearLayers, loraShapes } from './lora';
import { modelCard } from './model-card';
import { areEqual, readSafetensorsHeader, readTensor, writeSafetensors } from './safetensors';

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
    target_modules: Object.keys(config.layers ?? Object.fromEntries(config.targetModules.map((name) => [name, 0]))),
    rank_pattern: differing(config, 'rank'),
    alpha_pattern: differing(config, 'alpha'),
    bias: 'none',
    fan_in_fan_out: false,
    modules_to_save: null,
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
  /** The base with the whole weights that the adapter has in their place: as a rule, the base itself. */
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
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`lora: cannot read ${file} (${error.code}); give the folder that PEFT or this library saved`);
  });
  const read = adapterConfig(parseJsonObject(text, file, 'lora'), file, base.config);
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
  return {
    base: await withWhole(folder, base, read, tensors),
    config: read.config,
    adapter,
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
      const remedy = !stored
        ? 'adapter_config.json names the layer ("target_modules"): take both files from the same adapter'
        : rank !== given
          ? `adapter_config.json gives rank ${rank} ("r", "rank_pattern"): take both files from the same adapter`
          : 'use the base model that the adapter was trained on';
      const got = stored ? `[${stored.shape}]` : 'nothing';
      throw new Error(
        `lora: ${folder}: "${keyOf[name] ?? PREFIX + name}" must be [${shape}] for this base model, got ${got}; ${remedy}`,
      );
    }
    const { dtype, shape: _, data } = await readTensor(stored);
    if (dtype !== 'float32') throw new Error(`lora: ${folder}: "${keyOf[name]}" is of integers; save it as floats`);
    adapter[name] = float32(shape, data as Float32Array);
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

/**
 * The base with the adapter's whole weights in their place. Of tied embeddings, `modules_to_save` replaces the one it
 * names; an embedding that was merely saved along replaces both.
 */
async function withWhole(
  folder: string,
  base: ModelFolder,
  { modulesToSave, config }: AdapterConfig,
  { whole, keyOf }: AdapterTensors,
): Promise<ModelFolder> {
  const shapes = weightShapes({ ...base.config, tieWordEmbeddings: false });
  const adapted = loraShapes(base.config, config);
  const isSaved = (name: string) => ancestors(name).some((one) => modulesToSave.some((module) => one.endsWith(module)));
  for (const [name, shape] of Object.entries(shapes)) {
    const stored = whole[name];
    if (!stored) {
      if (!isSaved(name)) continue;
      const missing = `has no "${name}", which "modules_to_save" of its adapter_config.json names`;
      throw new Error(`lora: ${folder} ${missing}; take both files from the same adapter`);
    }
    if (String(stored.shape) !== String(shape)) {
      const grown = `in peft, call resize_token_embeddings(${stored.shape[0]}) on the base, then ${MERGE}`;
      const remedy = name === EMBEDDING || name === HEAD ? grown : 'use the base model that the adapter was trained on';
      throw new Error(`lora: ${folder}: "${keyOf[name]}" is [${stored.shape}], the base's is [${shape}]; ${remedy}`);
    }
    if (name.replace(/weight$/, 'lora_A.weight') in adapted) {
      throw new Error(
        `lora: ${folder} has "${keyOf[name]}" beside LoRA of the same layer, which is not built; ${MERGE}`,
      );
    }
  }
  const replaced = Object.fromEntries(Object.entries(whole).map(([name, stored]) => [name, floatWeight(name, stored)]));
  if (!base.config.tieWordEmbeddings || !(EMBEDDING in whole || HEAD in whole)) {
    return { ...base, weights: { ...base.weights, ...replaced } };
  }
  const [embedding, head] = [replaced[EMBEDDING], replaced[HEAD]];
  const along = [isSaved(EMBEDDING) ? undefined : embedding, isSaved(HEAD) ? undefined : head].filter((w) => w);
  if (along.length === 2 && !(await areEqual(along[0]!, along[1]!))) {
    throw new Error(`lora: ${folder} has two different matrices for the base's one tied embedding; ${MERGE}`);
  }
  const shared = along[0] ?? base.weights[EMBEDDING]!;
  const [first, last] = [embedding ?? shared, head ?? shared];
  const weights: Record<string, StoredWeight> = { ...base.weights, ...replaced, [EMBEDDING]: first };
  if (first === last || (await areEqual(first, last))) {
    const { [HEAD]: _, ...tied } = weights;
    return { ...base, weights: tied };
  }
  return {
    ...base,
    config: { ...base.config, tieWordEmbeddings: false },
    rawConfig: { ...base.rawConfig, tie_word_embeddings: false },
    weights: { ...weights, [HEAD]: last },
  };
}

/** The modules a weight lies in: "model.norm.weight" -> "model", "model.norm". */
const ancestors = (name: string): string[] => {
  const parts = name.split('.').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('.'));
};
