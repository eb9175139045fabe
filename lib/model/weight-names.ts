import type { StoredTensor } from './safetensors';

/** Parts of a name that programs put around a model: torch.compile, DataParallel, FSDP, activation checkpoints. */
const WRAPPERS = ['_orig_mod', 'module', '_fsdp_wrapped_module', '_checkpoint_wrapped_module'];

/**
 * The name a tensor or layer has in Hugging Face's Llama, from the name it was saved under: without a wrapper's parts,
 * without what PEFT or Lightning put in front ("base_model.model.", "model."), with the "model." that a bare LlamaModel
 * lacks.
 *
 * @param isKnown says whether the model has such a name
 * @returns undefined for a name that is none of the model's in any of these forms
 */
export function canonicalName(name: string, isKnown: (name: string) => boolean): string | undefined {
  if (isKnown(name)) return name;
  const parts = name.split('.').filter((part) => !WRAPPERS.includes(part));
  const bare = parts.join('.').replace(/^(base_model\.model\.)+/, '');
  return [bare, `model.${bare}`, bare.replace(/^model\./, '')].find(isKnown);
}

/**
 * Tensors under the model's names. What is none of the model's is left out.
 *
 * @throws when two tensors are the same one of the model
 */
export function canonicalTensors(
  stored: Readonly<Record<string, StoredTensor>>,
  names: readonly string[],
  folder: string,
): Record<string, StoredTensor> {
  const known = new Set(names);
  const from: Record<string, string> = {};
  for (const name of Object.keys(stored)) {
    const canonical = canonicalName(name, (one) => known.has(one));
    if (canonical === undefined) continue;
    const other = from[canonical];
    if (other !== undefined) {
      throw new Error(`model: ${folder} has "${canonical}" twice, as "${other}" and as "${name}"; keep one of them`);
    }
    from[canonical] = name;
  }
  return Object.fromEntries(Object.entries(from).map(([canonical, name]) => [canonical, stored[name]!]));
}
