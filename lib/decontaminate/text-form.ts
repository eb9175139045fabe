/**
 * A text in the form in which every method compares it: Unicode's NFKC, without characters that are not seen.
 *
 *     e + U+0301, the decomposed form   é
 *     Ａ１, full width                   A1
 *     ﬁ, a ligature                     fi
 *     no-break space                    space
 *     zero-width space, soft hyphen     nothing
 *
 * A choice: NFKC takes more together than NFC does (10⁶ becomes 106). Of a pair that is compared both sides lose it, and an
 * item written with other code points of the same letters is found. Accents and Chinese character variants stay apart.
 *
 * Source: Unicode Standard Annex 15; the characters taken off are those of NFKC_Casefold
 */
export function compatible(text: string): string {
  return text.replace(/\p{Default_Ignorable_Code_Point}+/gu, '').normalize('NFKC');
}

/** Greek accents and breathings, which capitals are written without. The dieresis stays. */
const GREEK_ACCENTS = /[\u0300\u0301\u0313\u0314\u0342]/g;
const GREEK = /\p{Script=Greek}+/gu;
/** Points of Hebrew and Arabic, and the stress of Cyrillic where it is no part of a letter: most texts leave them out. */
const POINTS =
  /[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u0652\u0670]|(?<=\p{Script=Cyrillic})[\u0300\u0301]/gu;
/** A text that has none of either is returned as it is. */
const ANY_MARKED = /[\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}\u0640\u064b-\u0652\u0670]/u;

/**
 * The form above without case: ß is ss, and every sigma one. The two steps take together what either case has in common.
 * Marks that the same word is written with and without are taken off:
 *
 *     ΟΡΜΟΝΗ, ορμόνη     ορμονη
 *     гормо́н             гормон
 *     the points of Hebrew and Arabic, and Arabic's stretched lines
 *
 * Source: Unicode Standard, section 3.13, toNFKC_Casefold
 * Differs: ı and i are one letter here, İ too; the marks.
 */
export function caseless(text: string): string {
  const folded = compatible(text).toUpperCase().toLowerCase().replaceAll('ς', 'σ').replaceAll('i\u0307', 'i');
  const plain = ANY_MARKED.test(folded)
    ? folded
        .replace(GREEK, (run) => run.normalize('NFD').replace(GREEK_ACCENTS, ''))
        .normalize('NFC')
        .replace(POINTS, '')
    : folded;
  return compatible(plain);
}
