/**
 * What is wrong with a table of SentencePiece's normalizer, base64: a double-array trie over UTF-8, whose values are
 * places in a text of replacements that end with NUL. undefined where every path through the trie stays inside.
 *
 * Source: darts-clone, darts.h (units); huggingface/spm_precompiled, src/lib.rs (the layout)
 */
export function charsmapFault(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length < 4 || bytes.toString('base64') !== base64) return 'it is no base64 of 4 bytes or more';
  const size = Math.floor(bytes.readUInt32LE(0) / 4);
  if (size === 0 || 4 + 4 * size > bytes.length)
    return `its trie of ${size} units does not fit its ${bytes.length} bytes`;
  const replacements = bytes.subarray(4 + 4 * size);
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(replacements);
  } catch {
    return 'its replacements are not UTF-8';
  }
  const unit = (at: number) => bytes.readUInt32LE(4 + 4 * at);
  /** `at ^ offset` may pass 2^31: BigInt would be slow, and such a place is outside anyway. */
  const childrenOf = (at: number) => {
    const value = unit(at);
    const offset = (value >>> 10) * 2 ** ((value & 0x200) >> 6);
    return offset >= 2 ** 31 ? Number.POSITIVE_INFINITY : at ^ offset;
  };
  const seen = new Uint8Array(size);
  const waiting = [childrenOf(0)];
  for (let base = waiting.pop(); base !== undefined; base = waiting.pop()) {
    if (base >= size) return 'its trie leads out of itself';
    if (seen[base]) continue;
    seen[base] = 1;
    for (let byte = 1; byte < 256; byte++) {
      const at = base ^ byte;
      if (at >= size) return 'its trie leads out of itself';
      const value = unit(at);
      if ((value & 0x800000ff) !== byte) continue;
      const next = childrenOf(at);
      waiting.push(next);
      if (((value >>> 8) & 1) === 0 || next >= size) continue;
      const place = unit(next) & 0x7fffffff;
      if (place > replacements.length || (replacements[place]! & 0xc0) === 0x80) {
        return `a value of its trie points to byte ${place} of ${replacements.length}`;
      }
    }
  }
  return undefined;
}
