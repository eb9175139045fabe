import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** What a folder holds in place of what was looked for, in words that say what to do. Looked up only when something is missing. */

/** Of a tensor without numbers, which the rank that saved it had given away. */
export const EMPTY_PART =
  'it is empty, as where DeepSpeed ZeRO-3 or FSDP kept its numbers in parts: gather them when saving ' +
  '(stage3_gather_16bit_weights_on_model_save), or with zero_to_fp32.py of the checkpoint’s folder';

/** Where config.json is missing: another folder of a model beside or below this one, or a form of another program. */
export async function withoutConfig(folder: string): Promise<string> {
  const names = await namesIn(folder);
  const snapshots = await cachedSnapshots(folder, names);
  if (snapshots.length > 0) return `this is the Hub's cache; give the folder of a model in it: ${list(snapshots)}`;
  if (names.includes('adapter_config.json')) {
    return 'this is the folder of an adapter: give it with --adapter, and its base model with --model';
  }
  const below = await foldersWith('config.json', folder, names);
  if (below.length > 0) return `a folder below has a config.json: give ${list(below)}`;
  const other = await otherWeights(folder, names);
  return other ?? 'give the folder of a Hugging Face model (from the Hub: `hf download OWNER/NAME --local-dir FOLDER`)';
}

/** Where there is neither model.safetensors nor an index of shards. */
export async function withoutWeights(folder: string): Promise<string> {
  const names = await namesIn(folder);
  const other = await otherWeights(folder, names);
  if (other !== undefined) return other;
  const tensors = names.filter((name) => name.endsWith('.safetensors'));
  if (tensors.includes('adapter_model.safetensors')) {
    return `the weights are those of an adapter (adapter_model.safetensors): give this folder with --adapter, and its base model with --model`;
  }
  const shard = tensors.find((name) => /-of-0*([2-9]|[1-9]\d+)\.safetensors$/.test(name));
  if (shard !== undefined) {
    return `there are shards (${list(tensors)}) without model.safetensors.index.json; fetch that file too`;
  }
  if (tensors.length > 0) return `there is ${list(tensors)}; if it holds all weights, name it model.safetensors`;
  const seen = names.length > 0 ? `it holds ${list(names)}` : 'it is empty';
  return `${seen}; put the model's weights there`;
}

/** Where adapter_config.json is missing. */
export async function withoutAdapterConfig(folder: string): Promise<string> {
  const names = await namesIn(folder);
  const below = await foldersWith('adapter_config.json', folder, names);
  if (below.length > 0) return `a folder below has an adapter_config.json: give ${list(below)}`;
  if (names.includes('config.json'))
    return 'this is the folder of a whole model: give it with --model, without --adapter';
  return 'give the folder that PEFT or this library saved';
}

/** Where adapter_model.safetensors is missing. */
export async function withoutAdapterWeights(folder: string): Promise<string> {
  const names = await namesIn(folder);
  if (names.includes('adapter_model.bin')) {
    const load = "torch.load(f + '.bin', map_location='cpu', weights_only=True)";
    const save = "save_file({k: v.contiguous() for k, v in w.items()}, f + '.safetensors')";
    const code = `import torch; from safetensors.torch import save_file; f = '${join(folder, 'adapter_model')}'; w = ${load}; ${save}`;
    return `the weights are in adapter_model.bin, a pickle, which is not read; convert it with\n  python -c "${code}"`;
  }
  const tensors = names.filter((name) => name.endsWith('.safetensors'));
  if (tensors.length > 0)
    return `there is ${list(tensors)}; the adapter's weights must be in adapter_model.safetensors`;
  return `it holds ${list(names)}; put the adapter's weights there`;
}

async function foldersWith(file: string, folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) if ((await namesIn(join(folder, name))).includes(file)) found.push(join(folder, name));
  return found;
}

/** Weights of a form that is not read; undefined where there are none. */
async function otherWeights(folder: string, names: readonly string[]): Promise<string | undefined> {
  const ending = (pattern: RegExp) => names.filter((name) => pattern.test(name));
  const meta = ending(/^consolidated.*\.(pth|safetensors)$/);
  if (meta.length > 0 || (names.includes('params.json') && !names.includes('config.json'))) {
    return (
      `the weights are in ${list(meta.length > 0 ? meta : ['params.json'])}, the layout of Meta's own programs, which is ` +
      'not read; take the same model in the Hugging Face layout, or convert it with the script of transformers 4:\n' +
      `  pip install "transformers<5"; python -m transformers.models.llama.convert_llama_weights_to_hf ` +
      `--input_dir ${folder} --output_dir ${folder}-hf`
    );
  }
  const pickles = ending(/\.(bin|pth|pt)$/).filter(
    (name) => !/^(training_args|optimizer|scheduler|rng_state)/.test(name),
  );
  if (pickles.length > 0) {
    const code = `from transformers import AutoModelForCausalLM as M; M.from_pretrained('${folder}').save_pretrained('${folder}')`;
    return (
      `the weights are in ${list(pickles)}, a pickle (.${pickles[0]!.split('.').at(-1)}), which is not read; convert ` +
      `them with\n  python -c "${code}"`
    );
  }
  const foreign = ending(/\.(gguf|ggml|h5|msgpack|onnx|npz)$/);
  if (foreign.length === 0) return undefined;
  return `the weights are in ${list(foreign)}, which is not read; take the same model as .safetensors`;
}

/** Folders of models in a cache of huggingface_hub: the root, its `hub`, or one `models--` folder. */
async function cachedSnapshots(folder: string, names: readonly string[]): Promise<string[]> {
  if (names.includes('hub') && !names.some((name) => name.startsWith('models--'))) {
    return cachedSnapshots(join(folder, 'hub'), await namesIn(join(folder, 'hub')));
  }
  const isModel = basename(folder).startsWith('models--') || names.includes('snapshots');
  const models = isModel
    ? [folder]
    : names.filter((name) => name.startsWith('models--')).map((name) => join(folder, name));
  const found: string[] = [];
  for (const model of models) {
    const parent = join(model, 'snapshots');
    for (const snapshot of await namesIn(parent)) found.push(join(parent, snapshot));
  }
  return found;
}

const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder).catch(() => [])).sort();

/** Up to three names, and how many more. */
export const list = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
