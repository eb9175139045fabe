/**
 * Whether Python's str.isspace holds for one character. JavaScript's \s differs: it takes U+FEFF, and leaves out
 * U+0085 and the four separators U+001C to U+001F.
 */
function isPythonSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character) || (character >= '\x1c' && character <= '\x1f');
}

/** Python's str.strip(): the harness strips MMLU's questions with it. */
export function strip(text: string): string {
  let start = 0;
  while (start < text.length && isPythonSpace(text.charAt(start))) start++;
  return text.slice(start, trailingSpaceStart(text.slice(start)) + start);
}

/** Where the trailing whitespace of `text` starts; its length when there is none. */
export function trailingSpaceStart(text: string): number {
  let end = text.length;
  while (end > 0 && isPythonSpace(text.charAt(end - 1))) end--;
  return end;
}
