import { expect, test } from 'vitest';
import type { TrainExample } from '../../lib/data/examples';
import { withoutMask } from '../../lib/data/packing/chunks';
import { type Packing, packSamples } from '../../lib/data/packing/packing';
import { tokenizeExamples } from '../../lib/data/samples';
import { renderPrompt } from '../../lib/data/template';
import { tokenXray } from '../../lib/data/token-xray';
import { loadTokenizer } from '../../lib/data/tokenizer';

const examples: TrainExample[] = [
  {
    id: 'a',
    source: 'medquad',
    system: 'Be brief.',
    prompt: 'What is 5 µg of naïve 漢?',
    response: 'Little – it is <b>.',
  },
  { id: 'b', source: 'niv2', prompt: 'Name a bone.', response: 'The femur.' },
];

async function views(packing: Packing, maxSeqLen: number) {
  const tokenizer = await loadTokenizer('test/fixtures/llama-tokenizer');
  const { samples } = await tokenizeExamples(examples, tokenizer);
  const { chunks } = packSamples(samples, { packing, maxSeqLen, zeroLossChunks: 'keep' });
  return Promise.all(chunks.map((chunk) => tokenXray(chunk, samples, examples, tokenizer)));
}

const textOf = (tokens: Awaited<ReturnType<typeof views>>[number], role: string) =>
  tokens
    .filter((token) => token.role === role && token.sampleId === 'a')
    .map(({ text }) => text.replace(/\uFFFD+$/, ''))
    .join('');

test('the tokens of a sample, joined by role, are its parts; what is learnt is the response and its end', async () => {
  const [tokens] = await views('block-diagonal', 512);
  expect(textOf(tokens!, 'system')).toContain('Be brief.');
  expect(textOf(tokens!, 'prompt')).toContain('5 µg of naïve 漢?');
  expect(textOf(tokens!, 'response')).toBe('Little – it is <b>.');
  const whole = tokens!.filter(({ role, sampleId }) => sampleId === 'a' && role !== 'end');
  expect(whole.map(({ text }) => text.replace(/\uFFFD+$/, '')).join('')).toContain(
    renderPrompt(examples[0]!) + examples[0]!.response,
  );
  for (const { role, learned } of tokens!) expect(learned).toBe(role === 'response' || role === 'end');
  expect(tokens!.filter(({ role }) => role === 'end').map(({ sampleId }) => sampleId)).toEqual(['a', 'b']);
  expect(tokens!).toHaveLength(512);
  expect(tokens!.at(-1)).toMatchObject({ role: 'padding', sample: -1, source: null, learned: false, attendsFrom: 511 });
});

test("block-diagonal: each sample sees itself; the paper's: a row sees all of the row, and a cut sample starts late", async () => {
  const [apart] = await views('block-diagonal', 512);
  const b = apart!.findIndex(({ sampleId }) => sampleId === 'b');
  expect(apart![b]).toMatchObject({ position: 0, attendsFrom: b });
  expect(apart![b + 5]).toMatchObject({ position: 5, attendsFrom: b });
  const rows = await views('concatenated', 64);
  expect(rows.length).toBeGreaterThan(2);
  expect(
    rows
      .flat()
      .filter(({ role }) => role !== 'padding')
      .every(({ attendsFrom }) => attendsFrom === 0),
  ).toBe(true);
  expect(rows[1]![0]).toMatchObject({ position: 0, at: 0 });
  const learned = (tokens: typeof apart) => tokens!.filter((token) => token.learned).map(({ id }) => id);
  expect(rows.flatMap(learned)).toEqual(learned(apart));
});

test('without the mask every token that has a target in its sample is learnt', async () => {
  const tokenizer = await loadTokenizer('test/fixtures/llama-tokenizer');
  const { samples } = await tokenizeExamples(examples, tokenizer);
  const [apart] = packSamples(samples, { packing: 'block-diagonal', maxSeqLen: 512 }).chunks;
  const all = withoutMask(apart!);
  const count = samples.reduce((sum, { ids }) => sum + ids.length - 1, 0);
  expect(all.weights.reduce((a, b) => a + b)).toBe(count);
  const [stream] = packSamples(samples, { packing: 'concatenated', maxSeqLen: 512 }).chunks;
  expect(withoutMask(stream!).weights.reduce((a, b) => a + b)).toBe(count + 1); // b's first token follows a's end
});

test.each(['test/fixtures/llama-tokenizer', 'data/miniature/base'])(
  'each token adds what it adds to the text of all before it, however long a sample of %s is',
  async (folder) => {
    const tokenizer = await loadTokenizer(folder);
    const text = 'Fever 漢字 is 37 °C… 🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺 naïve \u0000\n\n  x  œdème, 日本語のテキスト; '.repeat(
      6,
    );
    const { samples } = await tokenizeExamples([{ ...examples[0]!, prompt: text, response: text }], tokenizer);
    const { chunks } = packSamples(samples, { packing: 'padded', maxSeqLen: samples[0]!.ids.length });
    const tokens = await tokenXray(chunks[0]!, samples, examples, tokenizer);
    expect(tokens.length).toBeGreaterThan(400);
    let before = 0;
    for (const [i, token] of tokens.entries()) {
      const whole = await tokenizer.decode([...samples[0]!.ids.subarray(0, i + 1)], { keepSpecial: true });
      expect([i, token.text]).toEqual([i, whole.slice(before)]);
      before = whole.replace(/\uFFFD+$/, '').length;
    }
  },
);
