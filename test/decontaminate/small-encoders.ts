import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeModel, UNKNOWN } from '../../lib/engine/onnx/encode';
import { float32 } from '../../lib/engine/tensors';
import { writeSafetensors } from '../../lib/model/safetensors';

/** Sentence encoders small enough to compute by hand: each word has a vector of its own, [V, 3]. */

export const WORDS: Readonly<Record<string, readonly [number, number, number]>> = {
  '[PAD]': [9, 9, 9],
  '[UNK]': [0, 0, 1],
  '[CLS]': [0, 3, 0],
  '[SEP]': [0, 0, 0],
  heart: [1, 0, 0],
  lung: [0, 1, 0],
  liver: [-1, 0.5, 0],
  and: [0.5, 0.5, 0],
};

const vocabulary = Object.fromEntries(Object.keys(WORDS).map((word, id) => [word, id]));
export const TABLE = Float32Array.from(Object.values(WORDS).flat());

const tokenizer = (controls: boolean) => ({
  version: '1.0',
  // As the package of all-MiniLM-L6-v2 has it: neither may be taken over.
  truncation: { max_length: 2, strategy: 'LongestFirst', stride: 0, direction: 'Right' },
  padding: {
    strategy: { Fixed: 12 },
    direction: 'Right',
    pad_to_multiple_of: null,
    pad_id: 0,
    pad_type_id: 0,
    pad_token: '[PAD]',
  },
  added_tokens: [],
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: controls
    ? {
        type: 'TemplateProcessing',
        single: [
          { SpecialToken: { id: '[CLS]', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
          { SpecialToken: { id: '[SEP]', type_id: 0 } },
        ],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: {
          '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
          '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
        },
      }
    : null,
  decoder: null,
  model: { type: 'WordLevel', vocab: vocabulary, unk_token: '[UNK]' },
});

const module_ = (idx: number, path: string, type: string) => ({
  idx,
  name: String(idx),
  path,
  type: `sentence_transformers.models.${type}`,
});

async function write(folder: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), content instanceof Uint8Array ? content : JSON.stringify(content));
  }
}

/** A StaticEmbedding with its table in model.safetensors. */
export async function writeStatic(folder: string, width: 3 | 2 = 3): Promise<string> {
  await write(folder, {
    'modules.json': [module_(0, '', 'StaticEmbedding'), module_(1, '1_Normalize', 'Normalize')],
    'config.json': { model_type: 'static' },
    'tokenizer.json': tokenizer(false),
  });
  const rows = TABLE.length / 3;
  const table = TABLE.filter((_, i) => i % 3 < width);
  await writeSafetensors(
    join(folder, 'model.safetensors'),
    { embeddings: { shape: [rows, width], dtype: 'float32' } },
    () => float32([rows, width], table),
  );
  return folder;
}

/** The same vectors as a 'transformer': one Gather for a network, [CLS] and [SEP] around the words. */
export async function writeTransformer(
  folder: string,
  pooling: unknown = { word_embedding_dimension: 3, pooling_mode_mean_tokens: true },
  maxSeqLength: number | null = 6,
): Promise<string> {
  const ids = { type: 'int64', shape: [UNKNOWN, UNKNOWN] } as const;
  const model = encodeModel({
    name: 'small',
    nodes: [
      {
        op: 'Gather',
        domain: '',
        inputs: ['table', 'input_ids'],
        outputs: ['last_hidden_state'],
        attributes: { axis: 0 },
      },
      // A network may want what the caller does not know of.
      { op: 'Identity', domain: '', inputs: ['attention_mask'], outputs: ['mask'], attributes: {} },
      { op: 'Identity', domain: '', inputs: ['token_type_ids'], outputs: ['types'], attributes: {} },
    ],
    initializers: [
      { name: 'table', type: 'float32', shape: [TABLE.length / 3, 3], data: new Uint8Array(TABLE.buffer) },
    ],
    inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({ name, ...ids })),
    outputs: [
      { name: 'last_hidden_state', type: 'float32', shape: [UNKNOWN, UNKNOWN, 3] },
      { name: 'mask', ...ids },
      { name: 'types', ...ids },
    ],
  });
  await write(folder, {
    'modules.json': [
      module_(0, '', 'Transformer'),
      module_(1, '1_Pooling', 'Pooling'),
      module_(2, '2_Normalize', 'Normalize'),
    ],
    '1_Pooling/config.json': pooling,
    'sentence_bert_config.json': { max_seq_length: maxSeqLength, do_lower_case: false },
    'config.json': { model_type: 'bert', architectures: ['BertModel'], max_position_embeddings: 7 },
    'tokenizer.json': tokenizer(true),
    'tokenizer_config.json': { model_max_length: 512 },
    'onnx/model.onnx': model,
  });
  return folder;
}
