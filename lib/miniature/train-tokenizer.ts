/** Llama's control tokens; their ids are 0, 1 and 2. */
const CONTROL = ['<unk>', '<s>', '</s>'] as const;
/** What stands for a space: U+2581. */
const SPACE = '▁';

/** A tokenizer.json, as an object. */
export type TokenizerJson = Readonly<Record<string, unknown>>;

/**
 * A byte-pair vocabulary in the layout of Llama's tokenizer, learned from `texts`:
 *
 *     0 <unk>   1 <s>   2 </s>   3 to 258 the bytes   then the merged pairs in the order they were learned,
 *     then the single characters, the most frequent first
 *
 * As in SentencePiece's settings for Llama, a word is learned with the space before it, digits stand alone, other marks
 * do not merge with letters, and a line break has no token but its byte: ` B` after `Answer:` is one token, and so is the
 * `B` of an option's line. Equal counts are settled by the order of the pair's text, so equal texts give equal files.
 *
 * @param vocabSize all of it: control tokens, bytes, characters and merges
 * @throws when vocabSize leaves no room for the characters, or the texts have too few pairs to fill it
 * Differs: Hugging Face's trainer takes no vocabulary size or initial tokens through its Node package (0.23).
 */
export function trainTokenizer(texts: readonly string[], vocabSize: number): TokenizerJson {
  const words = countWords(texts);
  const characters = new Map<string, number>();
  for (const { pieces, count } of words) {
    for (const piece of pieces) characters.set(piece, (characters.get(piece) ?? 0) + count);
  }
  const alphabet = [...characters].sort((a, b) => b[1] - a[1] || order(a[0], b[0])).map(([character]) => character);
  const fixed = CONTROL.length + 256 + alphabet.length;
  if (vocabSize < fixed) {
    throw new Error(
      `tokenizer: a vocabulary of ${vocabSize} cannot hold ${fixed} bytes and characters; raise vocabSize`,
    );
  }
  const merges: [string, string][] = [];
  const known = new Set(alphabet);
  const pairs = countPairs(words);
  while (fixed + merges.length < vocabSize) {
    const pair = mostFrequentPair(pairs.counts);
    if (!pair) {
      throw new Error(
        `tokenizer: the texts give ${fixed + merges.length} tokens, fewer than ${vocabSize}; lower vocabSize`,
      );
    }
    const merged = pair.join('');
    pairs.merge(pair);
    // Two pairs may spell the same piece; its first merge made the token.
    if (known.has(merged)) throw new Error(`tokenizer: the piece ${merged} came up twice; this is a bug`);
    known.add(merged);
    merges.push(pair);
  }
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = [...CONTROL, ...bytes, ...merges.map((pair) => pair.join('')), ...alphabet];
  return tokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), merges);
}

/** tokenizer_config.json for `trainTokenizer`'s vocabulary. */
export function tokenizerConfig(modelMaxLength: number): TokenizerJson {
  return {
    tokenizer_class: 'LlamaTokenizer',
    add_bos_token: true,
    add_eos_token: false,
    bos_token: '<s>',
    eos_token: '</s>',
    unk_token: '<unk>',
    pad_token: null,
    clean_up_tokenization_spaces: false,
    legacy: false,
    model_max_length: modelMaxLength,
  };
}

interface Word {
  pieces: readonly string[];
  readonly count: number;
}

/** Runs of letters, single digits and runs of other marks, each with the space before it. */
function countWords(texts: readonly string[]): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const spaced = SPACE + text.replaceAll(' ', SPACE);
    for (const [word] of spaced.matchAll(/▁?(?:[\p{L}\p{M}]+|\p{N}|[^\p{L}\p{M}\p{N}▁\n])|▁/gu)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return [...counts].map(([word, count]) => ({ pieces: [...word], count }));
}

/** How often each pair of neighbouring pieces occurs, kept up to date as pairs are merged. */
function countPairs(words: readonly Word[]) {
  const counts = new Map<string, number>();
  const places = new Map<string, Set<Word>>();
  const add = (word: Word, sign: 1 | -1) => {
    for (let i = 1; i < word.pieces.length; i++) {
      const key = `${word.pieces[i - 1]} ${word.pieces[i]}`;
      const count = (counts.get(key) ?? 0) + sign * word.count;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
      // A word stays listed under a pair it has lost; merging skips it.
      if (sign === 1) places.set(key, (places.get(key) ?? new Set()).add(word));
    }
  };
  for (const word of words) add(word, 1);
  return {
    counts,
    merge: (pair: readonly [string, string]) => {
      for (const word of places.get(pair.join(' ')) ?? []) {
        const pieces = merge(word.pieces, pair);
        if (pieces.length === word.pieces.length) continue;
        add(word, -1);
        word.pieces = pieces;
        add(word, 1);
      }
    },
  };
}

function mostFrequentPair(counts: ReadonlyMap<string, number>): [string, string] | undefined {
  let best: string | undefined;
  for (const [key, count] of counts) {
    const most = best === undefined ? 0 : counts.get(best)!;
    if (count > most || (count === most && best !== undefined && order(key, best) < 0)) best = key;
  }
  return best === undefined ? undefined : (best.split(' ') as [string, string]);
}

function merge(pieces: readonly string[], [left, right]: readonly [string, string]): readonly string[] {
  if (!pieces.includes(left)) return pieces;
  const merged: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    if (pieces[i] === left && pieces[i + 1] === right) {
      merged.push(left + right);
      i++;
    } else merged.push(pieces[i]!);
  }
  return merged;
}

/** By code unit: the same on every machine, whatever its language. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tokenizerJson(vocab: Readonly<Record<string, number>>, merges: readonly (readonly [string, string])[]) {
  const bos = { SpecialToken: { id: '<s>', type_id: 0 } };
  const [a, b] = [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: CONTROL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: SPACE },
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [bos, a],
      pair: [bos, a, { SpecialToken: { id: '<s>', type_id: 1 } }, b],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: merges.map((pair) => pair.join(' ')),
    },
  };
}
