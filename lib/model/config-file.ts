import * as v from 'valibot';
import { above0, checkFields, flag, looseFields, range, shown, tokenIds, whole } from '../schema';
import type { LlamaConfig } from './llama';
import { ropeSettings } from './rope-scaling';

type Fields = Readonly<Record<string, unknown>>;

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Fields that are read here, or by the tokenizer. */
const READ = words(`
  model_type vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
  rms_norm_eps max_position_embeddings original_max_position_embeddings tie_word_embeddings
  rope_theta rope_scaling rope_parameters
`);

/**
 * Fields that change nothing in what the model computes: notes of a saver, settings of training, of generation, of a
 * classifier's labels and of how a program runs the model.
 *
 * Source: transformers configuration_utils.py and configuration_llama.py of 4.57 and 5.23, and files on the Hub
 */
const HARMLESS = new Set(
  words(`
    architectures auto_map transformers_version torch_dtype dtype use_bfloat16 name_or_path model_name tokenizer_class
    transformers.js_config is_llama_config license use_cache pretraining_tp tp_plan initializer_range attention_dropout
    hidden_dropout resid_pdrop embd_pdrop gradient_checkpointing label_smoothing finetuning_task task_specific_params
    problem_type id2label label2id num_labels classifier_dropout torchscript tf_legacy_loss return_dict use_return_dict
    output_attentions output_hidden_states attn_implementation use_flash_attention use_flash_attn max_sequence_length
    model_max_length max_window_layers is_decoder prefix temperature top_k top_p min_p typical_p do_sample num_beams num_beam_groups
    num_return_sequences max_length min_length max_new_tokens min_new_tokens early_stopping length_penalty
    repetition_penalty encoder_repetition_penalty diversity_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size
    bad_words_ids suppress_tokens begin_suppress_tokens exponential_decay_length_penalty epsilon_cutoff eta_cutoff
    output_scores return_dict_in_generate remove_invalid_values chat_template cache_implementation tokenizer_name
    max_seq_len seq_length n_ctx n_positions pad_vocab_size_multiple
  `),
);

/** Names that savers make up as they go: `_name_or_path`, `pad_token_id`, `unsloth_version`. */
const HARMLESS_NAME = /^_|_token_ids?$|^unsloth_|_version$|^bnb_4bit_/;

/** Fields that change the function, at the values at which they do not. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  hidden_act: ['silu', 'swish'],
  hidden_activation: ['silu', 'swish'],
  attention_bias: [false],
  mlp_bias: [false],
  partial_rotary_factor: [1],
  rotary_pct: [1],
  rope_interleaved: [false],
  chunk_size_feed_forward: [0],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  logits_scaling: [1],
  logit_scale: [1],
};

/** Types and ranges of the fields that are numbers or flags. The largest Llama has 126 layers and a width of 16,384. */
const FIELDS = looseFields(
  {
    num_key_value_heads: whole(1, 2 ** 16),
    head_dim: whole(1, 2 ** 16),
    rms_norm_eps: above0,
    max_position_embeddings: whole(1, 2 ** 31 - 1),
    original_max_position_embeddings: whole(1, 2 ** 31 - 1),
    rope_theta: above0,
    tie_word_embeddings: flag,
    bos_token_id: tokenIds,
    eos_token_id: tokenIds,
    // Where there was none, older savers wrote -1.
    pad_token_id: whole(-1, 2 ** 31 - 1),
    use_cache: flag,
    attention_dropout: range(0, 1),
    initializer_range: v.pipe(v.number('a number of 0 or more'), v.finite(), v.minValue(0, 'a number of 0 or more')),
    pretraining_tp: whole(0, 2 ** 16),
  },
  {
    vocab_size: whole(1, 2 ** 24),
    hidden_size: whole(1, 2 ** 20),
    intermediate_size: whole(1, 2 ** 22),
    num_hidden_layers: whole(1, 1000),
    num_attention_heads: whole(1, 2 ** 16),
  },
);

/**
 * What config.json says of a Llama. Fields are let through by name: one that is not known here is refused unless it is
 * off (null, false or empty), because it may change what the model computes.
 *
 * @param file named in messages
 * @throws naming the field that is of a wrong type, out of range, or asks for something this Llama is not
 */
