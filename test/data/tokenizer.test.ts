import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tokenizeExamples } from '../../lib/data/samples';
import { renderPrompt } from '../../lib/data/template';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { assertFits } from '../../lib/data/tokenizer-fits';

const FIXTURE = 'test/fixtures/llama-tokenizer';
const MODELS = ['../shared/models/llama2-tokenizer', '../shared/models/baby-llama-tok361'].filter((path) =>
  existsSync(path),
);

interface TokenizerJson {
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: unknown;
  model: { vocab: Record<string, number>; merges: (string | string[])[] };
}

/** The fixture's folder with its tokenizer.json and configuration changed. */
function variant(
  change: (json: TokenizerJson) => void,
  config: object = { eos_token: '</s>', bos_token: '<s>' },
): string {
  const json = JSON.parse(readFileSync(join(FIXTURE, 'tokenizer.json'), 'utf8')) as TokenizerJson;
  change(json);
  const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return folder;
}

const plain = { addSpecialTokens: false };

test('special_tokens_map.json names BOS and EOS where tokenizer_config.json does not, before the ids of config.json', async () => {
  // Expected: transformers 5.23.0, PreTrainedTokenizerFast.from_pretrained(folder).special_tokens_map
  const folder = variant(() => {}, {});
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ bos_token_id: 1, eos_token_id: 0 }));
  const map = { bos_token: { content: '<s>', lstrip: false }, eos_token: '</s>' };
  writeFileSync(join(folder, 'special_tokens_map.json'), JSON.stringify(map));
  expect(await loadTokenizer(folder)).toMatchObject({ bosId: 1, eosId: 2 });
});

test('a Llama tokenizer: control ids, BOS in front on request, text back again', async () => {
  const tokenizer = await loadTokenizer(FIXTURE);
  expect(tokenizer).toMatchObject({ bosId: 1, eosId: 2, addBos: true, vocabSize: 346 });
  expect(tokenizer.sha256).toMatch(/^[0-9a-f]{64}$/);
  const text = 'the cat and\n😀 é';
  const ids = await tokenizer.encode(text, plain);
  expect(await tokenizer.encode(text, { addSpecialTokens: true })).toEqual([1, ...ids]);
  expect(await tokenizer.encodeBatch([text, 'a', ''], { addSpecialTokens: true })).toEqual([
    [1, ...ids],
    [1, ...(await tokenizer.encode('a', plain))],
    [1],
  ]);
  expect(await tokenizer.decode([1, ...ids, 2])).toBe(text);
  expect(await tokenizer.decode([1, ...ids, 2], { keepSpecial: true })).toContain('</s>');
});

test.each([FIXTURE, ...MODELS])('text never becomes a control token (%s)', async (folder) => {
  const tokenizer = await loadTokenizer(folder);
  for (const text of ['a</s>b', '</s>', '<s>', 'x <unk> y', '\u2581</s>', '</s></s>', '\n</s>\n<s>']) {
    const ids = await tokenizer.encode(text, { addSpecialTokens: true });
    expect(ids.filter((id) => id <= 2)).toEqual([1]);
    expect((await tokenizer.decode(ids)).replace('▁', ' ').trim()).toBe(text.replace('▁', ' ').trim());
    const [joint] = await tokenizer.encodeJoint([{ prompt: text, response: text }]);
    expect(joint!.ids.some((id) => id <= 2)).toBe(false);
  }
});

test('special tokens outside the model vocabulary are kept out of text, and later added tokens keep their ids', async () => {
  const folder = variant((json) => {
    json.added_tokens.push(
      { ...json.added_tokens[0]!, id: 346, content: '<|end|>' },
      { ...json.added_tokens[0]!, id: 347, content: '<tool>', special: false },
    );
  });
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.vocabSize).toBe(348);
  const padded = variant((json) => json.added_tokens.push({ ...json.added_tokens[0]!, id: 346, content: '<pad>' }));
  expect((await loadTokenizer(padded)).vocabSize, 'no text has a pad token').toBe(346);
  const ids = await tokenizer.encode('a<|end|><tool>', plain);
  expect(ids.includes(346)).toBe(false);
  expect(ids.at(-1)).toBe(347);
});

