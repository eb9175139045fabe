import * as v from 'valibot';
import { ALL_LINEAR, type LoraConfig } from '../config';
import { above0, checkFields, flag, looseFields, range, record, shown, text, whole } from '../schema';
import { inTime, isTarget, patternValue, pythonRegExp, type TargetFields } from './adapter-targets';
import { isOff } from './config-file';
import type { LlamaConfig } from './llama';
import { linearLayers } from './lora';

type Fields = Readonly<Record<string, unknown>>;

export interface AdapterConfig {
  readonly config: LoraConfig;
  /** Modules that the adapter's file holds whole, in place of the base's. */
  readonly modulesToSave: readonly string[];
  /** Of a tied base, the embedding and the output matrix stay one (`ensure_weight_tying`). */
  readonly isTied: boolean;
  readonly baseModel: string;
}

export const MERGE =
  'load the adapter on its base with peft, call merge_and_unload(), save the model, and use that folder in its place';

/** Fields that change nothing in what the adapter computes, and those that are read here. */
const PASSED = new Set(
  `peft_type task_type auto_mapping peft_version base_model_name_or_path revision inference_mode r target_modules
  exclude_modules lora_alpha lora_dropout fan_in_fan_out bias use_rslora modules_to_save layers_to_transform
  layers_pattern rank_pattern alpha_pattern megatron_core qalora_group_size runtime_config loftq_config eva_config
  corda_config lora_ga_config lora_bias ensure_weight_tying`.split(/\s+/),
);

/** Names that trainers make up as they go: ms-swift's, rates of LoRA+, versions. They change nothing in what is computed. */
const OF_TRAINERS = /^(lora_dtype|lorap_.*|loraplus_.*|unsloth_.*|.*_version)$/;

/** Kinds whose prompts are trained, not weights. */
const OF_PROMPTS = ['PROMPT_TUNING', 'MULTITASK_PROMPT_TUNING', 'P_TUNING', 'PREFIX_TUNING', 'ADAPTION_PROMPT', 'CPT'];
/** Fields of the adapters that MLX-LM writes, in a file of the same name. */
const OF_MLX = ['fine_tune_type', 'lora_parameters', 'num_layers', 'lora_layers'];

/** PEFT's own, where a field is not there. Source: tuners/lora/config.py */
const ABSENT = { r: 8, lora_alpha: 8 };

const RANK = whole(1, 2 ** 16);

/** Types and ranges of the fields that are numbers or flags. */
const FIELDS = looseFields(
  {
    lora_dropout: range(0, 1),
    use_rslora: flag,
    use_dora: flag,
    use_qalora: flag,
    fan_in_fan_out: flag,
    inference_mode: flag,
    lora_bias: flag,
    ensure_weight_tying: flag,
    rank_pattern: record(RANK, 'an object of ranks by layer'),
    alpha_pattern: record(above0, 'an object of positive numbers by layer'),
    qalora_group_size: whole(1, 2 ** 31 - 1),
    base_model_name_or_path: text,
    revision: text,
    peft_version: text,
  },
  { r: RANK, lora_alpha: above0 },
);

/**
 * What adapter_config.json says, for one base model. Fields are let through by name: one that is not known here is refused
 * unless it is off (null, false or empty).
 *
 * `fan_in_fan_out` has no meaning for a Llama's layers, as in PEFT; settings of a special start (`loftq_config`) count by
 * `init_lora_weights` alone. Of `bias` and `lora_bias` the tensors tell.
 *
 * @param file named in messages
 * @throws naming the field that asks for what is not built
 * Source: PEFT 0.21.2 tuners/lora/config.py
 */
export function adapterConfig(raw: Fields, file: string, model: LlamaConfig): AdapterConfig {
  const refuse = (field: string, wanted: string, remedy: string): never => {
    throw new Error(`lora: ${file}: "${field}" must be ${wanted}, got ${shown(raw[field])}; ${remedy}`);
  };
  refuseOthers(raw, refuse);
  const mend = 'correct it as the adapter was trained';
  const given = checkFields(FIELDS, { ...ABSENT, ...raw }, `lora: ${file}`, mend);
  const { r: rank, lora_alpha: alpha } = given;
  const fields = targetFields(raw, model, refuse);
  const [ranks, alphas] = [given.rank_pattern ?? {}, given.alpha_pattern ?? {}];
  for (const key of Object.keys(ranks)) compiles('rank_pattern', key, refuse);
  for (const key of Object.keys(alphas)) compiles('alpha_pattern', key, refuse);

  const [candidates, layers] = [linearLayers(model), {} as Record<string, { rank: number; alpha: number }>];
  const isAllLinear = String(fields.targetModules).toLowerCase() === 'all-linear';
  const targets = isAllLinear ? { ...fields, targetModules: [...ALL_LINEAR] } : fields;
  const choose = () => {
    for (const name of Object.keys(candidates)) {
      if (!isTarget(name, targets)) continue;
      layers[name] = {
        rank: patternValue(ranks, name) ?? rank,
        alpha: patternValue(alphas, name) ?? alpha,
      };
    }
    for (const other of ['lm_head', 'model.embed_tokens']) {
      if (isTarget(other, targets)) refuse('target_modules', `without ${other} (LoRA on it is not built)`, MERGE);
    }
  };
  inTime(choose, (wanted) => refuse('target_modules', wanted, mend));
  const names = Object.keys(layers);
  if (names.length === 0) {
    refuse('target_modules', `names of linear layers of the model (${ALL_LINEAR.join(', ')})`, mend);
  }
  const targetModules = ALL_LINEAR.filter((module) => names.some((name) => name.endsWith(`.${module}`)));
  const everywhere = targetModules.length * model.numHiddenLayers === names.length;
  const alike = names.every((name) => layers[name]!.rank === rank && layers[name]!.alpha === alpha);
  return {
    config: {
      rank,
      alpha,
      dropout: given.lora_dropout ?? 0,
      useRsLora: given.use_rslora ?? false,
      targetModules,
      ...(everywhere && alike ? {} : { layers }),
    },
    modulesToSave: fields.modulesToSave,
    isTied: given.ensure_weight_tying ?? false,
    baseModel: given.base_model_name_or_path ?? '',
  };
}