export function llamaConfig(raw: Fields, file: string): LlamaConfig {
  const refuse = (field: string, wanted: string, remedy = 'use another model'): never => {
    throw new Error(`model: ${file}: "${field}" must be ${wanted}, got ${shown(raw[field])}; ${remedy}`);
  };
  if (raw.model_type !== 'llama') refuse('model_type', '"llama" (no other architecture is built)');
  refuseOthers(raw, refuse);
  const mend = 'correct it as the model was made, or take config.json and all weights from the same model';
  const fields = checkFields(FIELDS, raw, `model: ${file}`, mend);
  const { hidden_size: hiddenSize, num_attention_heads: heads, vocab_size: vocabSize } = fields;
  const numKeyValueHeads = fields.num_key_value_heads ?? heads;
  if (heads % numKeyValueHeads !== 0) refuse('num_key_value_heads', `a divisor of num_attention_heads ${heads}`, mend);
  if ((fields.head_dim ?? undefined) === undefined && hiddenSize % heads !== 0) {
    refuse('hidden_size', `a multiple of num_attention_heads ${heads}, as head_dim is not given`, mend);
  }
  const headDim = fields.head_dim ?? hiddenSize / heads;
  if (headDim % 2 !== 0) refuse('head_dim', `even, for rotary positions, and is ${headDim} here`);
  for (const field of ['bos_token_id', 'eos_token_id'] as const) {
    if ([fields[field] ?? []].flat().some((id) => id >= vocabSize))
      refuse(field, `below vocab_size ${vocabSize}`, mend);
  }
  const maxPositionEmbeddings = fields.max_position_embeddings ?? 2048;
  return {
    vocabSize,
    hiddenSize,
    intermediateSize: fields.intermediate_size,
    numHiddenLayers: fields.num_hidden_layers,
    numAttentionHeads: heads,
    numKeyValueHeads,
    headDim,
    rmsNormEps: fields.rms_norm_eps ?? 1e-6,
    maxPositionEmbeddings,
    tieWordEmbeddings: fields.tie_word_embeddings ?? false,
    ...ropeSettings(raw, maxPositionEmbeddings, file, refuse),
  };
}

/** How transformers makes floats of quantised weights, where it can. */
const DEQUANTISING: Readonly<Record<string, string>> = {
  bitsandbytes: ', or load this one in transformers, call dequantize() and save it',
  fp8: ', or load this one in transformers with quantization_config=FineGrainedFP8Config(dequantize=True) and save it',
};

function refuseOthers(raw: Fields, refuse: (field: string, wanted: string, remedy?: string) => never): void {
  for (const field of ['quantization_config', 'compression_config', 'quantization']) {
    if (isOff(raw[field])) continue;
    const { quant_method: method } = raw[field] as Fields;
    const plain = 'use the unquantised model that it was made from';
    refuse(field, 'absent (quantised weights are not read)', plain + (DEQUANTISING[String(method)] ?? ''));
  }
  const kinds: unknown = raw.layer_types ?? [];
  if (!Array.isArray(kinds) || kinds.some((kind) => kind !== 'full_attention')) {
    refuse('layer_types', '"full_attention" for every layer');
  }
  const isWide = Number(raw.sliding_window) >= Number(raw.max_position_embeddings ?? Number.NaN);
  const isFull = raw.use_sliding_window === false || isWide || (kinds as readonly unknown[]).length > 0;
  if (!isOff(raw.sliding_window) && !isFull) {
    refuse('sliding_window', 'null, or no less than max_position_embeddings (attention over a window is not built)');
  }
  const passed = new Set([...READ, 'sliding_window', 'layer_types']);
  for (const [field, value] of Object.entries(raw)) {
    if (isOff(value) || passed.has(field) || HARMLESS.has(field) || HARMLESS_NAME.test(field)) continue;
    const neutral = NEUTRAL[field];
    if (neutral?.includes(value)) continue;
    if (neutral) refuse(field, neutral.map((one) => JSON.stringify(one)).join(' or '));
    refuse(
      field,
      'absent (this field is not known here and may change what the model computes)',
      'take it out of config.json if it changes nothing, else use another model',
    );
  }
}

/** null, false, or empty: the field asks for nothing. */
export const isOff = (value: unknown): boolean =>
  value === undefined || value === null || value === false || ['""', '[]', '{}'].includes(JSON.stringify(value));