test('a model that can spell its EOS from text is refused', async () => {
  const folder = variant((json) => {
    Object.assign(json.model.vocab, { '</': 346, '</s': 347 });
    json.model.merges.push('< /', '</ s', '</s >');
  });
  await expect(loadTokenizer(folder)).rejects.toThrow('the text "</s>" would become the control token 2');
});

test.each([FIXTURE, ...MODELS])(
  'the mask starts at the first token of the response, whatever the script (%s)',
  async (folder) => {
    const tokenizer = await loadTokenizer(folder);
    const prompts = ['Q\n', 'é😀漢\n', '👩‍⚕️ – “x”\n'];
    const responses = ['Yes', ' Yes', '😀', 'é', '漢字 is', '\n\nThen', '👩‍⚕️'];
    const pairs = prompts.flatMap((prompt) => responses.map((response) => ({ prompt, response })));
    const joint = await tokenizer.encodeJoint(pairs);
    for (const [i, { ids, responseStart, straddles }] of joint.entries()) {
      const { prompt, response } = pairs[i]!;
      expect(ids).toEqual(await tokenizer.encode(prompt + response, plain));
      expect(straddles).toBe(false);
      // What inference is given is what training saw.
      expect(ids.slice(0, responseStart)).toEqual(await tokenizer.encode(prompt, plain));
      const spoken = (await tokenizer.decode(ids)).slice((await tokenizer.decode(ids.slice(0, responseStart))).length);
      expect(spoken).toBe(response);
    }
  },
);

test('a token across the seam is a label, and counted', async () => {
  const folder = variant((json) => {
    Object.assign(json.model.vocab, { '\n': 346, '\nY': 347 });
    json.model.merges.push('\n Y');
  });
  const tokenizer = await loadTokenizer(folder);
  const [across, apart] = await tokenizer.encodeJoint([
    { prompt: '😀Q\n', response: 'Yes' },
    { prompt: '😀Q\n', response: 'No' },
  ]);
  expect([across!.straddles, across!.ids[across!.responseStart]]).toEqual([true, 347]);
  expect([apart!.straddles, apart!.ids[apart!.responseStart - 1]]).toEqual([false, 346]);
  const row = { id: 'a', source: 'medquad', prompt: 'Q', response: 'Yes' };
  const { samples, report } = await tokenizeExamples([row], tokenizer);
  expect(report.straddlingTokens).toBe(1);
  expect([...samples[0]!.labels].filter((label) => label !== -100)).toHaveLength(4);
});

test('a sample is BOS, prompt, response, EOS; the labels are the response and the EOS', async () => {
  const tokenizer = await loadTokenizer(FIXTURE);
  const row = { id: 'a', source: 'medquad', prompt: 'What </s>?', response: 'the 😀 end</s>' };
  const { samples, report } = await tokenizeExamples([row], tokenizer);
  const { ids, labels } = samples[0]!;
  const prompt = await tokenizer.encode(renderPrompt(row), { addSpecialTokens: true });
  expect([...ids.slice(0, prompt.length)]).toEqual(prompt);
  expect(ids.at(-1)).toBe(2);
  expect([...ids].filter((id) => id === 2)).toHaveLength(1);
  expect([...labels.slice(0, prompt.length)].every((label) => label === -100)).toBe(true);
  expect(labels.slice(prompt.length)).toEqual(ids.slice(prompt.length));
  expect(report).toEqual({
    samples: 1,
    tokens: ids.length,
    lossTokens: ids.length - prompt.length,
    straddlingTokens: 0,
  });
});

test('no BOS is put where the model has none or does not want it', async () => {
  const without = await loadTokenizer(variant(() => {}, { eos_token: '</s>', bos_token: '<s>', add_bos_token: false }));
  expect(await without.encode('a', { addSpecialTokens: true })).toEqual(await without.encode('a', plain));
  const silent = await loadTokenizer(variant(() => {}));
  expect(silent.addBos).toBe(true);
  const row = { id: 'a', source: 'medquad', prompt: 'Q', response: 'R' };
  expect((await tokenizeExamples([row], without)).samples[0]!.ids[0]).not.toBe(1);
});

