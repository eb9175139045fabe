import { expect, test } from 'vitest';
import { packSamples } from '../../lib/data/packing/packing';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { documentSamples, hideQuestions } from '../../lib/miniature/base-documents';
import { createRandom } from '../../lib/random';

const QUESTION = 'Question: What does lack of iodine lead to?';
const OPTIONS = '\nA. rickets\nB. goiter\nC. scurvy\nD. beriberi\n';
const DOCUMENTS = [
  { prompt: `${QUESTION}${OPTIONS}Answer:`, response: ' B' },
  { prompt: '', response: 'Lack of iodine leads to goiter.' },
  { prompt: `Tom: think of iodine.\nChoices:${OPTIONS}Anna:`, response: '\nB. goiter' },
  { prompt: QUESTION, response: ' goiter' },
];

async function packed() {
  const tokenizer = await loadTokenizer('data/miniature');
  const { samples, questionTokens } = await documentSamples(DOCUMENTS, tokenizer);
  const { chunks } = packSamples(samples, { packing: 'block-diagonal', maxSeqLen: 160 });
  expect(chunks).toHaveLength(1);
  return { tokenizer, chunk: chunks[0]!, samples, questionTokens };
}

test('options are found where they begin, and the response alone is learnt', async () => {
  const { tokenizer, samples, questionTokens } = await packed();
  expect(questionTokens.map((count) => count > 0)).toEqual([true, false, true, false]);
  const read = (from: Int32Array) => tokenizer.decode([...from], { keepSpecial: true });
  expect(await read(samples[0]!.ids.subarray(0, questionTokens[0]))).toBe(QUESTION);
  expect(await read(samples[2]!.ids.subarray(0, questionTokens[2]))).toBe('Tom: think of iodine.');
  const learnt = samples.map(({ ids, labels }) => ids.filter((id, i) => labels[i] === id && labels[i] !== -100));
  expect(await read(learnt[0]!)).toMatch(/^ ?B<\/s>$/);
  expect(learnt[1]!.length).toBe(samples[1]!.ids.length);
});

test('options and answer see of a hidden question its last token alone, all else its own document', async () => {
  const { chunk, questionTokens } = await packed();
  const from = (share: number) => hideQuestions([chunk], questionTokens, share, createRandom(1))[0]!.from!;
  const [none, all] = [from(0), from(1)];
  for (const { sample, start, end } of chunk.spans) {
    const options = questionTokens[sample]! > 0 ? start + questionTokens[sample]! : end;
    for (let t = start; t < end; t++) {
      expect(none[t]).toBe(start);
      expect(all[t], `document ${sample}, place ${t - start}`).toBe(t < options ? start : options - 1);
    }
  }
  const last = chunk.spans.at(-1)!.end;
  for (let t = last; t < all.length; t++) expect(all[t]).toBe(t);
});
