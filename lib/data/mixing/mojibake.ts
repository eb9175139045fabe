/** Windows-1252's characters for the bytes 0x80 to 0x9F; the five it has none for stand for themselves, as browsers do it. */
const SPECIALS = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const BYTE_OF: ReadonlyMap<string, number> = new Map([
  ...[...SPECIALS].map((character, i): [string, number] => [character, 0x80 + i]),
  ...Array.from({ length: 0x80 }, (_, i): [string, number] => [String.fromCharCode(0x80 + i), 0x80 + i] as const),
]);

const REST = `[\\u0080-\\u00bf${SPECIALS}]`;
/** Bytes of one character of UTF-8, seen as Windows-1252: a lead byte and one to three that go on. */
const SEQUENCE = `[\\u00c2-\\u00df]${REST}|[\\u00e0-\\u00ef]${REST}{2}|[\\u00f0-\\u00f4]${REST}{3}`;
const ONE = new RegExp(SEQUENCE, 'g');
const RUN = new RegExp(`(?:${SEQUENCE})+`, 'g');
/** Lead bytes that hardly begin a sequence in good text; they stand for the commonest characters. */
const SURE = /^[ÂÃÎÏÐâïð-ô]/;
/** What may well follow a letter with an accent in good text. */
const PUNCTUATION = /^[‘’“”‚„–—…•™‹›«»\u00a0]+$/;
/** Text that was misread again and again; more rounds have not been seen. */
const ROUNDS = 3;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Of a sequence that stands alone. `20 Å²` and `»Ö«` are good text, and so is `été”…`. */
const isMisread = (sequence: string): boolean =>
  SURE.test(sequence) || (sequence.length === 3 && !PUNCTUATION.test(sequence.slice(1)));

function decode(sequence: string): string {
  const bytes = Uint8Array.from(sequence, (character) => BYTE_OF.get(character)!);
  try {
    return decoder.decode(bytes);
  } catch {
    return sequence;
  }
}

/**
 * A text in which UTF-8 was read as Windows-1252 or Latin-1, mended: `donâ€™t` -> `don’t`, `Âµg` -> `µg`, `Î±` -> `α`.
 * Character by character, so that a text of which a part was misread keeps the rest.
 *
 * Differs: ftfy weighs the whole text and mends more: here a lone two-byte letter other than Greek, Cyrillic and those of Â
 * and Ã stays (`Å²` is a square ångström as often as a letter), and so does a sequence that lost a byte on the way.
 *
 * @returns the very text where there was nothing to mend
 */
export function mendMojibake(text: string): string {
  let mended = text;
  for (let round = 0; round < ROUNDS; round++) {
    const next = mended.replace(RUN, (run) => {
      const sequences = run.match(ONE)!;
      // Several in a row are no accident, whatever each is.
      return sequences.map((one) => (sequences.length > 1 || isMisread(one) ? decode(one) : one)).join('');
    });
    if (next === mended) break;
    mended = next;
  }
  return mended;
}
