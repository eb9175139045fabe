import { join } from 'node:path';
import { type Encoding, Tokenizer as NativeTokenizer } from 'tokenizers';
import { readSmallFile } from '../json-file';
import type { AddedToken } from './added-tokens';
import type { Rendering } from './chat/rendering';
import { encodedBy } from './tokenizer-checks';
import { parseTokenizer, readTokenizerFiles, type TokenizerFiles } from './tokenizer-files';

export interface EncodeOptions {
  /** Puts the BOS in front where the model's own tokenizer does (`addBos`); an EOS is never added. */
  readonly addSpecialTokens: boolean;
}

/** A prompt and its response, tokenised as one text. */
export interface JointEncoding {
  /** No BOS, no EOS. */
  readonly ids: readonly number[];
  /** Index of the first token that holds a character of the response. */
  readonly responseStart: number;
  /** True when that token also holds the end of the prompt. */
  readonly straddles: boolean;
}

export interface Tokenizer {
  /** The path of its tokenizer.json. */
  readonly file: string;
  /**
   * Largest id that a row can hold + 1: the rows an embedding must have. A special token other than BOS and EOS (a pad
   * token that was added later) comes from no text, and needs none.
   */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number;
  /** Ids that end an answer: the EOS, and what generation_config.json lists (config.json, where that is silent). */
  readonly stopIds: readonly number[];
  /** `add_bos_token`, or what the post-processor does where the configuration is silent. */
  readonly addBos: boolean;
  /** Of `tokenizer.json`'s bytes and what files beside it change of its tokens; `tokensBy` has all that tokens follow from. */
  readonly sha256: string;
  encode(text: string, options: EncodeOptions): Promise<number[]>;
  encodeBatch(texts: readonly string[], options: EncodeOptions): Promise<number[][]>;
  /**
   * Tokenises each prompt and response TOGETHER. A SentencePiece normaliser prepends a space to whatever it is given,
   * so a response tokenised alone would start with a token that never follows a prompt at inference.
   * A token with any character of the response counts as the response's.
   */
  encodeJoint(pairs: readonly { readonly prompt: string; readonly response: string }[]): Promise<JointEncoding[]>;
  /**
   * Tokenises texts in which control tokens are spelt, as a chat template writes them; `learnt` says of each token
   * whether it has a character of the stretches that are learnt.
   */
  encodeRendered(
    renderings: readonly Rendering[],
  ): Promise<{ readonly ids: readonly number[]; readonly learnt: readonly boolean[] }[]>;
  /** A token as tokenizer.json spells it. */
  textOf(id: number): string;
  /** Texts that `encodeRendered` takes for a control token. */
  readonly controlTexts: readonly string[];
  /** Control tokens leave no text unless `keepSpecial`. */
  decode(ids: readonly number[], options?: { readonly keepSpecial?: boolean }): Promise<string>;
}

/**
 * The tokenizer of a Hugging Face folder: `tokenizer.json`, with the control tokens' names or ids from
 * `tokenizer_config.json`, `config.json` or `generation_config.json`, in this order.
 *
 * Text can never become a control token: `</s>` inside a row is tokenised as those four characters. Hugging Face's own
 * tokenizer would end the sequence there. It is done by encoding with a second tokenizer that knows no special added
 * tokens; that no control id comes out of their spelling is checked here, once.
 *
 * @throws when tokenizer.json is missing or unreadable, there is no EOS, or text could spell a control token
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const files = await readTokenizerFiles(folder);
  const file = join(folder, 'tokenizer.json');
  const whole = parse(files.json, file);
  const { bosId, eosId } = files.controlIds((token) => whole.tokenToId(token) ?? undefined);
  for (const [kind, id] of [
    ['BOS', bosId],
    ['EOS', eosId],
  ] as const) {
    if (id === undefined || typeof whole.idToToken(id) === 'string') continue;
    throw new Error(
      `tokenizer: ${folder} names ${id} as its ${kind}, an id that its tokenizer.json has not; correct ` +
        `${kind.toLowerCase()}_token in tokenizer_config.json or ${kind.toLowerCase()}_token_id in config.json`,
    );
  }
  if (
    files.addPrefixSpace === false &&
    (await encodedBy(file, whole.encode('a', null, { addSpecialTokens: false }))).getTokens()[0]?.startsWith('▁')
  ) {
    throw new Error(
      `tokenizer: ${join(folder, 'tokenizer_config.json')}: "add_prefix_space" must be true or absent, as its tokenizer.json puts ` +
        'a space before a text, got false; correct it, or save the tokenizer again with save_pretrained of transformers',
    );
  }
  const special = files.addedTokens.filter((token) => token.special || token.id === bosId || token.id === eosId);
  const plain = await withoutSpecial(files, special, whole, file);

  const isUsed = ({ id, content }: AddedToken) => id === bosId || id === eosId || content === files.unknownToken;
  const unused = new Set(special.filter((token) => !isUsed(token)).map(({ id }) => id));
  const vocabSize = Object.values(whole.getVocab(true)).reduce(
    (size, id) => (unused.has(id) ? size : Math.max(size, id + 1)),
    0,
  );
  const addBos =
    files.addBos ?? (bosId !== undefined && (await encodedBy(file, whole.encode('a'))).getIds()[0] === bosId);
  if (addBos && bosId === undefined) {
    throw new Error(`tokenizer: ${folder} asks for a BOS (add_bos_token) but names none; set bos_token`);
  }
  const prefix = ({ addSpecialTokens }: EncodeOptions) => (addSpecialTokens && addBos ? [bosId!] : []);
  const encodeAll = (texts: readonly string[], by = plain) =>
    encodedBy(file, by.encodeBatch([...texts], { addSpecialTokens: false }));
  return {
    file,
    vocabSize,
    bosId,
    eosId,
    stopIds: [...new Set([eosId, ...files.stopIds])],
    controlTexts: special.map(({ content }) => content),
    addBos,
    sha256: files.sha256,
    encode: async (text, options) => {
      const [encoding] = await encodeAll([text]);
      return [...prefix(options), ...encoding!.getIds()];
    },
    encodeBatch: async (texts, options) => {
      const encodings = await encodeAll(texts);
      return encodings.map((encoding) => [...prefix(options), ...encoding.getIds()]);
    },
    encodeJoint: async (pairs) => {
      const encodings = await encodeAll(pairs.map(({ prompt, response }) => prompt + response));
      return encodings.map((encoding, i) => ({ ids: encoding.getIds(), ...findSeam(encoding, pairs[i]!.prompt) }));
    },
    encodeRendered: async (renderings) => {
      const encodings = await encodeAll(
        renderings.map(({ text }) => text),
        whole,
      );
      return encodings.map((encoding, i) => ({
        ids: encoding.getIds(),
        learnt: learntTokens(encoding, renderings[i]!),
      }));
    },
    textOf: (id) => whole.idToToken(id) ?? '',
    decode: (ids, { keepSpecial = false } = {}) => whole.decode([...ids], !keepSpecial),
  };
}

/** What a text's tokens follow from: tokenizer.json, and what the files beside it name. */
export const tokensBy = ({
  sha256,
  bosId,
  eosId,
  addBos,
}: Pick<Tokenizer, 'sha256' | 'bosId' | 'eosId' | 'addBos'>) => ({
  file: sha256,
  bosId,
  eosId,
  addBos,
});

