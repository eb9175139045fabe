import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { misplacedContent } from '../files';
import { parseJsonObject, readSmallFile } from '../json-file';
import { checkFields } from '../schema';
import { type AddedToken, addedTokens, controlToken } from './added-tokens';
import { checkTokenizer, SIDE_FILES } from './tokenizer-checks';

type Json = Readonly<Record<string, unknown>>;

/** What the files of a Hugging Face tokenizer folder say, before anything is built from them. */
export interface TokenizerFiles {
  /**
   * tokenizer.json with the tokens that the files beside it add, truncation and padding switched off: row lengths are
   * the packing's business.
   */
  readonly json: Json;
  /** Of tokenizer.json's bytes, and of what the files beside it change of its tokens. */
  readonly sha256: string;
  readonly addedTokens: readonly AddedToken[];
  readonly unknownToken: string | undefined;
  /** `add_bos_token` of tokenizer_config.json. */
  readonly addBos: boolean | undefined;
  /** `add_prefix_space` of a tokenizer_config.json whose class goes by it: LlamaTokenizer. */
  readonly addPrefixSpace: boolean | undefined;
  /** `eos_token_id`, one or several, of generation_config.json, else of config.json. */
  readonly stopIds: readonly number[];
  /**
   * BOS and EOS: the tokens tokenizer_config.json names, else the ids of config.json, else generation_config.json's.
   * Of a list of ids (a chat model's stops) the first. Tokens as `controlToken` finds them.
   *
   * @throws when none of them has an EOS
   */
  controlIds(idOf: (token: string) => number | undefined): ControlIds;
}

export interface ControlIds {
  readonly bosId: number | undefined;
  readonly eosId: number;
}

/** What a tokenizer.json holds. @throws when it is no JSON, or the native library would not outlive it */
export function parseTokenizer(bytes: Buffer, path: string): Json {
  const parsed = parseJsonObject(bytes.toString('utf8'), path, 'tokenizer');
  checkTokenizer(parsed, path);
  return parsed;
}

/** @throws when tokenizer.json is missing, a file is not JSON, or a field is of a wrong type or out of range */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const path = join(folder, 'tokenizer.json');
  const bytes = await readOptional(path);
  if (!bytes) throw new Error(await withoutTokenizer(folder));
  const parsed = parseTokenizer(bytes, path);
  const [tokenizerConfig, specialTokens, added, config, generation] = await Promise.all(
    (Object.keys(SIDE_FILES) as (keyof typeof SIDE_FILES)[]).map((name) => readSideFile(folder, name)),
  );
  const tokens = addedTokens(parsed, {
    folder,
    config: tokenizerConfig ?? {},
    map: specialTokens ?? {},
    added: (added ?? {}) as Readonly<Record<string, number>>,
  });
  const json: Json = { ...parsed, added_tokens: tokens, truncation: null, padding: null };
  const own = (parsed.added_tokens ?? []) as readonly AddedToken[];
  const changes = tokens.filter((token) => !own.includes(token));
  const hash = createHash('sha256').update(bytes);
  if (changes.length > 0) hash.update(JSON.stringify(changes));
  const ends = generation?.eos_token_id ?? config?.eos_token_id;
  const addBos = tokenizerConfig?.add_bos_token;
  const addPrefixSpace = (tokenizerConfig?.add_prefix_space ?? undefined) as boolean | undefined;
  const unknownToken = (json.model as Json | undefined)?.unk_token;
  return {
    json,
    sha256: hash.digest('hex'),
    addedTokens: tokens,
    unknownToken: typeof unknownToken === 'string' ? unknownToken : undefined,
    addBos: typeof addBos === 'boolean' ? addBos : undefined,
    addPrefixSpace: tokenizerConfig?.tokenizer_class === 'LlamaTokenizer' ? addPrefixSpace : undefined,
    stopIds: [ends].flat().filter((id): id is number => typeof id === 'number'),
    controlIds: (idOf) => {
      const find = (kind: 'bos' | 'eos'): number | undefined => {
        const token = controlToken(kind, tokenizerConfig, specialTokens);
        const named = token === undefined ? undefined : idOf(token);
        const ids = [config, generation].map((file) => file?.[`${kind}_token_id`]).map((id) => [id].flat()[0]);
        return named ?? ids.find((id): id is number => typeof id === 'number');
      };
      const eosId = find('eos');
      if (eosId === undefined) {
        throw new Error(
          `tokenizer: ${folder} names no EOS; without one a model never learns to stop: ` +
            'set eos_token in tokenizer_config.json or eos_token_id in config.json',
        );
      }
      return { bosId: find('bos'), eosId };
    },
  };
}

async function readSideFile(folder: string, name: keyof typeof SIDE_FILES): Promise<Json> {
  const path = join(folder, name);
  const content = await readOptional(path);
  if (content === undefined) return {};
  const json = parseJsonObject(content.toString('utf8'), path, 'tokenizer');
  return checkFields(SIDE_FILES[name], json, `tokenizer: ${path}`, 'correct it as the model was made');
}

async function readOptional(path: string): Promise<Buffer | undefined> {
  try {
    return await readSmallFile(path, 'tokenizer');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Error(`tokenizer: ${path} cannot be read (${code}); check its permissions`, { cause: error });
  }
}

/** What lies there in place of tokenizer.json, and the command that converts it. */
async function withoutTokenizer(folder: string): Promise<string> {
  const path = join(folder, 'tokenizer.json');
  for (const name of ['tokenizer.model', 'vocab.json']) {
    const bytes = await readOptional(join(folder, name));
    if (!bytes) continue;
    const mistake = misplacedContent(bytes);
    if (mistake !== undefined) return `tokenizer: ${join(folder, name)} ${mistake}`;
    // A list of tokens without the special ones, which a conversion would not know.
    if (/^[A-Za-z0-9+/]+={0,2} \d+\r?\n/.test(bytes.toString('latin1', 0, 1000))) {
      return (
        `tokenizer: no file ${path}: the tokenizer is in ${name} in tiktoken's form (Llama 3), which is not read; take ` +
        'tokenizer.json and tokenizer_config.json of the same model in the Hugging Face layout'
      );
    }
    const code = `from transformers import AutoTokenizer as T; T.from_pretrained('${folder}').save_pretrained('${folder}')`;
    return (
      `tokenizer: no file ${path}: the tokenizer is in ${name}, which is not read; convert it with\n` +
      `  pip install transformers sentencepiece protobuf; python -c "${code}"`
    );
  }
  return (
    `tokenizer: no file ${path}; pass a Hugging Face model folder that has a tokenizer.json, or copy the tokenizer's ` +
    'files from the base model'
  );
}
