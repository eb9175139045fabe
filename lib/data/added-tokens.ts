import { join } from 'node:path';

type Json = Readonly<Record<string, unknown>>;

/** An entry of tokenizer.json's `added_tokens`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
}

/** The files beside tokenizer.json that may add tokens to its own; absent ones are empty. */
export interface SideTokens {
  readonly folder: string;
  /** tokenizer_config.json. */
  readonly config: Json;
  /** special_tokens_map.json. */
  readonly map: Json;
  /** added_tokens.json: ids by token. */
  readonly added: Readonly<Record<string, number>>;
}

const FLAGS = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'] as const;
const KINDS = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;
const LISTS = ['additional_special_tokens', 'extra_special_tokens'] as const;

/**
 * The added tokens of a tokenizer, in the order of tokenizer.json and then of their ids. What `added_tokens_decoder` says
 * of a token counts before tokenizer.json. Tokens that only `added_tokens_decoder` has, or added_tokens.json where there is
 * no such field, come next, as do special tokens that are named and are in the vocabulary. A name of no token is none.
 *
 * @throws naming the token whose id would not be the one that its file says
 * Source: transformers 5.23 tokenization_utils_base.py, _from_pretrained; tokenization_utils_tokenizers.py, __init__
 */
export function addedTokens(json: Json, { folder, config, map, added }: SideTokens): readonly AddedToken[] {
  const own = (Array.isArray(json.added_tokens) ? json.added_tokens : []) as readonly AddedToken[];
  const vocabulary = vocabularyOf(json);
  const decoder = config.added_tokens_decoder as Readonly<Record<string, Json>> | null | undefined;
  const named = namedTokens(config, map);
  const beside: readonly AddedToken[] = decoder
    ? Object.entries(decoder).map(([id, token]) => withFlags(Number(id), token))
    : Object.entries(added).map(([content, id]) => withFlags(id, { content, special: named.has(content) }));
  const tokens = own.map((token) => {
    const said = beside.find(({ id, content }) => content === token.content && id === token.id);
    return said && FLAGS.some((flag) => said[flag] !== (token[flag] ?? false)) ? { ...token, ...said } : token;
  });
  const known = new Set(own.map(({ content }) => content));
  const wrong = (content: string, what: string): never => {
    const file = join(folder, decoder ? 'tokenizer_config.json' : 'added_tokens.json');
    throw new Error(
      `tokenizer: ${file}: ${JSON.stringify(content)} ${what}; take both files from the same tokenizer, or save it again ` +
        'with save_pretrained of transformers',
    );
  };
  let next = 0;
  for (const id of [...vocabulary.values(), ...own.map((token) => token.id)]) next = Math.max(next, id + 1);
  for (const token of [...beside].sort((a, b) => a.id - b.id)) {
    if (known.has(token.content)) continue;
    const id = vocabulary.get(token.content) ?? next++;
    if (id !== token.id)
      wrong(token.content, `must have the id ${id}, which follows from tokenizer.json, got ${token.id}`);
    tokens.push(token);
    known.add(token.content);
  }
  for (const content of named) {
    const id = known.has(content) ? undefined : vocabulary.get(content);
    if (id !== undefined) tokens.push(withFlags(id, { content, special: true }));
  }
  return tokens;
}

const withFlags = (id: number, token: Json): AddedToken => ({
  id,
  content: String(token.content),
  single_word: token.single_word === true,
  lstrip: token.lstrip === true,
  rstrip: token.rstrip === true,
  normalized: typeof token.normalized === 'boolean' ? token.normalized : token.special !== true,
  special: token.special === true,
});

/** Ids by token, of the model alone. */
function vocabularyOf(json: Json): ReadonlyMap<string, number> {
  const vocab = (json.model as Json | undefined)?.vocab ?? {};
  if (Array.isArray(vocab)) return new Map(vocab.map((entry, id) => [String((entry as readonly unknown[])[0]), id]));
  return new Map(Object.entries(vocab as Readonly<Record<string, number>>));
}

/** The special tokens that the files name. */
function namedTokens(config: Json, map: Json): ReadonlySet<string> {
  const lists = config.added_tokens_decoder ? [config] : [map, config];
  const listed = lists.flatMap((file) => LISTS.map((list) => file[list])).filter(Array.isArray);
  const named = [...KINDS.map((kind) => controlToken(kind, config, map)), ...listed.flat().map(tokenName)];
  return new Set(named.filter((one): one is string => one !== undefined && one !== ''));
}

/**
 * The control token of a kind (`bos`, `eos`, `pad`) that a tokenizer's files name: beside a tokenizer_config.json without
 * `added_tokens_decoder` (of transformers before 4.34) special_tokens_map.json counts first, else it says nothing.
 *
 * Source: transformers 5.23 tokenization_utils_base.py, _from_pretrained
 */
export function controlToken(kind: string, config: Json = {}, map: Json = {}): string | undefined {
  const files = config.added_tokens_decoder ? [config] : [map, config];
  return files.map((file) => tokenName(file[`${kind}_token`])).find((one) => one !== undefined);
}

/** Either a string or an AddedToken's record. */
function tokenName(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = typeof value === 'object' && value !== null ? (value as Json).content : undefined;
  return typeof content === 'string' ? content : undefined;
}