/**
 * The first token that reaches past the prompt's last character, by bisection: tokens end in rising order.
 * Offsets count code points (an astral character is one); the byte tokens of one character all cover it.
 */
function findSeam(encoding: Encoding, prompt: string): Pick<JointEncoding, 'responseStart' | 'straddles'> {
  const seam = countCodePoints(prompt);
  let low = 0;
  let high = encoding.getLength();
  while (low < high) {
    const middle = (low + high) >> 1;
    if (encoding.tokenToChars(middle)![1] > seam) high = middle;
    else low = middle + 1;
  }
  const start = encoding.tokenToChars(low)?.[0];
  return { responseStart: low, straddles: start !== undefined && start < seam };
}

/** As many as iteration gives, several times faster: prompts are long. */
function countCodePoints(text: string): number {
  const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xdc00 && unit < 0xe000 && isHigh(text.charCodeAt(i - 1))) count--;
  }
  return count;
}

/** Offsets count code points. */
function learntTokens(encoding: Encoding, { text, learnt }: Rendering): boolean[] {
  const points = (until: number) => [...text.slice(0, until)].length;
  const spans = learnt.map(([from, to]) => [points(from), points(to)] as const);
  return Array.from({ length: encoding.getLength() }, (_, token) => {
    const [start, end] = encoding.tokenToChars(token) ?? [0, 0];
    return spans.some(([from, to]) => start < to && end > from);
  });
}

/** A tokenizer.json as the native library takes it, with its truncation and padding. @throws as `loadTokenizer` */
export const openTokenizer = async (file: string): Promise<NativeTokenizer> =>
  parse(parseTokenizer(await readSmallFile(file, 'tokenizer'), file), file);

function parse(json: unknown, file: string): NativeTokenizer {
  try {
    return NativeTokenizer.fromString(JSON.stringify(json));
  } catch (error) {
    throw new Error(`tokenizer: ${file} is not a tokenizer (${(error as Error).message}); fetch the file again`, {
      cause: error,
    });
  }
}

/**
 * The tokenizer that encodes text. A special token that the model's vocabulary holds too (Llama's `</s>`) is left out;
 * one that only `added_tokens` holds keeps its place under a name no text has, so that later ids do not move.
 */
async function withoutSpecial(
  files: TokenizerFiles,
  special: readonly AddedToken[],
  whole: NativeTokenizer,
  file: string,
): Promise<NativeTokenizer> {
  const inModel = whole.getVocab(false);
  const addedTokens = files.addedTokens
    .filter((token) => !special.includes(token) || inModel[token.content] === undefined)
    .map((token) => (special.includes(token) ? { ...token, content: `${token.id} of ${files.sha256}` } : token));
  const plain = parse({ ...files.json, added_tokens: addedTokens }, file);
  for (const { id, content } of addedTokens) {
    if (plain.tokenToId(content) !== id) {
      throw new Error(
        `tokenizer: ${file}: added token ${id} would move; list "added_tokens" in the order of their ids`,
      );
    }
  }
  const control = new Set(special.filter(({ content }) => content !== files.unknownToken).map(({ id }) => id));
  for (const { content } of special) {
    const ids = (await encodedBy(file, plain.encode(content, null, { addSpecialTokens: false }))).getIds();
    const spelled = ids.find((id) => control.has(id));
    if (spelled !== undefined) {
      throw new Error(
        `tokenizer: ${file}: the text ${JSON.stringify(content)} would become the control token ${spelled}, ` +
          'so that a row could end a sequence; use a tokenizer whose model cannot spell it',
      );
    }
  }
  return plain;
}
