import { describe, expect, it } from 'vitest';
import type { EvalItem, TrainExample } from '../../lib/data/examples';
import { harnessWords, ngramDetector, ngrams, normalised, sharedNgram } from '../../lib/decontaminate/overlap';
import { openSecondLook } from '../../lib/decontaminate/second-opinions';
import { nearestByTfIdf, TF_IDF, TF_IDF_THRESHOLD } from '../../lib/decontaminate/tf-idf';
import { itemText, rowText, viewNamed } from '../../lib/decontaminate/views';
import { wordDiff } from '../../lib/decontaminate/word-diff';
import { chooseTfIdf } from '../../lib/miniature/choose-tf-idf';
import { createRandom } from '../../lib/random';
import { MINIATURE } from '../run/child';

describe('views', () => {
  const item: EvalItem = {
    id: 'i',
    task: 't',
    question: 'Which?',
    choices: ['one', 'two'],
    answer: 1,
    context: 'Read.',
  };
  const plain: TrainExample = { id: 'r', source: 'medquad', prompt: 'What is it?', response: 'This.' };
  const lettered: TrainExample = {
    ...plain,
    prompt: 'Which?\na. one\nb. two',
    response: 'b. two',
    question: 'Which?',
    choices: ['one', 'two'],
    answer: 1,
  };

  it('of an item and of rows with and without a question of their own', () => {
    expect(itemText(item, 'question')).toBe('Which?');
    expect(itemText(item, 'question-options')).toBe('Read.\nWhich?\na. one\nb. two');
    expect(itemText(item, 'question-answer')).toBe('Which?\ntwo');
    expect(['question', 'question-options', 'question-answer'].map((v) => rowText(lettered, viewNamed(v)))).toEqual([
      'Which?',
      'Which?\na. one\nb. two',
      'Which?\ntwo',
    ]);
    expect(['question', 'question-options', 'question-answer'].map((v) => rowText(plain, viewNamed(v)))).toEqual([
      'What is it?',
      'What is it?',
      'What is it?\nThis.',
    ]);
  });

  it('refuse an unknown name', () => {
    expect(() => viewNamed('stem')).toThrow(
      'decontaminate: unknown view "stem"; use one of question, question-options, question-answer',
    );
  });
});

describe('13-grams', () => {
  const words = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `w${from + i}`).join(' ');

  it('delete punctuation, lower ASCII letters alone, split where Python does', () => {
    expect(harnessWords("Well-Known, isn't IT? É\u00a0x\u0085y\x1cz\ufeffq _a_")).toEqual([
      'wellknown',
      'isnt',
      'it',
      'É',
      'x',
      'y',
      'z\ufeffq',
      'a',
    ]);
  });

  it('are none below thirteen words', () => {
    expect(ngrams(harnessWords(words(12)))).toEqual([]);
    expect(ngrams(harnessWords(words(14)))).toEqual([words(13), words(13, 1)]);
  });

  it('flag an item by one run of thirteen, not of twelve', () => {
    const rows = [`so ${words(13, 2).toUpperCase()}!`];
    const { look, ...found } = ngramDetector([words(15), words(14), words(12), 'x']);
    rows.forEach(look);
    expect(found).toEqual({ flagged: [true, false, false, false], tooShort: [false, false, true, true] });
    expect(sharedNgram(words(15), rows[0]!)).toBe(words(13, 2));
    expect(sharedNgram(words(14), rows[0]!)).toBeNull();
  });

  it('flag the items that have a run of a row’s, whatever the texts', () => {
    const random = createRandom(3);
    const text = (length: number) => Array.from({ length }, () => (random.int(2) === 0 ? 'yes' : 'no')).join(' ');
    const items = Array.from({ length: 300 }, () => text(10 + random.int(12)));
    const rows = Array.from({ length: 60 }, () => text(random.int(40)));
    const { look, flagged } = ngramDetector(items);
    rows.forEach(look);
    const met = new Set(rows.flatMap((row) => ngrams(harnessWords(row))));
    expect(flagged).toEqual(items.map((item) => ngrams(harnessWords(item)).some((gram) => met.has(gram))));
    expect(flagged.filter(Boolean).length).toBeGreaterThan(30);
    expect(flagged.filter((one) => !one).length).toBeGreaterThan(30);
  });

  it('exact match takes case, punctuation and white space off', () => {
    expect(normalised('  What IS\n“it”?  ')).toBe(normalised('what is it'));
    expect(normalised('a. one')).not.toBe(normalised('a. two'));
  });

  it('exact match calls no two texts of punctuation alone the same', () => {
    const item = { id: 'i', task: 'medqa', question: '?!', choices: ['a', 'b'], answer: 0 };
    const row = { id: 'r', source: 'medquad', prompt: '...', response: 'r' };
    const second = openSecondLook([item], ['?!']);
    second.look(row, '...');
    const [exact] = second.opinions([false], undefined, new Set());
    expect(exact).toMatchObject({ total: { flagged: 0 }, cannotMatch: 1 });
  });
});

