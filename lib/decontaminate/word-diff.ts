import { caseless } from './text-form';

/** A stretch of words that the other text has too, or has not. */
export interface DiffPart {
  readonly text: string;
  readonly shared: boolean;
}

/** Words compared at most, of each text: the table below has a cell for each pair of them. */
const MOST_WORDS = 2000;

/**
 * Two texts as stretches that they share, in order, and stretches that they do not: the longest common subsequence of
 * words, case and punctuation put aside. Joined by spaces, a side's parts are its text. Of texts longer than 2,000 words
 * the rest counts as own.
 *
 *     'Which vitamin prevents scurvy?'        shared: Which vitamin | own: prevents | shared: scurvy?
 *     'Which vitamin wards off scurvy?'       shared: Which vitamin | own: wards off | shared: scurvy?
 */
export function wordDiff(a: string, b: string): readonly [readonly DiffPart[], readonly DiffPart[]] {
  const [left, right] = [words(a), words(b)];
  const [x, y] = [left.slice(0, MOST_WORDS).map(plain), right.slice(0, MOST_WORDS).map(plain)];
  const width = y.length + 1;
  const length = new Uint16Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      length[i * width + j] =
        x[i] === y[j]
          ? length[(i + 1) * width + j + 1]! + 1
          : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
    }
  }
  const [sharedX, sharedY] = [new Set<number>(), new Set<number>()];
  for (let i = 0, j = 0; i < x.length && j < y.length; ) {
    if (x[i] === y[j]) {
      sharedX.add(i++);
      sharedY.add(j++);
    } else if (length[(i + 1) * width + j]! >= length[i * width + j + 1]!) i++;
    else j++;
  }
  return [parts(left, sharedX), parts(right, sharedY)];
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

const plain = (word: string): string => caseless(word).replace(/[^\p{L}\p{M}\p{N}]+/gu, '') || word;

function parts(all: readonly string[], shared: ReadonlySet<number>): DiffPart[] {
  const result: { text: string; shared: boolean }[] = [];
  for (const [i, word] of all.entries()) {
    const last = result.at(-1);
    if (last && last.shared === shared.has(i)) last.text += ` ${word}`;
    else result.push({ text: word, shared: shared.has(i) });
  }
  return result;
}
