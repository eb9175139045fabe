import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { charsmapFault } from '../../lib/data/charsmap';
import { loadTokenizer } from '../../lib/data/tokenizer';

/**
 * Tokenizers that end the process of the native library (tokenizers 0.23.2: "panicked at", exit code 134), and others that
 * are taken and wrong. Found by 11,600 mutations of three Llama tokenizers, each in a child process.
 */

const FIXTURE = 'test/fixtures/llama-tokenizer';
const work = mkdtempSync(join(tmpdir(), 'tokenizer-checks-'));
afterAll(() => rmSync(work, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: what is mutated has any form
type Any = any;
const SETTINGS = { eos_token: '</s>', bos_token: '<s>' };

function folder(change: (json: Any) => void, files: Readonly<Record<string, object>> = {}): string {
  const json = JSON.parse(readFileSync(join(FIXTURE, 'tokenizer.json'), 'utf8'));
  change(json);
  const made = mkdtempSync(join(work, 'x'));
  const all = { 'tokenizer_config.json': SETTINGS, ...files, 'tokenizer.json': json };
  for (const [name, content] of Object.entries(all)) writeFileSync(join(made, name), JSON.stringify(content));
  return made;
}

const refusal = (made: string): Promise<string> =>
  loadTokenizer(made).then(
    () => 'was opened',
    (error: Error) => error.message,
  );

/** A table of SentencePiece that writes b for a; its units may be changed. */
function charsmap(change: (units: Uint32Array) => void = () => {}, replacements = 'b\0'): string {
  const units = new Uint32Array(256);
  const leaf = 200;
  // label, a leaf below, and the way there.
  units[0x61] = 0x61 | (1 << 8) | ((0x61 ^ leaf) << 10);
  units[leaf] = 0x80000000;
  change(units);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(units.byteLength);
  return Buffer.concat([size, Buffer.from(units.buffer), Buffer.from(replacements)]).toString('base64');
}
const precompiled = (table: string) => ({ type: 'Precompiled', precompiled_charsmap: table });

describe('tokenizer.json', () => {
  test.for<readonly [string, (json: Any) => void, string]>([
    [
      'a prefix of BPE',
      (json) => (json.model.continuing_subword_prefix = '##'),
      '"model.continuing_subword_prefix" must be null or empty (the library that reads it ends the process on it), got "##"',
    ],
    [
      'dropout',
      (json) => (json.model.dropout = 0.1),
      '"model.dropout" must be null or 0 (with dropout a text has other',
    ],
    ['dropout of text', (json) => (json.model.dropout = '0'), '"model.dropout" must be null or 0'],
    ['no model', (json) => delete json.model, '"model" must be an object, got nothing'],
    ['a model of text', (json) => (json.model = 'BPE'), '"model" must be an object, got "BPE"'],
    ['a type of numbers', (json) => (json.model.type = 3), '"model.type" must be text, got 3'],
    ['tokens that are none', (json) => (json.added_tokens = [null]), '"added_tokens.0" must be an object, got null'],
    [
      'a token of nothing',
      (json) => (json.added_tokens[0].content = ''),
      '"added_tokens.0.content" must be a text that',
    ],
    ['an id below 0', (json) => (json.added_tokens[1].id = -1), '"added_tokens.1.id" must be a whole number from 0'],
    ['an id of 1.5', (json) => (json.added_tokens[1].id = 1.5), '"added_tokens.1.id" must be a whole number from 0'],
    [
      'special of text',
      (json) => (json.added_tokens[0].special = 'yes'),
      '"added_tokens.0.special" must be true or false',
    ],
    [
      'pieces of length 0, inside',
      (json) => (json.pre_tokenizer = { type: 'Sequence', pretokenizers: [{ type: 'FixedLength', length: 0 }] }),
      '"pre_tokenizer.pretokenizers.0.length" must be 1 or more, got 0',
    ],
    [
      'a template with an unknown token',
      (json) => (json.post_processor.special_tokens = {}),
      '"post_processor.special_tokens" must have "<s>", which its "single" uses',
    ],
    [
      'a template with a second text',
      (json) => (json.post_processor.single[1] = { Sequence: { id: 'B', type_id: 0 } }),
      '"post_processor.single" must not use sequence B',
    ],
    [
      'a decoder that cuts an end',
      (json) => (json.decoder.decoders.at(-1).stop = 2),
      '.stop" must be 0 (a text that is all cut ends the process), got 2',
    ],
    ['a table of 3 bytes', (json) => (json.normalizer = precompiled('AAAA')), 'but it is no base64 of 4 bytes or more'],
    [
      'a table, inside',
      (json) => json.normalizer.normalizers.push(precompiled(charsmap((units) => (units[0] = 300 << 10)))),
      '"normalizer.normalizers.2.precompiled_charsmap" must be a table of SentencePiece, but its trie leads out of itself',
    ],
  ])('%s', async ([, change, message]) => {
    const error = await refusal(folder(change));
    expect(error).toMatch(/^tokenizer: \S+tokenizer\.json: "/);
    expect(error).toContain(message);
    expect(error).toMatch(/; take the tokenizer of the model that this one was made from$/);
  });

  test('100,000 levels', async () => {
    const made = folder(() => {});
    const deep = `{"normalizer": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`;
    writeFileSync(join(made, 'tokenizer.json'), deep);
    expect(await refusal(made)).toMatch(/tokenizer\.json nests more than 100 levels/);
  });

  test('what runs is let through: dropout 0, an empty prefix, a table of SentencePiece', async () => {
    const made = folder((json) => {
      json.model.dropout = 0;
      json.model.continuing_subword_prefix = '';
      json.normalizer.normalizers.unshift(precompiled(charsmap()));
    });
    const tokenizer = await loadTokenizer(made);
    const asItIs = await loadTokenizer(FIXTURE);
    const plain = { addSpecialTokens: false };
    expect(await tokenizer.encode('a cat', plain)).toEqual(await asItIs.encode('b cbt', plain));
  });
});

test('faults of a table', () => {
  expect(charsmapFault(charsmap())).toBeUndefined();
  expect(charsmapFault('')).toBe('it is no base64 of 4 bytes or more');
  expect(charsmapFault('/////////////w==')).toMatch(/its trie of \d+ units does not fit its 10 bytes/);
  expect(charsmapFault(charsmap((units) => (units[200] = 9)))).toBe('a value of its trie points to byte 9 of 2');
  expect(charsmapFault(charsmap((units) => (units[200] = 1), 'ü\0'))).toBe('a value of its trie points to byte 1 of 3');
  expect(charsmapFault(charsmap((units) => (units[0x61]! |= 1 << 9)))).toBe('its trie leads out of itself');
  const table = Buffer.from(charsmap(), 'base64');
  table[table.length - 2] = 0xff;
  expect(charsmapFault(table.toString('base64'))).toBe('its replacements are not UTF-8');
});

describe('the files beside it', () => {
  test.for<readonly [string, object, string]>([
    [
      'tokenizer_config.json',
      { ...SETTINGS, add_bos_token: 'yes' },
      '"add_bos_token" must be true or false, got "yes"',
    ],
    [
      'tokenizer_config.json',
      { ...SETTINGS, eos_token: 2 },
      '"eos_token" must be a token or an object with its "content"',
    ],
    ['tokenizer_config.json', { ...SETTINGS, model_max_length: '9' }, '"model_max_length" must be a positive number'],
    ['config.json', { eos_token_id: -1 }, '"eos_token_id" must be a whole number from 0 to 2147483647, got -1'],
    ['config.json', { eos_token_id: '2' }, '"eos_token_id" must be a token id or a list of them, got "2"'],
    [
      'generation_config.json',
      { eos_token_id: 0.5 },
      '"eos_token_id" must be a whole number from 0 to 2147483647, got 0.5',
    ],
    [
      'generation_config.json',
      { eos_token_id: [2, null] },
      '"eos_token_id" must be a token id or a list of them, got [2,null]',
    ],
    ['generation_config.json', { do_sample: 'true' }, '"do_sample" must be true or false, got "true"'],
    ['generation_config.json', { temperature: -1 }, '"temperature" must be a number from 0 to 1000000, got -1'],
    ['generation_config.json', { top_p: 2 }, '"top_p" must be a number from 0 to 1, got 2'],
    ['generation_config.json', { top_k: 0.5 }, '"top_k" must be a whole number from 0 to 2147483647, got 0.5'],
  ])('%s %j', async ([name, content, message]) => {
    const made = folder(() => {}, { [name]: content });
    expect(await refusal(made)).toContain(`tokenizer: ${join(made, name)}: ${message}`);
  });

  test('an end that the tokenizer has not', async () => {
    const made = folder(() => {}, { 'tokenizer_config.json': {}, 'config.json': { eos_token_id: 99_999 } });
    expect(await refusal(made)).toMatch(
      /names 99999 as its EOS, an id that its tokenizer\.json has not; correct eos_token/,
    );
  });

  test('null fields, several ends, and the length that savers write for none', async () => {
    const made = folder(() => {}, {
      'tokenizer_config.json': {
        ...SETTINGS,
        add_bos_token: null,
        model_max_length: 1e30,
        eos_token: { content: '</s>' },
      },
      'generation_config.json': { eos_token_id: [2, 3], pad_token_id: -1, temperature: null, do_sample: true },
    });
    expect((await loadTokenizer(made)).stopIds).toEqual([2, 3]);
  });
});
