/** A stretch of words that both texts have, or that one of them has alone; `text` with the white space that follows. */
export interface DiffPart {
  readonly kind: 'both' | 'only-first' | 'only-second';
  readonly text: string;
}

/** Words compared at most, of each text: the table has a cell for each pair of them. */
const MOST_WORDS = 2000;

/**
 * Which words of two texts differ: a longest common subsequence of words, compared without case and without the
 * punctuation at their ends. Joined, the parts that are not `only-second` are the first text with single spaces, the
 * parts that are not `only-first` the second (a word that both have is written as the first has it).
 * Of texts longer than 2,000 words the rest counts as different.
 */
export function wordDiff(first: string, second: string): DiffPart[] {
  const a = first.split(/\s+/).filter(Boolean);
  const b = second.split(/\s+/).filter(Boolean);
  const [n, m] = [Math.min(a.length, MOST_WORDS), Math.min(b.length, MOST_WORDS)];
  const key = (word: string) => word.toLowerCase().replace(/^[\p{P}\p{S}]+|[\p{P}\p{S}]+$/gu, '') || word;
  const [keysA, keysB] = [a.map(key), b.map(key)];
  // longest[i][j]: words in common of a from i on and b from j on.
  const width = m + 1;
  const longest = new Uint16Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      longest[i * width + j] =
        keysA[i] === keysB[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const parts: { kind: DiffPart['kind']; words: string[] }[] = [];
  const add = (kind: DiffPart['kind'], word: string) => {
    const last = parts.at(-1);
    if (last?.kind === kind) last.words.push(word);
    else parts.push({ kind, words: [word] });
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < n && j < m && keysA[i] === keysB[j]) {
      add('both', a[i++]!);
      j++;
    } else if (i < a.length && (j >= m || (i < n && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!))) {
      add('only-first', a[i++]!);
    } else if (j < b.length) {
      add('only-second', b[j++]!);
    } else {
      add('only-first', a[i++]!);
    }
  }
  return parts.map(({ kind, words }) => ({ kind, text: words.join(' ') }));
}
