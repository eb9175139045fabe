import { existsSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrozenWeight, HostTensor } from '../engine/tensors';
import { makeFolder, writeFileAtomic } from '../files';
import { parseJsonObject, readSmallFile } from '../json-file';
import { llamaConfig } from './config-file';
import { EMPTY_PART, list, withoutConfig } from './folder-advice';
import { EMBEDDING, HEAD, type LlamaConfig, weightShapes } from './llama';
import { modelCard } from './model-card';
import { areEqual, type StoredTensor } from './safetensors';
import { saveWeights } from './save-weights';
import { storedWeights } from './weight-files';
import { canonicalName, canonicalTensors } from './weight-names';

/** A Hugging Face folder of a Llama: config.json, one or more .safetensors, a tokenizer. */
export interface ModelFolder {
  readonly folder: string;
  readonly config: LlamaConfig;
  /** config.json as it was read, so that what is saved says the same. */
  readonly rawConfig: Readonly<Record<string, unknown>>;
  readonly weights: Readonly<Record<string, StoredWeight>>;
}

/** A weight's place in its file: floats, of 32 or 16 bits. */
export type StoredWeight = StoredTensor & FrozenWeight;

/**
 * Opens a folder and checks that everything a Llama needs is there in its shape. Weights are not read yet.
 *
 * Names may have a wrapper's prefix (`_orig_mod.`, `module.`) or lack `model.`. An output matrix of its own beside
 * `tie_word_embeddings: true` is used, as transformers 5 does: the model is then opened as an untied one. An output matrix
 * alone there is the embedding too.
 *
 * @throws when config.json is of another architecture or uses what is not built, or a weight is missing or misshapen
 */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  const read = await readConfig(folder);
  const written = llamaConfig(read, join(folder, 'config.json'));
  const names = new Set(Object.keys(weightShapes({ ...written, tieWordEmbeddings: false })));
  const known = (name: string) => canonicalName(name, (one) => names.has(one));
  const stored = await storedWeights(folder, {
    isUsed: (name) => known(name) !== undefined,
    isOptional: (name) => written.tieWordEmbeddings && known(name) === HEAD,
  });
  refuseBeside(folder, Object.keys(stored));
  refuseMoreLayers(join(folder, 'config.json'), written, Object.keys(stored));
  const weights = canonicalTensors(stored, [...names], folder);
  const head = weights[HEAD];
  // Of two tied tensors savers keep one, and not all keep the embedding.
  if (written.tieWordEmbeddings && head) weights[EMBEDDING] ??= head;
  const embedding = weights[EMBEDDING];
  const hasOwnHead = written.tieWordEmbeddings && embedding && head && !(await areEqual(embedding, head));
  const config = hasOwnHead ? { ...written, tieWordEmbeddings: false } : written;
  const rawConfig = hasOwnHead ? { ...read, tie_word_embeddings: false } : read;
  const used: Record<string, StoredWeight> = {};
  for (const [name, shape] of Object.entries(weightShapes(config))) {
    const weight = weights[name];
    if (!weight) throw new Error(missingWeight(folder, name, Object.keys(stored), rawConfig));
    if (String(weight.shape) !== String(shape)) {
      throw new Error(
        `model: ${folder}: "${name}" has shape [${weight.shape}], config.json calls for [${shape}]; ` +
          (weight.length === 0 ? EMPTY_PART : 'take both files from the same model'),
      );
    }
    used[name] = floatWeight(name, weight);
  }
  return { folder, config, rawConfig, weights: used };
}

/** @throws when the tensor is not of floats of 32 or 16 bits */
export function floatWeight(name: string, { dtype, ...stored }: StoredTensor): StoredWeight {
  if (dtype === 'unread' || dtype === 'int32') {
    throw new Error(
      `model: ${stored.file}: "${name}" is of ${stored.format}; a weight must be F32, F16 or BF16: use the unquantised ` +
        'model, or save it with torch in one of these types',
    );
  }
  return { ...stored, dtype };
}

/** What a linear layer has beside its weight, or in place of it, where this is quantised: GPTQ, AWQ, bitsandbytes, FP8, MLX. */
const QUANTISED =
  /_proj\.(qweight|qzeros|scales|biases|g_idx|SCB|input_scale|weight_(format|scale|packed|shape|zero_point)|weight\.(absmax|quant_|nested_))/;

/** @throws where a layer's weight alone is not what the layer computes with */
function refuseBeside(folder: string, stored: readonly string[]): void {
  const adapter = stored.find((name) => /\.(lora_[AB]|base_layer)\./.test(name));
  if (adapter !== undefined) {
    throw new Error(
      `model: ${folder} has "${adapter}", an adapter that is not merged: call merge_and_unload() in peft and save the model`,
    );
  }
  const quantised = stored.filter((name) => QUANTISED.test(name));
  if (quantised.length === 0) return;
  throw new Error(
    `model: ${folder} has ${list(quantised)}: quantised weights, which are not read; use the unquantised model that ` +
      'this one was made from',
  );
}

