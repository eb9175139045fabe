import { resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { textStream } from '../../lib/data/text-stream';
import { loadTokenizer, type Tokenizer } from '../../lib/data/tokenizer';

/** A Llama tokenizer of few words: other scripts are bytes, a token each. */
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(resolve(__dirname, '..', 'fixtures', 'llama-tokenizer'));
});

async function streamed(prompt: string, answer: string): Promise<readonly string[]> {
  const before = await tokenizer.encode(prompt, { addSpecialTokens: false });
  const whole = await tokenizer.encode(prompt + answer, { addSpecialTokens: false });
  expect(whole.slice(0, before.length)).toEqual(before);
  const add = textStream(tokenizer, before);
  const pieces: string[] = [];
  for (const id of whole.slice(before.length)) pieces.push(await add(id));
  return pieces;
}

test.for([
  ['Say it: ', 'one two  three'],
  ['The word is', ' 中文字 and 😀!'],
  ['中文中文中文中文', '字字😀字'],
  ['x中文中文中文', '字 then words\n字'],
  ['😀😀😀😀', '😀 and é'],
  ['', 'Hello 中'],
] as const)('after %j, %j comes out whole and in order', async ([prompt, answer]) => {
  const pieces = await streamed(prompt, answer);
  expect(pieces.join('')).toBe(answer);
  for (const piece of pieces) expect(piece).not.toContain('\uFFFD');
});

test('a byte that is no character does not end the text', async () => {
  const id = (await tokenizer.encode('中', { addSpecialTokens: false })).at(-3)!;
  const add = textStream(tokenizer, await tokenizer.encode('中', { addSpecialTokens: false }));
  const tokens = [id, ...(await tokenizer.encode('a中 b c', { addSpecialTokens: false }))];
  let said = '';
  for (const token of tokens) said += await add(token);
  expect(said).toMatch(/^\uFFFD+ ?a中 b c$/);
});