type Refuse = (field: string, wanted: string, remedy: string) => never;

function refuseOthers(raw: Fields, refuse: Refuse): void {
  const ofMlx = OF_MLX.find((field) => !isOff(raw[field]));
  if (ofMlx !== undefined && isOff(raw.peft_type)) {
    refuse(
      ofMlx,
      'absent, in an adapter of PEFT',
      'it is one of MLX-LM: mlx_lm.fuse writes a model with it; use that folder',
    );
  }
  if (!isOff(raw.peft_type) && raw.peft_type !== 'LORA') {
    const isPrompt = OF_PROMPTS.includes(String(raw.peft_type));
    const remedy = isPrompt ? 'it cannot be merged either: use a LoRA adapter' : MERGE;
    refuse('peft_type', '"LORA"', `this is not built: ${remedy}`);
  }
  if (!isOff(raw.task_type) && raw.task_type !== 'CAUSAL_LM') {
    refuse('task_type', '"CAUSAL_LM"', 'this is not built: use an adapter of a language model');
  }
  if (!isOff(raw.bias) && !['none', 'all', 'lora_only'].includes(raw.bias as string)) {
    refuse('bias', '"none", "all" or "lora_only"', 'this is not built');
  }
  refuseStart(raw.init_lora_weights ?? true, refuse);
  if (!isOff(raw.alora_invocation_tokens)) {
    const why = 'it acts on a part of each text alone, so that it cannot be merged either: use a LoRA adapter';
    refuse('alora_invocation_tokens', 'absent, null or false', `this is not built: ${why}`);
  }
  for (const [field, value] of Object.entries(raw)) {
    if (isOff(value) || PASSED.has(field) || OF_TRAINERS.test(field) || field === 'init_lora_weights') continue;
    refuse(field, 'absent, null or false', `this is not built: ${MERGE}`);
  }
}

/** Starts that leave the base as it is; the adapter's file has what came of them. */
const PLAIN_STARTS: readonly unknown[] = [true, false, 'gaussian', 'orthogonal', 'eva', 'mica'];

function refuseStart(start: unknown, refuse: Refuse): void {
  if (PLAIN_STARTS.includes(start) || String(start).toLowerCase() === 'gaussian') return;
  const convert =
    'where it was trained, save it with PEFT’s path_initial_model_for_weight_conversion (an adapter for the base as it was)';
  refuse(
    'init_lora_weights',
    'true, false, "gaussian", "orthogonal", "eva" or "mica" (PEFT begins the others by changing the base, or from its data)',
    `this is not built: ${/^(corda|lora_ga)/.test(String(start)) ? convert : MERGE}`,
  );
}

function targetFields(raw: Fields, model: LlamaConfig, refuse: Refuse): TargetFields {
  const names = (field: string, value: unknown): string | readonly string[] => {
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
    if (typeof value !== 'string') refuse(field, 'names of layers, or one regular expression', MERGE);
    compiles(field, value as string, refuse);
    return value as string;
  };
  const list = (field: string, isRight: (one: unknown) => boolean): readonly never[] => {
    const value = raw[field] ?? [];
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    const wanted = field === 'layers_to_transform' ? `indices of layers, 0 to ${model.numHiddenLayers - 1}` : 'names';
    if (!all.every(isRight)) refuse(field, wanted, MERGE);
    return all as readonly never[];
  };
  const isLayer = (one: unknown) => v.is(whole(0, model.numHiddenLayers - 1), one);
  const isText = (one: unknown) => typeof one === 'string' && one !== '';
  const fields = {
    targetModules: names('target_modules', raw.target_modules),
    excludeModules: names('exclude_modules', raw.exclude_modules ?? []),
    modulesToSave: list('modules_to_save', isText) as readonly string[],
    layersToTransform: list('layers_to_transform', isLayer) as readonly number[],
    layersPattern: isOff(raw.layers_pattern) ? [] : (list('layers_pattern', isText) as readonly string[]),
  };
  for (const one of fields.modulesToSave) compiles('modules_to_save', one, refuse);
  for (const one of fields.layersPattern) compiles('layers_pattern', one, refuse);
  const hasBlocks = (raw.layers_to_transform ?? null) !== null;
  if (hasBlocks && typeof fields.targetModules === 'string') {
    refuse('layers_to_transform', 'null beside a "target_modules" that is one text, as PEFT wants it', MERGE);
  }
  if (!hasBlocks && fields.layersPattern.length > 0) {
    refuse('layers_to_transform', 'given beside "layers_pattern", as PEFT wants it', MERGE);
  }
  return fields;
}

function compiles(field: string, source: string, refuse: Refuse): void {
  try {
    pythonRegExp(source);
  } catch (error) {
    refuse(field, `a regular expression that is read here (${(error as Error).message})`, MERGE);
  }
}
