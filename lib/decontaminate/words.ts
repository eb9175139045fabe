import { caseless } from './text-form';

/** Scripts that set no spaces between words, and Hangul, where a word ends with the particle that follows it. */
const UNSPACED = 'Han Hiragana Katakana Bopomofo Hangul Yi Thai Lao Khmer Myanmar Tai_Le New_Tai_Lue Tai_Tham Tai_Viet'
  .split(' ')
  .map((script) => `\\p{Script_Extensions=${script}}`)
  .join('');
/** Of such a script a letter or digit, with the marks that belong to it. */
const CHARACTER = `(?=[\\p{L}\\p{N}])[${UNSPACED}]\\p{M}*`;
const CHARACTERS = new RegExp(CHARACTER, 'gu');
const ANY = new RegExp(`[${UNSPACED}]`, 'u');
const WORD = /[\p{L}\p{M}\p{N}]+/gu;
const SPACE_BETWEEN = new RegExp(`(?<=${CHARACTER})\\s+(?=${CHARACTER})`, 'gu');
const RUN = new RegExp(`(?:${CHARACTER})+|(?:(?!${CHARACTER})[\\p{L}\\p{M}\\p{N}])+`, 'gu');

/**
 * The words of a text in any script, without case: runs of letters, marks and digits. Where spaces do not part words, pairs
 * of neighbouring characters stand for them; white space between two such characters is passed over.
 *
 *     Fever, 38 °C?   fever 38 c
 *     HbA1c検査値      hba1c 検査 査値
 *
 * A choice: pairs told a changed copy from another question on the same topic better than single characters did, and than
 * both together (cosines of Chinese, Japanese, Thai and Korean questions written for it).
 *
 * Source: Lucene, CJKBigramFilter, for Chinese, Japanese and Korean
 * Differs: Lucene finds words of the other scripts in a dictionary; Node's dictionary changes with its version.
 */
export function wordsOf(text: string): string[] {
  const plain = caseless(text);
  // Most texts have none, and are read much faster without looking for one at every place.
  if (!ANY.test(plain)) return plain.match(WORD) ?? [];
  const runs = plain.replace(SPACE_BETWEEN, '').match(RUN) ?? [];
  return runs.flatMap((run) => {
    const characters = run.match(CHARACTERS);
    if (!characters || characters.length === 1) return [run];
    return characters.slice(1).map((character, i) => characters[i]! + character);
  });
}

export const FNV_PRIME = 0x01000193;

/** FNV-1a, in 32 bits. */
export function wordHash(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), FNV_PRIME);
  return hash;
}
