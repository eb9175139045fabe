import { MERGE } from './adapter-config';
import { areEqual, readTensor, type StoredTensor } from './safetensors';
import { canonicalName } from './weight-names';

/** An adapter file's tensors under the model's names. */
export interface AdapterTensors {
  /** By `NAME.lora_A.weight` and `NAME.lora_B.weight`. */
  readonly lora: Readonly<Record<string, StoredTensor>>;
  /** Whole weights of the base that the file has beside, by their names. */
  readonly whole: Readonly<Record<string, StoredTensor>>;
  /** The name in the file of what stands above under the model's. */
  readonly keyOf: Readonly<Record<string, string>>;
}

/**
 * Sorts an adapter file's tensors. Keys may have the adapter's name (`lora_A.default.weight`), a wrapper's prefix, and
 * `base_model.model.` once, twice or not at all. A bias that is zero changes nothing and is passed over, as is the copy
 * that PEFT keeps of a module it replaces (`original_module`). A tensor may be there twice with the same numbers: PEFT
 * saves an embedding that is trained whole and saved along under both of its names.
 *
 * @param isLayer, isWeight whether the base has a linear layer, a weight, of that name
 * @throws naming the tensor that is of what is not built, or is there twice with other numbers
 */
export async function adapterTensors(
  stored: Readonly<Record<string, StoredTensor>>,
  folder: string,
  isLayer: (name: string) => boolean,
  isWeight: (name: string) => boolean,
): Promise<AdapterTensors> {
  const lora: Record<string, StoredTensor> = {};
  const whole: Record<string, StoredTensor> = {};
  const keyOf: Record<string, string> = {};
  const adapters = new Set<string>();
  for (const [key, tensor] of Object.entries(stored)) {
    const refuse = (why: string): never => {
      throw new Error(`lora: ${folder} has "${key}": ${why}`);
    };
    const put = async (group: Record<string, StoredTensor>, name: string) => {
      const other = keyOf[name];
      if (other !== undefined && (await areEqual(tensor, stored[other]!))) return;
      if (other !== undefined) refuse(`the same as "${other}", with other numbers; keep one of them`);
      group[name] = tensor;
      keyOf[name] = key;
    };
    const ofLayer = /^(.+)\.lora_([AB])(?:\.([^.]+))?\.weight$/.exec(key);
    if (ofLayer) {
      adapters.add(ofLayer[3] ?? '');
      const layer = canonicalName(ofLayer[1]!, isLayer) ?? refuse(strangeLayer(ofLayer[1]!, isLayer));
      await put(lora, `${layer}.lora_${ofLayer[2]}.weight`);
      continue;
    }
    if (/\.original_module\./.test(key)) continue;
    const weight = canonicalName(key.replace(WITHIN, '.weight'), isWeight);
    if (weight !== undefined) await put(whole, weight);
    else if (!/\.bias$/.test(key)) refuse(notBuilt(key));
    else if ((await readTensor(tensor)).data.some((number) => number !== 0)) {
      refuse(`${/lora_B/.test(key) ? '"lora_bias"' : 'a bias'} that is not zero, which is not built; ${MERGE}`);
    }
  }
  if (adapters.size > 1) {
    throw new Error(
      `lora: ${folder} has the tensors of ${adapters.size} adapters (${[...adapters].join(', ')}); save one of them alone`,
    );
  }
  return { lora, whole, keyOf };
}

/** Where PEFT puts a weight within the module it wraps: trained whole, or beside LoRA. */
const WITHIN = /\.(modules_to_save(\.[^.]+)?|base_layer)\.weight$/;

function strangeLayer(name: string, isLayer: (name: string) => boolean): string {
  if (/(^|\.)(lm_head|embed_tokens)$/.test(name)) return `LoRA on that layer is not built; ${MERGE}`;
  const inner = /(?:^|\.)(layers\.\d+\..+)$/.exec(name)?.[1];
  if (inner === undefined || !isLayer(`model.${inner}`)) {
    return 'it adapts a layer which this base model has not; use the one that it was trained on';
  }
  const prefix = name.slice(0, -inner.length);
  return `its name begins with "${prefix}", where this base model's layers begin with "model."; name it "base_model.model.model.${inner}", as PEFT does`;
}

const OF_PEFT = 'PEFT gives the names NAME.lora_A.weight and NAME.lora_B.weight';

function notBuilt(key: string): string {
  const kinds: readonly (readonly [RegExp, string])[] = [
    [/lora_magnitude_vector/, `DoRA ("use_dora") is not built; ${MERGE}`],
    [/lora_embedding_[AB]/, `LoRA on the embedding (embed_tokens) is not built; ${MERGE}`],
    [/trainable_tokens/, `"trainable_token_indices" is not built; ${MERGE}`],
    [
      /\.lora_[ab]$/,
      'it is a tensor of MLX-LM, which keeps them transposed: mlx_lm.fuse writes a model with it; use that',
    ],
    [/\.lora_[AB]\b/, `${OF_PEFT}; rename the tensors so`],
    [
      /lora_(down|up)\b/,
      `it is named as kohya's programs do; ${OF_PEFT} (lora_down is A, lora_up is B): rename the tensors so`,
    ],
  ];
  const kind = kinds.find(([pattern]) => pattern.test(key))?.[1];
  const other = `it is neither LoRA of a linear layer nor a weight of the base model; ${OF_PEFT}: save the adapter with PEFT`;
  return kind ?? other;
}
