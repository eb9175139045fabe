import type { HostTensors } from '../engine/tensors';
import { type AdapterConfig, MERGE } from './adapter-config';
import type { AdapterTensors } from './adapter-keys';
import { requireFinite } from './finite';
import { floatWeight, type ModelFolder, type StoredWeight } from './folder';
import { EMBEDDING, HEAD, weightShapes } from './llama';
import { loraShapes } from './lora';
import { areEqual, readTensor, type StoredTensor } from './safetensors';

/**
 * The weights that an adapter's file has whole and that are not the base's own: `modules_to_save`, or an embedding that
 * PEFT saved along.
 *
 * Of tied embeddings, `modules_to_save` replaces the one it names; an embedding that was merely saved along, or with
 * `ensure_weight_tying`, replaces both.
 * The base is then given an output matrix of its own, at first the embedding.
 *
 * @throws when a weight is missing, of another shape, or of a layer that LoRA adapts too
 */
export async function wholeWeights(
  folder: string,
  base: ModelFolder,
  { modulesToSave, isTied, config }: AdapterConfig,
  { whole, keyOf }: AdapterTensors,
): Promise<{ readonly base: ModelFolder; readonly tensors: HostTensors }> {
  const isSaved = (name: string) => ancestors(name).some((one) => modulesToSave.some((module) => one.endsWith(module)));
  const isApart = (name: string) => isSaved(name) && !isTied;
  const adapted = loraShapes(base.config, config);
  for (const [name, shape] of Object.entries(weightShapes({ ...base.config, tieWordEmbeddings: false }))) {
    const stored = whole[name];
    if (stored === undefined && isSaved(name)) {
      const missing = `has no "${name}", which "modules_to_save" of its adapter_config.json names`;
      throw new Error(`lora: ${folder} ${missing}; take both files from the same adapter`);
    }
    if (stored === undefined) continue;
    if (String(stored.shape) !== String(shape)) {
      const grown = `in peft, call resize_token_embeddings(${stored.shape[0]}) on the base, then ${MERGE}`;
      const remedy = name === EMBEDDING || name === HEAD ? grown : 'use the base model that the adapter was trained on';
      throw new Error(`lora: ${folder}: "${keyOf[name]}" is [${stored.shape}], the base's is [${shape}]; ${remedy}`);
    }
    const isOwn = base.weights[name] !== undefined && (await areEqual(stored, base.weights[name]));
    if (name.replace(/weight$/, 'lora_A.weight') in adapted && !isOwn) {
      throw new Error(
        `lora: ${folder} has "${keyOf[name]}" beside LoRA of the same layer, which is not built; ${MERGE}`,
      );
    }
  }
  const wanted = base.config.tieWordEmbeddings ? await untied(folder, base, whole, isApart) : whole;
  const own: Record<string, StoredWeight> = { ...base.weights, [HEAD]: base.weights[HEAD] ?? base.weights[EMBEDDING]! };
  const tensors: Record<string, HostTensors[string]> = {};
  for (const [name, stored] of Object.entries(wanted)) {
    if (await areEqual(stored, own[name]!)) continue;
    tensors[name] = requireFinite(await readTensor(floatWeight(name, stored)), keyOf[name] ?? name, stored.file);
  }
  if (!base.config.tieWordEmbeddings || !(EMBEDDING in tensors || HEAD in tensors)) return { base, tensors };
  const untiedConfig = { ...base.config, tieWordEmbeddings: false };
  const rawConfig = { ...base.rawConfig, tie_word_embeddings: false };
  return { base: { ...base, config: untiedConfig, rawConfig, weights: own }, tensors };
}

/** Where embedding and output matrix of a tied base come from, each. */
async function untied(
  folder: string,
  base: ModelFolder,
  whole: Readonly<Record<string, StoredTensor>>,
  isApart: (name: string) => boolean,
): Promise<Readonly<Record<string, StoredTensor>>> {
  const along = [EMBEDDING, HEAD].filter((name) => whole[name] && !isApart(name)).map((name) => whole[name]!);
  if (along.length === 2 && !(await areEqual(along[0]!, along[1]!))) {
    throw new Error(`lora: ${folder} has two different matrices for the base's one tied embedding; ${MERGE}`);
  }
  const shared = along[0] ?? base.weights[EMBEDDING]!;
  return { ...whole, [EMBEDDING]: whole[EMBEDDING] ?? shared, [HEAD]: whole[HEAD] ?? shared };
}

/** The modules a weight lies in: "model.norm.weight" -> "model", "model.norm". */
function ancestors(name: string): string[] {
  const parts = name.split('.').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('.'));
}
