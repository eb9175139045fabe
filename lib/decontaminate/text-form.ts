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

/**
 * The form above without case: ß is ss, and every sigma one. The two steps take together what either case has in common.
 *
 * Source: Unicode Standard, section 3.13, toNFKC_Casefold
 * Differs: ı and i are one letter here.
 */
export function caseless(text: string): string {
  return compatible(compatible(text).toUpperCase().toLowerCase().replaceAll('ς', 'σ'));
}