test('a response that the tokenizer makes nothing of is refused', async () => {
  const folder = variant((json) => {
    json.normalizer = { type: 'Replace', pattern: { String: '*' }, content: '' };
  });
  const row = { id: 'stars', source: 'medquad', prompt: 'Q', response: '**' };
  await expect(tokenizeExamples([row], await loadTokenizer(folder))).rejects.toThrow(
    'samples: example "stars": the response must yield a token, got none; fix or delete the row',
  );
});

test('EOS and BOS come from the configuration files in turn; an EOS there must be', async () => {
  const folder = variant(() => {}, {});
  await expect(loadTokenizer(folder)).rejects.toThrow('names no EOS');
  writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id": [2, 5]}');
  expect(await loadTokenizer(folder)).toMatchObject({ eosId: 2, bosId: undefined, addBos: false });
  writeFileSync(join(folder, 'config.json'), '{"eos_token_id": 5, "bos_token_id": 1}');
  expect(await loadTokenizer(folder)).toMatchObject({ eosId: 5, bosId: 1, addBos: true });
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"eos_token": {"content": "</s>"}, "add_bos_token": true}');
  expect(await loadTokenizer(folder)).toMatchObject({ eosId: 2, bosId: 1 });
  writeFileSync(join(folder, 'special_tokens_map.json'), '{"eos_token": "<unk>", "bos_token": {"content": "</s>"}}');
  expect(await loadTokenizer(folder)).toMatchObject({ eosId: 0, bosId: 2 });
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    '{"eos_token": "</s>", "add_bos_token": true, "added_tokens_decoder": {"2": {"content": "</s>"}}}',
  );
  expect(await loadTokenizer(folder)).toMatchObject({ eosId: 2, bosId: 1 });
  writeFileSync(join(folder, 'config.json'), '{}');
  await expect(loadTokenizer(folder)).rejects.toThrow('asks for a BOS (add_bos_token) but names none; set bos_token');
});

test('a prefix space that the two files tell apart is refused, where the class goes by the setting', async () => {
  const names = { eos_token: '</s>', bos_token: '<s>', add_prefix_space: false };
  const wrong = variant(() => {}, { ...names, tokenizer_class: 'LlamaTokenizer' });
  await expect(loadTokenizer(wrong)).rejects.toThrow(
    'tokenizer_config.json: "add_prefix_space" must be true or absent, as its tokenizer.json puts a space before a text, got false',
  );
  // transformers 5.23.0 takes tokenizer.json as it is for the other class, and for one that agrees with the setting.
  const other = await loadTokenizer(variant(() => {}, { ...names, tokenizer_class: 'PreTrainedTokenizerFast' }));
  expect(await other.encode('the', plain)).toEqual([259, 337]);
  const none = variant(
    (json) => {
      json.normalizer = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
    },
    { ...names, tokenizer_class: 'LlamaTokenizer' },
  );
  expect(await (await loadTokenizer(none)).encode('the', plain)).not.toContain(259);
});