function missingWeight(
  folder: string,
  name: string,
  stored: readonly string[],
  raw: Readonly<Record<string, unknown>>,
): string {
  const start = `model: ${folder} has no weight "${name}", which its config.json calls for; `;
  if (name === HEAD) {
    const said = raw.tie_word_embeddings === false ? 'is false' : 'is not given, which is false for a Llama';
    return (
      `${start}"tie_word_embeddings" ${said}: write true there if the model's output matrix is its embedding, else save ` +
      'the model again with its head (as LlamaForCausalLM)'
    );
  }
  const flat = stored.find((one) => /(^|\.)_?flat_param/.test(one));
  if (flat !== undefined) {
    return `${start}it has "${flat}", weights as FSDP keeps them in parts: accelerate merge-weights makes whole ones of them`;
  }
  const bare = name.replace(/^model\./, '');
  const [of, prefixed] =
    [name, bare].map((one) => [one, stored.find((other) => other.endsWith(`.${one}`))]).find(([, other]) => other) ??
    [];
  if (prefixed !== undefined) {
    const prefix = prefixed.slice(0, -of!.length);
    return (
      `${start}it has "${prefixed}", so its names begin with "${prefix}", the part of a larger model: save that part alone ` +
      '(as LlamaForCausalLM)'
    );
  }
  const instead = stored.filter((one) => `.${one}`.includes(`.${name.replace(/weight$/, '')}`));
  if (instead.length > 0) return `${start}it has ${list(instead)} in its place, a form that is not read`;
  const layers = new Set(
    stored.map((one) => /\blayers\.(\d+)\./.exec(one)?.[1]).filter((layer) => layer !== undefined),
  );
  const seen = `it has ${stored.length} tensors in ${layers.size} layers, such as ${list(stored)}`;
  return `${start}${seen}; take config.json and all weights from the same model`;
}

/** @throws when there are weights of a layer beyond those that config.json counts: the model would be cut short */
function refuseMoreLayers(file: string, { numHiddenLayers }: LlamaConfig, stored: readonly string[]): void {
  const layerOf = (name: string) => Number(/\blayers\.(\d+)\..*_(?:proj|layernorm)\./.exec(name)?.[1] ?? -1);
  const last = stored.reduce((a, b) => (layerOf(b) > layerOf(a) ? b : a), '');
  if (layerOf(last) < numHiddenLayers) return;
  throw new Error(
    `model: ${file}: "num_hidden_layers" must be ${layerOf(last) + 1}, as the weights have "${last}", got ` +
      `${numHiddenLayers}; take config.json and all weights from the same model`,
  );
}

async function readConfig(folder: string): Promise<Record<string, unknown>> {
  const file = join(folder, 'config.json');
  const bytes = await readSmallFile(file, 'model').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    const isThere = !['ENOENT', 'ENOTDIR'].includes(error.code);
    const advice = isThere ? 'check its permissions, and where it leads if it is a link' : await withoutConfig(folder);
    throw new Error(`model: cannot read ${file} (${error.code}); ${advice}`, { cause: error });
  });
  return parseJsonObject(bytes.toString('utf8'), file, 'model');
}

const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'generation_config.json',
];

const WEIGHT_FILES = /^model(?:-\d+-of-\d+)?\.safetensors(?:\.index\.json)?$/;

/** Whether a folder of these files is what `saveModelFolder` leaves where it is killed: config.json comes last. */
export const isUnfinished = (names: readonly string[]): boolean =>
  names.every((name) => WEIGHT_FILES.test(name) || name === 'README.md' || TOKENIZER_FILES.includes(name));

/**
 * Saves a fine-tuned model as a folder that transformers and this library open. What an earlier save left there is
 * replaced: its config.json goes first, so that a reader never takes files of both for one model.
 *
 * @param base the model it was tuned from: its config.json and tokenizer go along
 * @param read a weight by its Hugging Face name
 * @param shardBytes of a weight file at most; beyond it there are shards with an index
 * @returns the paths of the files with the weights
 * @throws when the folder is the base's own, which is still read, or holds an adapter, which transformers would open in
 * the model's place
 */
export async function saveModelFolder(
  folder: string,
  base: ModelFolder,
  read: (name: string) => Promise<HostTensor> | HostTensor,
  card: { readonly title: string; readonly details: string },
  shardBytes?: number,
): Promise<string[]> {
  await makeFolder(folder);
  if ((await realpath(folder)) === (await realpath(base.folder))) {
    throw new Error(`model: ${folder} is the folder of the model that this one is made from; save to another one`);
  }
  if (existsSync(join(folder, 'adapter_config.json'))) {
    throw new Error(
      `model: ${folder} holds an adapter (adapter_config.json), which transformers would open in the model's place; ` +
        'save to another folder, or delete the adapter',
    );
  }
  await rm(join(folder, 'config.json'), { force: true });
  const files = await saveWeights(folder, weightShapes(base.config), read, shardBytes);
  for (const name of TOKENIZER_FILES) {
    const file = join(base.folder, name);
    if (existsSync(file)) await writeFileAtomic(join(folder, name), await readSmallFile(file, 'model'));
    else await rm(join(folder, name), { force: true });
  }
  await writeFileAtomic(join(folder, 'README.md'), modelCard(card));
  // Last: a folder without config.json is not a model yet. transformers 5 goes by `dtype` where it stands.
  const dtype = base.rawConfig.dtype === undefined ? {} : { dtype: 'float32' };
  const config = { ...base.rawConfig, torch_dtype: 'float32', ...dtype };
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  return files;
}
