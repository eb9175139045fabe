/** Second opinions, without vectors: 13 words in a row, and sameness of the whole text. */

import { caseless, compatible } from './text-form';
import { FNV_PRIME, wordHash } from './words';

/** string.punctuation of Python: ASCII alone. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** What Python's str.split() splits at: JavaScript's \s has U+FEFF more, and U+0085 and U+001C to U+001F less. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are separators, and Python splits there
const PYTHON_SPACE = /[\p{White_Space}\x1c-\x1f]+/u;

export const NGRAM = 13;

/**
 * The words of a text as lm-evaluation-harness compares them: ASCII letters in lower case, ASCII punctuation deleted
 * (not replaced: "well-known" is one word), split at white space.
 *
 * Source: lm_eval/decontamination/janitor.py, Janitor.normalize_string and word_ngrams
 */
export function harnessWords(text: string): string[] {
  const lower = text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).replace(PUNCTUATION, '');
  return lower.split(PYTHON_SPACE).filter((word) => word !== '');
}

/** Every run of 13 words, joined by spaces; none when there are fewer. */
export function ngrams(words: readonly string[], n: number = NGRAM): string[] {
  return Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(' '));
}

/** Differs: lm-evaluation-harness compares the code points as they stand. */
const comparedWords = (text: string): string[] => harnessWords(compatible(text));

/** A run of 13 words that both texts have: the first of `b`'s, or null. */
export function sharedNgram(a: string, b: string): string | null {
  const known = new Set(ngrams(comparedWords(a)));
  return (known.size > 0 && ngrams(comparedWords(b)).find((gram) => known.has(gram))) || null;
}

/** Case, other code points of the same letters, punctuation of any script and white space taken off. */
export function normalised(text: string): string {
  return caseless(text)
    .replace(/[\p{P}\p{S}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Items that share a 13-gram with any training text, and those too short to have one. */
export interface NgramDetector {
  /** Shows it a training text. */
  look(text: string): void;
  readonly flagged: readonly boolean[];
  readonly tooShort: readonly boolean[];
}

/**
 * Marks the texts that have at least one 13-gram in common with any that it is shown. The lookup holds the items' n-grams,
 * so that memory does not grow with the rows.
 *
 * Source: lm_eval/decontamination/decontaminate.py, get_train_overlap
 */
export function ngramDetector(items: readonly string[]): NgramDetector {
  const owners = new Map<string, number[]>();
  /** Of every n-gram looked for: most runs of a row's words have none of these, and are never joined to a text. */
  const hashes = new Set<number>();
  const tooShort = items.map((text, i) => {
    const words = comparedWords(text);
    const grams = new Set(ngrams(words));
    for (const hash of runHashes(words)) hashes.add(hash);
    for (const gram of grams) {
      const list = owners.get(gram);
      if (list) list.push(i);
      else owners.set(gram, [i]);
    }
    return grams.size === 0;
  });
  const flagged = items.map(() => false);
  return {
    flagged,
    tooShort,
    look: (text) => {
      if (owners.size === 0) return;
      const words = comparedWords(text);
      let i = -1;
      for (const hash of runHashes(words)) {
        i++;
        if (!hashes.has(hash)) continue;
        const gram = words.slice(i, i + NGRAM).join(' ');
        const list = owners.get(gram);
        if (!list) continue;
        for (const item of list) flagged[item] = true;
        owners.delete(gram);
      }
    },
  };
}

/** The prime to the power of NGRAM, in 32 bits: what the word that leaves a run weighs. */
const LEAVING = Array.from({ length: NGRAM }).reduce<number>((power) => Math.imul(power, FNV_PRIME), 1);

/** A hash of each run of 13 words, from that of the run before it. */
function* runHashes(words: readonly string[]): Generator<number> {
  const own = words.map(wordHash);
  let hash = 0;
  for (let i = 0; i < own.length; i++) {
    hash = (Math.imul(hash, FNV_PRIME) + own[i]!) | 0;
    if (i >= NGRAM) hash = (hash - Math.imul(own[i - NGRAM]!, LEAVING)) | 0;
    if (i + 1 >= NGRAM) yield hash;
  }
}
