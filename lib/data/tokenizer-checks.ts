import * as v from 'valibot';
import { checkFields, flag, looseFields, range, record, text, tokenId, tokenIds, whole } from '../schema';
import { charsmapFault } from './charsmap';

type Json = Readonly<Record<string, unknown>>;

/**
 * Checks of a tokenizer's files before anything is built from them. The native library ends the whole process on some
 * tokenizers that it cannot run, and takes others that give other tokens every time.
 */

const TOKEN_NAME = v.union(
  [text, v.looseObject({ content: text }, 'a token or an object with its "content"')],
  'a token or an object with its "content"',
);

const FLAGS = { single_word: flag, lstrip: flag, rstrip: flag, normalized: flag, special: flag };
const SETTINGS = looseFields({
  added_tokens_decoder: record(looseFields(FLAGS, { content: text }), 'an object of tokens by id'),
  add_bos_token: flag,
  add_eos_token: flag,
  add_prefix_space: flag,
  bos_token: TOKEN_NAME,
  eos_token: TOKEN_NAME,
  model_max_length: v.pipe(v.number('a positive number'), v.gtValue(0, 'a positive number')),
});

const IDS = { bos_token_id: tokenIds, eos_token_id: tokenIds };

const GENERATION = looseFields({
  ...IDS,
  pad_token_id: v.union([whole(-1, 2 ** 31 - 1), tokenIds], 'a token id'),
  do_sample: flag,
  use_cache: flag,
  temperature: range(0, 1e6),
  top_p: range(0, 1),
  top_k: whole(0, 2 ** 31 - 1),
  repetition_penalty: range(0, 1e6),
  max_length: whole(0, 2 ** 31 - 1),
  max_new_tokens: whole(0, 2 ** 31 - 1),
});

/** Of the files beside tokenizer.json, the fields that are read, and the numbers and flags of generation. */
export const SIDE_FILES = {
  'tokenizer_config.json': SETTINGS,
  'special_tokens_map.json': looseFields({ bos_token: TOKEN_NAME, eos_token: TOKEN_NAME }),
  'added_tokens.json': record(tokenId, 'an object of ids by token'),
  'config.json': looseFields(IDS),
  'generation_config.json': GENERATION,
} as const;

const none = v.literal('', 'null or empty (the library that reads it ends the process on it)');
const TOKENIZER = looseFields(
  {
    added_tokens: v.array(
      looseFields({ special: flag }, { id: tokenId, content: v.pipe(text, v.nonEmpty('a text that is not empty')) }),
      'a list of tokens',
    ),
  },
  {
    model: looseFields({
      type: text,
      unk_token: text,
      dropout: v.literal(0, 'null or 0 (with dropout a text has other tokens every time)'),
    }),
  },
);
const BPE = looseFields({ model: looseFields({ continuing_subword_prefix: none }) });

const AGAIN = 'take the tokenizer of the model that this one was made from';

/** @throws naming the field that is of a wrong type, out of range, or that the native library ends the process on */
export function checkTokenizer(json: Json, file: string): void {
  const where = `tokenizer: ${file}`;
  const { model } = checkFields(TOKENIZER, json, where, AGAIN);
  if (model.type === 'BPE' || Array.isArray((model as Json).merges)) checkFields(BPE, json, where, AGAIN);
  for (const [field, inner] of [
    ['normalizer', 'normalizers'],
    ['pre_tokenizer', 'pretokenizers'],
    ['post_processor', 'processors'],
    ['decoder', 'decoders'],
  ] as const) {
    for (const [name, part] of parts(json[field], field, inner)) {
      const fault = faultOf(part);
      if (fault !== undefined) throw new Error(`${where}: "${name}${fault}; ${AGAIN}`);
    }
  }
}

/** The parts of a step by their fields' names: itself, or those of a Sequence. */
function* parts(value: unknown, name: string, inner: string): Generator<readonly [string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  yield [name, value as Json];
  const list = (value as Json)[inner];
  if (!Array.isArray(list)) return;
  for (const [i, one] of list.entries()) yield* parts(one, `${name}.${inner}.${i}`, inner);
}

/** What ends the process, after the name of the part; undefined where nothing does. */
function faultOf(part: Json): string | undefined {
  if (part.type === 'FixedLength' && part.length === 0) return '.length" must be 1 or more, got 0';
  if (part.type === 'Strip' && Number(part.stop ?? 0) > 0) {
    return `.stop" must be 0 (a text that is all cut ends the process), got ${part.stop}`;
  }
  if (part.type === 'Precompiled' && typeof part.precompiled_charsmap === 'string') {
    const fault = charsmapFault(part.precompiled_charsmap);
    return fault && `.precompiled_charsmap" must be a table of SentencePiece, but ${fault}`;
  }
  if (part.type !== 'TemplateProcessing' || !Array.isArray(part.single)) return undefined;
  const special = Object.keys((part.special_tokens ?? {}) as Json);
  for (const piece of part.single as readonly Record<string, { readonly id?: unknown } | undefined>[]) {
    const [token, sequence] = [piece?.SpecialToken?.id, piece?.Sequence?.id];
    if (sequence === 'B') return '.single" must not use sequence B, of which a single text has none';
    if (token !== undefined && !special.includes(String(token))) {
      return `.special_tokens" must have "${token}", which its "single" uses`;
    }
  }
  return undefined;
}

/** Of a text that the native library cannot encode it tells no file: what its model lacks shows only then. */
export const encodedBy = <T>(file: string, encoding: Promise<T>): Promise<T> =>
  encoding.catch((error: unknown) => {
    throw new Error(`tokenizer: ${file} cannot encode a text (${(error as Error).message}); ${AGAIN}`, {
      cause: error,
    });
  });