describe('TF-IDF', () => {
  it('is count times ln((1 + n) / (1 + df)) + 1, by cosine', () => {
    const items = ['fever cough', 'bone'];
    const rows = ['fever fever rash', 'nothing here'];
    const { rows: nearest, cosines } = nearestByTfIdf(items, rows, 2, { pairs: false, maxShare: 1 });
    const rare = Math.log(5 / 2) + 1;
    const common = Math.log(5 / 3) + 1;
    const item = Math.hypot(common, rare);
    const row = Math.hypot(2 * common, rare);
    expect(cosines[0]).toBeCloseTo((common * 2 * common) / (item * row), 12);
    expect([...nearest]).toEqual([0, 1, 0, 1]);
    expect([...cosines.slice(1)]).toEqual([0, 0, 0]);
  });

  it('of equal texts is 1, of texts without a word 0', () => {
    const { cosines } = nearestByTfIdf(['same words', '?!'], ['same words', 'other'], 1);
    expect(cosines[0]).toBeCloseTo(1, 12);
    expect(cosines[1]).toBe(0);
  });

  it('has the form and the threshold that the development pairs chose', async () => {
    const [best] = await chooseTfIdf(MINIATURE);
    expect(best).toMatchObject({ ...TF_IDF, threshold: TF_IDF_THRESHOLD });
  });
});

describe('word diff', () => {
  const marked = (first: string, second: string) =>
    wordDiff(first, second).map((side) => side.map(({ text, shared }) => (shared ? text : `[${text}]`)).join(' '));

  it('marks what one of them has alone, without regard to case and punctuation', () => {
    expect(marked('Which vitamin cures scurvy?', 'which vitamin, then, prevents Scurvy')).toEqual([
      'Which vitamin [cures] scurvy?',
      'which vitamin, [then, prevents] Scurvy',
    ]);
  });

  it('gives both texts back, the longest common stretch marked as shared', () => {
    const texts = ['a b c d e a b', 'b x d e e b y a'] as const;
    const sides = wordDiff(...texts);
    expect(sides.map((side) => side.map(({ text }) => text).join(' '))).toEqual(texts);
    const shared = sides.map((side) => side.flatMap((part) => (part.shared ? part.text.split(' ') : [])));
    expect(shared[0]).toEqual(shared[1]);
    expect(shared[0]).toHaveLength(4);
  });

  it('of empty, equal and very long texts', () => {
    expect(wordDiff('', ' ')).toEqual([[], []]);
    expect(marked('', 'x')).toEqual(['', '[x]']);
    expect(marked('x y', 'x y')).toEqual(['x y', 'x y']);
    const long = Array.from({ length: 2500 }, (_, i) => `w${i}`).join(' ');
    expect(wordDiff(long, long)[0].map(({ shared }) => shared)).toEqual([true, false]);
  });
});