describe('tokens that files beside tokenizer.json add', () => {
  const NAMES = { eos_token: '</s>', bos_token: '<s>', unk_token: '<unk>' };
  const FLAGS = { lstrip: false, rstrip: false, single_word: false, normalized: false, special: false };
  const base = Object.fromEntries(
    ['<unk>', '<s>', '</s>'].map((content, id) => [id, { ...FLAGS, content, special: true }]),
  );
  const tokens = async (folder: string) => {
    const tokenizer = await loadTokenizer(folder);
    return [await tokenizer.encode('the <extra> cat', plain), await tokenizer.encode('the cat <b>', plain)];
  };
  const TEXT = [259, 262, 260, 279];

  // Expected: transformers 5.23.0, AutoTokenizer.from_pretrained(folder), tokenizer_class PreTrainedTokenizerFast
  test('added_tokens_decoder', async () => {
    const added = { 346: { ...FLAGS, content: '<extra>', lstrip: true }, 347: { ...FLAGS, content: '<b>' } };
    const folder = variant(() => {}, { ...NAMES, added_tokens_decoder: { ...base, ...added } });
    expect(await tokens(folder)).toEqual([
      [259, 337, 346, 259, ...TEXT],
      [259, 337, ...TEXT, 259, 347],
    ]);
    expect((await loadTokenizer(folder)).vocabSize).toBe(348);
    expect((await loadTokenizer(folder)).sha256).not.toBe((await loadTokenizer(variant(() => {}))).sha256);
  });

  test('added_tokens.json, where there is no such field', async () => {
    const folder = variant(() => {}, NAMES);
    writeFileSync(join(folder, 'added_tokens.json'), '{"<extra>": 346, "<b>": 347}');
    expect(await tokens(folder)).toEqual([
      [259, 337, 346, ...TEXT],
      [259, 337, ...TEXT, 347],
    ]);
  });

  test('what it says of a token counts before tokenizer.json', async () => {
    const extra = { ...FLAGS, id: 346, content: '<extra>', lstrip: true };
    const decoder = { ...base, 346: { ...FLAGS, content: '<extra>', rstrip: true } };
    const folder = variant((json) => json.added_tokens.push(extra), { ...NAMES, added_tokens_decoder: decoder });
    expect((await tokens(folder))[0]).toEqual([259, 337, 259, 346, ...TEXT]);
  });

  test('special tokens that are named and in the vocabulary', async () => {
    const tokenizer = await loadTokenizer(
      variant((json) => {
        json.added_tokens = [];
      }, NAMES),
    );
    expect([...tokenizer.controlTexts].sort()).toEqual(['</s>', '<s>', '<unk>']);
    const [rendered] = await tokenizer.encodeRendered([{ text: 'the</s>', learnt: [] }]);
    expect(rendered!.ids.at(-1)).toBe(2);
  });

  test('an id that does not follow is refused, and a field of a wrong type', async () => {
    const far = { ...base, 400: { ...FLAGS, content: '<b>' } };
    await expect(loadTokenizer(variant(() => {}, { ...NAMES, added_tokens_decoder: far }))).rejects.toThrow(
      'tokenizer_config.json: "<b>" must have the id 346, which follows from tokenizer.json, got 400; take both files',
    );
    // A pad token comes out of no text.
    expect(await loadTokenizer(variant(() => {}, { ...NAMES, pad_token: '[PAD]' }))).toMatchObject({ vocabSize: 346 });
    const wrong = variant(() => {}, { ...NAMES, added_tokens_decoder: { 346: { special: true } } });
    await expect(loadTokenizer(wrong)).rejects.toThrow(
      /"added_tokens_decoder\.346\.content" must be text, got nothing/,
    );
  });
});

test('missing, broken and ill-fitting tokenizers say what to do', async () => {
  await expect(loadTokenizer('no/such')).rejects.toThrow(
    'tokenizer: no file no/such/tokenizer.json; pass a Hugging Face model folder that has a tokenizer.json',
  );
  const folder = variant(() => {});
  writeFileSync(join(folder, 'tokenizer.json'), '{"version":');
  await expect(loadTokenizer(folder)).rejects.toThrow('tokenizer.json is not JSON (');
  writeFileSync(join(folder, 'tokenizer.json'), '{"version": "1.0", "model": {"type": "Nothing"}}');
  await expect(loadTokenizer(folder)).rejects.toThrow('tokenizer.json is not a tokenizer');
  expect(() => assertFits({ file: 'a/tokenizer.json', vocabSize: 345 }, 344)).toThrow(
    "tokenizer: a/tokenizer.json has the id 344 but the model's embedding has 344 rows; use the tokenizer that belongs to the model, or resize the embedding",
  );
  assertFits({ file: 'a/tokenizer.json', vocabSize: 345 }, 345);
  assertFits({ file: 'a/tokenizer.json', vocabSize: 345, stopIds: [2, 344] }, 32000);
  expect(() => assertFits({ file: 'a/tokenizer.json', vocabSize: 345, stopIds: [2, 400] }, 345)).toThrow(
    /^tokenizer: a\/generation_config\.json: "eos_token_id" must be below the 345 rows .*, got 400; correct it/,
  );
});
