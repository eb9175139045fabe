import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32Specs, type HostTensor } from '../engine/tensors';
import { writeFileAtomic } from '../files';
import { type LlamaConfig, weightShapes } from './llama';
import { modelCard } from './model-card';
import { readSafetensorsHeader, type StoredTensor, writeSafetensors } from './safetensors';

/** A Hugging Face folder of a Llama: config.json, one or more .safetensors, a tokenizer. */
export interface ModelFolder {
  readonly folder: string;
  readonly config: LlamaConfig;
  /** config.json as it was read, so that what is saved says the same. */
  readonly rawConfig: Readonly<Record<string, unknown>>;
  readonly weights: Readonly<Record<string, StoredTensor>>;
}

/**
 * Opens a folder and checks that everything a Llama needs is there in its shape. Weights are not read yet.
 *
 * @throws when config.json is of another architecture or uses what is not built, or a weight is missing or misshapen
 */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  const rawConfig = await readConfig(folder);
  const config = llamaConfig(rawConfig, join(folder, 'config.json'));
  const weights = await weightPlaces(folder);
  for (const [name, shape] of Object.entries(weightShapes(config))) {
    const stored = weights[name];
    if (!stored) {
      throw new Error(`model: ${folder} has no weight "${name}", which its config.json calls for; download it again`);
    }
    if (String(stored.shape) !== String(shape)) {
      throw new Error(
        `model: ${folder}: "${name}" has shape [${stored.shape}], config.json calls for [${shape}]; ` +
          'take both files from the same model',
      );
    }
  }
  const used = Object.fromEntries(Object.keys(weightShapes(config)).map((name) => [name, weights[name]!]));
  return { folder, config, rawConfig, weights: used };
}

async function readConfig(folder: string): Promise<Record<string, unknown>> {
  const file = join(folder, 'config.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`model: cannot read ${file} (${error.code}); give the folder of a Hugging Face model`);
  });
  return parseFields(text, file);
}

function parseFields(text: string, file: string): Record<string, unknown> {
  const fail = (what: string): never => {
    throw new Error(`model: ${file} ${what}; download or save the file again`);
  };
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    fail(`is not JSON (${(error as Error).message})`);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) fail('holds no JSON object');
  return fields as Record<string, unknown>;
}

/** @throws naming the field of config.json that asks for something this Llama is not */
export function llamaConfig(raw: Readonly<Record<string, unknown>>, file: string): LlamaConfig {
  const refuse = (field: string, wanted: string): never => {
    throw new Error(
      `model: ${file}: "${field}" must be ${wanted}, got ${JSON.stringify(raw[field])}; use another model`,
    );
  };
  if (raw.model_type !== 'llama') refuse('model_type', '"llama" (no other architecture is built)');
  if ((raw.hidden_act ?? 'silu') !== 'silu') refuse('hidden_act', '"silu"');
  if (raw.attention_bias) refuse('attention_bias', 'false');
  if (raw.mlp_bias) refuse('mlp_bias', 'false');
  // transformers 5 writes rope_parameters, earlier ones rope_theta and rope_scaling.
  const rope = (raw.rope_parameters ?? raw.rope_scaling ?? {}) as Record<string, unknown>;
  const ropeType = rope.rope_type ?? rope.type ?? 'default';
  if (ropeType !== 'default') refuse(raw.rope_parameters ? 'rope_parameters' : 'rope_scaling', 'of type "default"');
  const count = (field: string, fallback?: number): number => {
    const value = raw[field] ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) <= 0) refuse(field, 'a positive integer');
    return value as number;
  };
  const number = (field: string, value: unknown): number => {
    if (typeof value !== 'number' || !(value > 0)) refuse(field, 'a positive number');
    return value as number;
  };
  const hiddenSize = count('hidden_size');
  const numAttentionHeads = count('num_attention_heads');
  const numKeyValueHeads = count('num_key_value_heads', numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    refuse('num_key_value_heads', `a divisor of num_attention_heads ${numAttentionHeads}`);
  }
  const headDim = count('head_dim', Math.floor(hiddenSize / numAttentionHeads));
  if (headDim % 2 !== 0) refuse('head_dim', `even, for rotary positions, and is ${headDim} here`);
  return {
    vocabSize: count('vocab_size'),
    hiddenSize,
    intermediateSize: count('intermediate_size'),
    numHiddenLayers: count('num_hidden_layers'),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    rmsNormEps: number('rms_norm_eps', raw.rms_norm_eps ?? 1e-6),
    ropeTheta: number('rope_theta', rope.rope_theta ?? raw.rope_theta ?? 10_000),
    maxPositionEmbeddings: count('max_position_embeddings', 2048),
    tieWordEmbeddings: (raw.tie_word_embeddings as boolean | undefined) ?? false,
  };
}

async function weightPlaces(folder: string): Promise<Record<string, StoredTensor>> {
  const index = join(folder, 'model.safetensors.index.json');
  const files = existsSync(index)
    ? [...new Set(Object.values((parseFields(await readFile(index, 'utf8'), index).weight_map ?? {}) as object))]
    : ['model.safetensors'];
  const places: Record<string, StoredTensor> = {};
  for (const file of files) Object.assign(places, (await readSafetensorsHeader(join(folder, file as string))).tensors);
  return places;
}

const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'generation_config.json',
];

/**
 * Saves a fine-tuned model as a folder that transformers and this library open.
 *
 * @param base the model it was tuned from: its config.json and tokenizer go along
 * @param read a weight by its Hugging Face name
 */
export async function saveModelFolder(
  folder: string,
  base: ModelFolder,
  read: (name: string) => Promise<HostTensor> | HostTensor,
  card: { readonly title: string; readonly details: string },
): Promise<void> {
  const specs = float32Specs(weightShapes(base.config));
  await writeSafetensors(join(folder, 'model.safetensors'), specs, read);
  for (const name of TOKENIZER_FILES) {
    const file = join(base.folder, name);
    if (existsSync(file)) await writeFileAtomic(join(folder, name), await readFile(file));
  }
  await writeFileAtomic(join(folder, 'README.md'), modelCard(card));
  // Last: a folder without config.json is not a model yet.
  const config = { ...base.rawConfig, torch_dtype: 'float32' };
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}
