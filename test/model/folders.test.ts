import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { assertFits } from '../../lib/data/tokenizer-fits';
import { compile } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { float32, float32Specs, type HostTensor, type HostTensors, int32, readSources } from '../../lib/engine/tensors';
import { openAdapterFolder, saveAdapterFolder } from '../../lib/model/adapter-folder';
import { type ModelFolder, openModelFolder, saveModelFolder } from '../../lib/model/folder';
import type { LlamaConfig } from '../../lib/model/llama';
import { LLAMA_2 } from '../../lib/model/llama-2';
import { loraParameterCount, loraScaling, loraTargets, mergeLora } from '../../lib/model/lora';
import { readSafetensorsHeader, readTensor, readTensors, writeSafetensors } from '../../lib/model/safetensors';
import { trainableCount, tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { normal, TINY, TINY_CONFIG, tinyWeights } from './tiny-llama';

const work = mkdtempSync(join(tmpdir(), 'folders-'));
afterAll(() => rmSync(work, { recursive: true }));

const LORA = { ...PAPER_LORA.lora, rank: 2, alpha: 4 };
const CARD = { title: 'A test', details: 'Nothing.' };

let made = 0;
const newFolder = (): string => {
  const folder = join(work, `folder ${made++}`);
  mkdirSync(folder);
  return folder;
};

/** A whole Hugging Face folder, with what the test wants otherwise. */
async function modelFolder(config: object = {}, change: (weights: Record<string, HostTensor>) => void = () => {}) {
  const folder = newFolder();
  const weights: Record<string, HostTensor> = { ...tinyWeights() };
  change(weights);
  await writeSafetensors(join(folder, 'model.safetensors'), weights, (name) => weights[name]!);
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...TINY_CONFIG, ...config }));
  return folder;
}

const refusal = (folder: string): Promise<string> =>
  openModelFolder(folder).then(
    () => 'was opened',
    (error: Error) => error.message,
  );

describe('a safetensors file that is not what it says', () => {
  /** A file by hand: any header over any number of bytes. */
  function file(header: unknown, bytes: number, length?: bigint): string {
    const path = join(newFolder(), 'model.safetensors');
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const first = Buffer.alloc(8);
    first.writeBigUInt64LE(length ?? BigInt(json.length));
    writeFileSync(path, Buffer.concat([first, json, Buffer.alloc(bytes)]));
    return path;
  }
  const entry = (shape: readonly number[], offsets: readonly unknown[], dtype = 'F32') => ({
    dtype,
    shape,
    data_offsets: offsets,
  });
  const whole = { a: entry([2, 3], [0, 24]), b: entry([1], [24, 28]) };

  test('the one these are made from is read', async () => {
    const { tensors } = await readSafetensorsHeader(file(whole, 28));
    expect(Object.keys(tensors)).toEqual(['a', 'b']);
  });

  test.for<readonly [string, () => string, RegExp]>([
    ['no file', () => join(newFolder(), 'absent.safetensors'), /cannot be opened \(ENOENT\)/],
    [
      'cut in the data',
      () => file(whole, 27),
      /tensor "b" ends at byte 28 of the data, which has only 27: .*cut short/,
    ],
    ['longer than its tensors', () => file(whole, 30), /has 2 bytes after its last tensor/],
    ['no JSON', () => file('{"a":', 28), /has a header that is not JSON \(/],
    ['JSON but no object', () => file('null', 0), /has a header that is no JSON object/],
    ['a header longer than the file', () => file(whole, 28, 4096n), /claims a header of 4096 bytes but has \d+ bytes/],
    [
      'a header longer than any',
      () => file(whole, 28, 2n ** 63n),
      /claims a header of 9223372036854776000 bytes, more/,
    ],
    ['a header shorter than its JSON', () => file(whole, 28, 20n), /has a header that is not JSON/],
    ['a shape its offsets deny', () => file({ a: entry([2, 4], [0, 24]) }, 24), /"a" of F32 \[2,4\] needs 32 bytes/],
    ['a shape too large for a number', () => file({ a: entry([2 ** 40, 2 ** 40], [0, 8]) }, 8), /"a" of F32 .* needs/],
    ['a negative shape', () => file({ a: entry([-2, -3], [0, 24]) }, 24), /tensor "a" has shape \[-2,-3\]/],
    ['a dtype of another width', () => file({ a: entry([2, 3], [0, 24], 'F16') }, 24), /"a" of F16 \[2,3\] needs 12/],
    ['a dtype not read, of another width', () => file({ a: entry([3], [0, 12], 'F64') }, 12), /F64 \[3\] needs 24/],
    ['a dtype of half bytes', () => file({ a: entry([3, 2], [0, 4], 'F4') }, 4), /F4 \[3,2\] needs 3 bytes/],
    ['a dtype that is no dtype', () => file({ a: entry([3], [0, 24], 'toString') }, 24), /dtype toString, which the/],
    [
      'overlapping tensors',
      () => file({ a: entry([2], [0, 8]), b: entry([2], [4, 12]) }, 12),
      /"b" .* overlap or leave/,
    ],
    ['a gap', () => file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12), /"b" starts at byte .* leave gaps/],
    ['a gap before the first', () => file({ a: entry([1], [4, 8]) }, 8), /"a" starts at byte/],
    ['offsets backwards', () => file({ a: entry([1], [8, 4]) }, 8), /"a" of F32 \[1\] needs 4 bytes, .* give -4/],
    ['offsets of one number', () => file({ a: entry([1], [0]) }, 4), /tensor "a" has data_offsets \[0\]/],
    ['offsets of text', () => file({ a: entry([1], ['0', '4']) }, 4), /tensor "a" has data_offsets/],
    ['an entry that is none', () => file({ a: null }, 0), /tensor "a" has dtype undefined/],
  ])('%s', async ([, make, message]) => {
    const path = make();
    const error = await readSafetensorsHeader(path).then(String, (e: Error) => e.message);
    expect(error).toMatch(message);
    expect(error.startsWith(`safetensors: ${path}: `)).toBe(true);
    expect(error).toMatch(/; download or save the file again$/);
  });

  test.for([0, 5, 8, 40, 200, -1, -4, -400])('a model cut at byte %d', async (at) => {
    const folder = await modelFolder();
    const path = join(folder, 'model.safetensors');
    writeFileSync(path, readFileSync(path).subarray(0, at === 0 ? 0 : at));
    expect(await refusal(folder)).toMatch(/^safetensors: .*model\.safetensors: .*; download or save the file again$/);
  });

  test('what is written fails whole: no file, and nothing beside it', async () => {
    const folder = newFolder();
    const specs = { a: { shape: [2], dtype: 'float32' }, b: { shape: [3], dtype: 'float32' } } as const;
    const wrong = (name: string) => (name === 'a' ? float32([2]) : float32([2]));
    await expect(writeSafetensors(join(folder, 'x.safetensors'), specs, wrong)).rejects.toThrow(
      '"b" of shape [3] was given 2 numbers',
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('an old file stays when the new one fails', async () => {
    const folder = await modelFolder();
    const path = join(folder, 'model.safetensors');
    const before = readFileSync(path);
    const fail = () => Promise.reject(new Error('the device was lost'));
    await expect(writeSafetensors(path, { a: { shape: [1], dtype: 'float32' } }, fail)).rejects.toThrow(
      'device was lost',
    );
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
  });
});

describe('config.json', () => {
  test.for<readonly [string, object, string]>([
    [
      'another architecture',
      { model_type: 'gpt2' },
      '"model_type" must be "llama" (no other architecture is built), got "gpt2"',
    ],
    ['another activation', { hidden_act: 'gelu' }, '"hidden_act" must be "silu" or "swish", got "gelu"'],
    ['a bias in attention', { attention_bias: true }, '"attention_bias" must be false, got true'],
    ['a bias in the MLP', { mlp_bias: true }, '"mlp_bias" must be false, got true'],
    [
      'positions scaled by LongRoPE',
      { rope_scaling: { type: 'longrope', factor: 2 } },
      '"rope_scaling" must be of type default, linear, dynamic, llama3, yarn (no other is built)',
    ],
    [
      'scaled positions without a factor, newer',
      { rope_parameters: { rope_type: 'llama3' } },
      '"rope_parameters" must be with "factor", which type llama3 needs',
    ],
    [
      'positions by kind of layer',
      { rope_parameters: { full_attention: { rope_type: 'default' } } },
      '"rope_parameters" must be one set of fields for every layer',
    ],
    [
      'half of a head turned',
      { rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } },
      '"rope_parameters" must be without partial_rotary_factor, or with 1',
    ],
    ['half of a head turned, older', { partial_rotary_factor: 0.5 }, '"partial_rotary_factor" must be 1, got 0.5'],
    [
      'a window',
      { sliding_window: 8 },
      '"sliding_window" must be null, or no less than max_position_embeddings (attention over a window is not built), got 8',
    ],
    [
      'windows in some layers',
      { layer_types: ['full_attention', 'sliding_attention'] },
      '"layer_types" must be "full_attention" for every layer, got ["full_attention","sliding_attention"]',
    ],
    ['a tie of text', { tie_word_embeddings: 'yes' }, '"tie_word_embeddings" must be true or false, got "yes"'],
    [
      'heads that do not divide',
      { num_key_value_heads: 3 },
      '"num_key_value_heads" must be a divisor of num_attention_heads 4, got 3',
    ],
    ['no width', { hidden_size: undefined }, '"hidden_size" must be a whole number from 1 to 1048576, got nothing'],
    ['a width of text', { hidden_size: '12' }, '"hidden_size" must be a whole number from 1 to 1048576, got "12"'],
    ['no layers', { num_hidden_layers: 0 }, '"num_hidden_layers" must be a whole number from 1 to 1000, got 0'],
    ['an odd head', { head_dim: 3 }, '"head_dim" must be even, for rotary positions, and is 3 here, got 3'],
    ['an epsilon of text', { rms_norm_eps: '1e-5' }, '"rms_norm_eps" must be a positive number, got "1e-5"'],
    ['a negative theta', { rope_theta: -1 }, '"rope_theta" must be a positive number, got -1'],
  ])('%s', async ([, change, message]) => {
    const folder = await modelFolder(change);
    const error = await refusal(folder);
    expect(error).toContain(`model: ${join(folder, 'config.json')}: ${message}`);
    expect(error).toMatch(/; (use another model|correct it as the model was made, or \S.*)$/);
  });

  test('quantised weights, and a field that is not known', async () => {
    expect(await refusal(await modelFolder({ quantization_config: { quant_method: 'gptq' } }))).toMatch(
      /"quantization_config" must be absent .*; use the unquantised model that it was made from/,
    );
    for (const field of ['compression_config', 'quantization']) {
      expect(await refusal(await modelFolder({ [field]: { bits: 4 } }))).toMatch(
        new RegExp(`"${field}" must be absent \\(quantised .*; use the unquantised model that it was made from$`),
      );
    }
    // What is offered beside is what transformers can do with the kind.
    for (const [method, remedy] of [
      ['bitsandbytes', /call dequantize\(\)/],
      ['fp8', /FineGrainedFP8Config\(dequantize=True\)/],
      ['awq', /made from$/],
    ] as const) {
      expect(await refusal(await modelFolder({ quantization_config: { quant_method: method } }))).toMatch(remedy);
    }
    expect(await refusal(await modelFolder({ logit_twist: 3 }))).toMatch(
      /"logit_twist" must be absent .* got 3; take it out of config.json if it changes nothing/,
    );
  });

  test('fields that change nothing are let through', async () => {
    const harmless = {
      _name_or_path: 'a/b',
      transformers_version: '4.57.0',
      dtype: 'bfloat16',
      pretraining_tp: 2,
      use_cache: true,
      attention_dropout: 0.1,
      eos_token_id: [1, 2],
      unsloth_fixed: true,
      rope_interleaved: false,
      sliding_window: 4096,
      use_sliding_window: false,
      quantization_config: null,
      logit_twist: null,
      num_key_value_heads: TINY.numKeyValueHeads,
      temperature: 0.6,
    };
    expect((await openModelFolder(await modelFolder(harmless))).config).toEqual(TINY);
    const full = { layer_types: ['full_attention', 'full_attention'], sliding_window: 8 };
    expect((await openModelFolder(await modelFolder(full))).config).toEqual(TINY);
    const notes = { architectures: 'LlamaForCausalLM', dtype: { '': 'float32' }, hidden_activation: 'silu', n_ctx: 16 };
    expect((await openModelFolder(await modelFolder({ ...notes, sliding_window: 4096 }))).config).toEqual(TINY);
  });

  test('scaled positions', async () => {
    const rope = async (config: object) => (await openModelFolder(await modelFolder(config))).config.ropeScaling;
    expect(await rope({ rope_scaling: { type: 'linear', factor: 2 } })).toEqual({ type: 'linear', factor: 2 });
    expect(await rope({ rope_scaling: { type: 'linear', factor: 1 } })).toBeUndefined();
    expect(await rope({ rope_scaling: { rope_type: 'dynamic', factor: 4 } })).toBeUndefined();
    const llama3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    const wanted = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4 };
    const scaling = { ...llama3, original_max_position_embeddings: 16 };
    expect(await rope({ rope_scaling: scaling })).toEqual({ ...wanted, originalMaxPositionEmbeddings: 16 });
    expect(await rope({ rope_parameters: { ...scaling, rope_theta: 100 } })).toEqual({
      ...wanted,
      originalMaxPositionEmbeddings: 16,
    });
    const context = TINY.maxPositionEmbeddings;
    expect(await rope({ rope_scaling: llama3 })).toEqual({ ...wanted, originalMaxPositionEmbeddings: context });
  });

  test('older and newer places of theta', async () => {
    expect((await openModelFolder(await modelFolder({ rope_theta: 500 }))).config.ropeTheta).toBe(500);
    const newer = { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 700 } };
    expect((await openModelFolder(await modelFolder(newer))).config.ropeTheta).toBe(700);
    expect((await openModelFolder(await modelFolder({ rope_scaling: null }))).config).toEqual(TINY);
  });

  test.for([
    ['{"model_type":', 'is not JSON ('],
    ['[1]', 'holds no JSON object'],
    ['null', 'holds no JSON object'],
  ] as const)('%s', async ([text, message]) => {
    const folder = await modelFolder();
    writeFileSync(join(folder, 'config.json'), text);
    const error = await refusal(folder);
    expect(error).toContain(`model: ${join(folder, 'config.json')} ${message}`);
    expect(error).toMatch(/; download or save the file again$/);
  });

  test('no folder, or one without config.json', async () => {
    const message = 'config.json (ENOENT); give the folder of a Hugging Face model';
    expect(await refusal(join(work, 'nowhere'))).toContain(message);
    expect(await refusal(newFolder())).toContain(message);
  });
});

describe('weights', () => {
  const NAME = 'model.layers.1.mlp.up_proj.weight';

  test('one missing', async () => {
    const folder = await modelFolder({}, (weights) => delete weights[NAME]);
    expect(await refusal(folder)).toBe(
      `model: ${folder} has no weight "${NAME}", which its config.json calls for; it has 20 tensors in 2 layers, such as ` +
        'model.embed_tokens.weight, model.layers.0.self_attn.q_proj.weight, model.layers.0.self_attn.k_proj.weight and ' +
        '17 more; take config.json and all weights from the same model',
    );
  });

  test('one of another shape', async () => {
    const folder = await modelFolder({}, (weights) => {
      weights[NAME] = float32([TINY.hiddenSize, TINY.intermediateSize]);
    });
    expect(await refusal(folder)).toBe(
      `model: ${folder}: "${NAME}" has shape [12,10], config.json calls for [10,12]; take both files from the same model`,
    );
  });

  test('config.json of a deeper model', async () => {
    expect(await refusal(await modelFolder({ num_hidden_layers: 3 }))).toContain('no weight "model.layers.2.');
  });

  test('no file; a shard missing; an index that is damaged', async () => {
    const folder = await modelFolder();
    rmSync(join(folder, 'model.safetensors'));
    expect(await refusal(folder)).toBe(
      `model: ${folder} has no model.safetensors: it holds config.json; put the model's weights there`,
    );
    const index = join(folder, 'model.safetensors.index.json');
    writeFileSync(index, JSON.stringify({ weight_map: { [NAME]: 'model-00001-of-00002.safetensors' } }));
    expect(await refusal(folder)).toContain(
      'model.safetensors.index.json names 1 of 1 files that are not there (model-00001-of-00002.safetensors); fetch them,',
    );
    writeFileSync(index, '{"weight_map":');
    expect(await refusal(folder)).toContain(`model: ${index} is not JSON (`);
  });

  test('weights that a Llama does not use are left alone', async () => {
    const folder = await modelFolder({}, (weights) => {
      weights['model.layers.0.self_attn.rotary_emb.inv_freq'] = float32([2]);
    });
    expect(Object.keys((await openModelFolder(folder)).weights)).toHaveLength(Object.keys(tinyWeights()).length);
  });

  test('weights of a part of a larger model name that part', async () => {
    const folder = await modelFolder({}, (weights) => {
      for (const name of Object.keys(weights)) {
        weights[`language_model.${name}`] = weights[name]!;
        delete weights[name];
      }
    });
    await expect(openModelFolder(folder)).rejects.toThrow(
      /its names begin with "language_model\.", the part of a larger/,
    );
    const within = await modelFolder({}, (weights) => {
      for (const name of Object.keys(weights)) {
        const weight = weights[name]!;
        delete weights[name];
        weights[name.replace('model.', 'model.language_model.')] = weight;
      }
    });
    await expect(openModelFolder(within)).rejects.toThrow(/its names begin with "model\.language_model\.", the part/);
  });

  test('a tokenizer with more ids than the embedding has rows', () => {
    expect(() => assertFits({ file: 'a/tokenizer.json', vocabSize: 12 }, TINY.vocabSize)).toThrow(
      "tokenizer: a/tokenizer.json has the id 11 but the model's embedding has 11 rows; use the tokenizer that belongs to the model",
    );
    expect(() => assertFits({ file: 'a/tokenizer.json', vocabSize: 11 }, TINY.vocabSize)).not.toThrow();
    expect(() => assertFits({ file: 'a/tokenizer.json', vocabSize: 5 }, TINY.vocabSize)).not.toThrow();
  });
});

test('a saved model opens with the same numbers, config and tokenizer', async () => {
  const source = await modelFolder({ torch_dtype: 'bfloat16', dtype: 'bfloat16', _note: 'kept' });
  writeFileSync(join(source, 'tokenizer.json'), '{"tokenizer":true}');
  writeFileSync(join(source, 'chat_template.jinja'), '{{ messages }}');
  const base = await openModelFolder(source);
  const folder = join(work, 'deep', 'saved');
  const weights = tinyWeights();
  await saveModelFolder(folder, base, (name) => weights[name]!, CARD);
  const saved = await openModelFolder(folder);
  expect(saved.config).toEqual(base.config);
  expect(saved.rawConfig).toEqual({ ...base.rawConfig, torch_dtype: 'float32', dtype: 'float32' });
  expect(await readTensors(saved.weights)).toEqual(weights);
  const names = ['README.md', 'chat_template.jinja', 'config.json', 'model.safetensors', 'tokenizer.json'];
  expect(readdirSync(folder).sort()).toEqual(names);
  expect(readFileSync(join(folder, 'chat_template.jinja'), 'utf8')).toBe('{{ messages }}');
  expect(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).toBe('{"tokenizer":true}');
});

test('shards of at most so many bytes, with their index; and one file again, nothing left over', async () => {
  const base = await openModelFolder(await modelFolder());
  const folder = newFolder();
  const weights = tinyWeights();
  const list = () => readdirSync(folder).sort();
  const files = await saveModelFolder(folder, base, (name) => weights[name]!, CARD, 2000);
  const shards = list().filter((name) => name.endsWith('.safetensors'));
  const bytes = Object.values(weights).map(({ data }) => data.byteLength);
  expect(shards).toEqual(shards.map((_, i) => `model-0000${i + 1}-of-0000${shards.length}.safetensors`));
  expect(shards.length).toBeGreaterThan(3);
  expect(files).toEqual(shards.map((name) => join(folder, name)));
  const index = JSON.parse(readFileSync(join(folder, 'model.safetensors.index.json'), 'utf8'));
  const total = bytes.reduce((a, b) => a + b, 0);
  expect(index.metadata).toEqual({ total_parameters: total / 4, total_size: total });
  for (const shard of shards) {
    const { tensors } = await readSafetensorsHeader(join(folder, shard));
    expect(Object.values(tensors).reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(2000);
    for (const name of Object.keys(tensors)) expect(index.weight_map[name]).toBe(shard);
  }
  expect(await readTensors((await openModelFolder(folder)).weights)).toEqual(weights);
  await saveModelFolder(folder, base, (name) => weights[name]!, CARD, 1);
  expect(list().filter((name) => name.endsWith('.safetensors'))).toHaveLength(bytes.length);
  await saveModelFolder(folder, base, (name) => weights[name]!, CARD, total);
  expect(list()).toEqual(['README.md', 'config.json', 'model.safetensors']);
  expect(await readTensors((await openModelFolder(folder)).weights)).toEqual(weights);
});

test('a model is not saved over the one that it is made from', async () => {
  const base = await openModelFolder(await modelFolder());
  const before = readFileSync(join(base.folder, 'model.safetensors'));
  const link = join(work, 'a link to the base');
  symlinkSync(base.folder, link);
  for (const folder of [base.folder, link]) {
    await expect(saveModelFolder(folder, base, () => float32([1]), CARD)).rejects.toThrow(
      'is the folder of the model that this one is made from; save to another one',
    );
  }
  expect(readFileSync(join(base.folder, 'model.safetensors')).equals(before)).toBe(true);
});

test('a model whose saving fails has no config.json', async () => {
  const base = await openModelFolder(await modelFolder());
  const folder = newFolder();
  const fail = () => Promise.reject(new Error('the device was lost'));
  await expect(saveModelFolder(folder, base, fail, CARD)).rejects.toThrow('the device was lost');
  expect(readdirSync(folder)).toEqual([]);
});

describe('a model saved over an older one', () => {
  const other = Object.fromEntries(
    Object.entries(tinyWeights()).map(([name, { shape }]) => [name, float32([...shape])]),
  );
  const saveOld = async (shardBytes?: number) => {
    const from = await modelFolder();
    writeFileSync(join(from, 'chat_template.jinja'), '{{ messages }}');
    const folder = newFolder();
    const weights = tinyWeights();
    await saveModelFolder(folder, await openModelFolder(from), (name) => weights[name]!, CARD, shardBytes);
    return folder;
  };

  test.for([
    ['shards over shards', 2000, 2000],
    ['one file over shards', 2000, undefined],
    ['shards over one file', undefined, 2000],
    ['one file over one', undefined, undefined],
  ] as const)('%s, cut short at an early, a middle or the last weight, is no model', async ([, before, after]) => {
    const base = await openModelFolder(await modelFolder());
    const names = Object.keys(other);
    for (const last of [names[1], names[names.length >> 1], names.at(-1)]) {
      const folder = await saveOld(before);
      const read = (name: string) => {
        if (name === last) throw new Error('the device was lost');
        return other[name]!;
      };
      await expect(saveModelFolder(folder, base, read, CARD, after)).rejects.toThrow('the device was lost');
      expect(await refusal(folder)).toContain('cannot read');
    }
  });

  test('is the new one alone once it is done', async () => {
    const base = await openModelFolder(await modelFolder());
    const folder = await saveOld(2000);
    await saveModelFolder(folder, base, (name) => other[name]!, CARD);
    expect(readdirSync(folder).sort()).toEqual(['README.md', 'config.json', 'model.safetensors']);
  });

  test('is refused where an adapter lies, which transformers would take', async () => {
    const base = await openModelFolder(await modelFolder());
    const folder = newFolder();
    writeFileSync(join(folder, 'adapter_config.json'), '{}');
    await expect(saveModelFolder(folder, base, (name) => other[name]!, CARD)).rejects.toThrow(
      /holds an adapter \(adapter_config\.json\).*; save to another folder, or delete the adapter$/,
    );
    expect(readdirSync(folder)).toEqual(['adapter_config.json']);
  });
});

describe('adapters', () => {
  let base: ModelFolder;
  let adapter: HostTensors;
  let device: Device;
  beforeAll(async () => {
    device = await openDevice('cpu', 2);
    base = await openModelFolder(await modelFolder());
    const random = createRandom(3, 'adapter');
    const shapes = tunedModel(base, 'lora', LORA).trainedShapes;
    adapter = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, normal(shape, random, 0.3)]));
  });

  async function saved(change: Readonly<Record<string, unknown>> = {}, tensors: HostTensors = adapter) {
    const folder = newFolder();
    await saveAdapterFolder(folder, LORA, base.folder, tensors, CARD);
    const file = join(folder, 'adapter_config.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
    return folder;
  }
  const refused = (folder: string, config: LlamaConfig = TINY) =>
    openAdapterFolder(folder, { ...base, config }).then(
      () => 'was opened',
      (error: Error) => error.message,
    );

  test('opens as it was saved', async () => {
    const opened = await openAdapterFolder(await saved(), base);
    expect(opened).toEqual({ base, config: LORA, adapter, baseModel: base.folder });
  });

  test('saved over an older one and cut short, it is no adapter: no weights with the scaling of another', async () => {
    const folder = await saved();
    rmSync(join(folder, 'README.md'));
    mkdirSync(join(folder, 'README.md'));
    const again = saveAdapterFolder(folder, { ...LORA, alpha: 64 }, base.folder, adapter, CARD);
    await expect(again).rejects.toThrow('a folder has that name');
    expect(await refused(folder)).toContain('adapter_config.json (ENOENT)');
  });

  test.for<readonly [string, Readonly<Record<string, unknown>>, string]>([
    ['DoRA', { use_dora: true }, '"use_dora" must be absent, null or false, got true; this is not built: load the'],
    ['IA3', { peft_type: 'IA3' }, '"peft_type" must be "LORA", got "IA3"; this is not built'],
    [
      'PiSSA',
      { init_lora_weights: 'pissa_niter_4' },
      '"init_lora_weights" must be true, false, "gaussian", "orthogonal", ',
    ],
    ['OLoRA', { init_lora_weights: 'olora' }, '"init_lora_weights" must be'],
    ['LoftQ', { init_lora_weights: 'loftq', loftq_config: { loftq_bits: 4 } }, '"init_lora_weights" must be'],
    ['aLoRA', { alora_invocation_tokens: [1, 2] }, '"alora_invocation_tokens" must be absent'],
    ['trained tokens', { trainable_token_indices: [5] }, '"trainable_token_indices" must be absent'],
    ['layers twice', { layer_replication: [[0, 1]] }, '"layer_replication" must be absent'],
    ['single parameters', { target_parameters: ['x'] }, '"target_parameters" must be absent'],
    ['a field that is not known', { use_marvel: true }, '"use_marvel" must be absent'],
    ['a classifier', { task_type: 'SEQ_CLS' }, '"task_type" must be "CAUSAL_LM", got "SEQ_CLS"'],
    [
      'the head',
      { target_modules: ['q_proj', 'lm_head'] },
      '"target_modules" must be without lm_head (LoRA on it is not',
    ],
    [
      'the embedding',
      { target_modules: '.*(q_proj|embed_tokens)' },
      '"target_modules" must be without model.embed_tok',
    ],
    [
      'layers of another model',
      { target_modules: ['c_attn'] },
      '"target_modules" must be names of linear layers of the',
    ],
    ['no layer', { target_modules: [] }, '"target_modules" must be names of linear layers of the model (q_proj,'],
    ['a regex of Python alone', { target_modules: '(?i)q_proj' }, '"target_modules" must be a regular expression that'],
    [
      'blocks beside a regex',
      { target_modules: '.*q_proj', layers_to_transform: [0] },
      '"layers_to_transform" must be',
    ],
    [
      'a pattern without blocks',
      { layers_pattern: 'layers' },
      '"layers_to_transform" must be given beside "layers_pat',
    ],
    [
      'a rank of text',
      { rank_pattern: { q_proj: 'x' } },
      '"rank_pattern.q_proj" must be a whole number from 1 to 65536, got "x"',
    ],
    ['no rank', { r: null }, '"r" must be a whole number from 1 to 65536, got null'],
    ['no alpha', { lora_alpha: 'x' }, '"lora_alpha" must be a positive number, got "x"'],
    ['no layers', { target_modules: null }, '"target_modules" must be names of layers, or one regular expression, got'],
  ])('%s', async ([, change, message]) => {
    const folder = await saved(change);
    expect(await refused(folder)).toContain(`lora: ${join(folder, 'adapter_config.json')}: ${message}`);
  });

  test('adapter_config.json missing or damaged', async () => {
    expect(await refused(newFolder())).toContain('adapter_config.json (ENOENT); give the folder that PEFT');
    const folder = await saved();
    writeFileSync(join(folder, 'adapter_config.json'), '{"r": 8');
    expect(await refused(folder)).toMatch(
      /^lora: .*adapter_config\.json is not JSON \(.*\); download or save the file again$/,
    );
  });

  test('of another base, or of another rank', async () => {
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
    const wider = { ...TINY, hiddenSize: 16 };
    expect(await refused(await saved(), wider)).toContain(`"${name}" must be [2,16] for this base model, got [2,12]`);
    expect(await refused(await saved({ r: 4 }))).toContain(`"${name}" must be [4,12] for this base model, got [2,12]`);
    expect(await refused(await saved(), { ...TINY, numHiddenLayers: 3 })).toContain('for this base model, got nothing');
    expect(await refused(await saved(), { ...TINY, numHiddenLayers: 1 })).toMatch(
      /has "base_model\.model\.model\.layers\.1\.\S+": it adapts a layer which this base model has not/,
    );
  });

  test('with a tensor of a layer that is not among its targets', async () => {
    const strange = { ...adapter, 'lm_head.lora_A.weight': float32([2, 12]) };
    expect(await refused(await saved({}, strange))).toContain(
      'has "base_model.model.lm_head.lora_A.weight": LoRA on that layer is not built',
    );
    expect(await refused(await saved({ target_modules: ['q_proj'] }))).toMatch(
      /has "\S+k_proj.lora_A.weight", a layer that "target_modules" of its adapter_config.json does not name/,
    );
  });

  test('cut short', async () => {
    const folder = await saved();
    const path = join(folder, 'adapter_model.safetensors');
    writeFileSync(path, readFileSync(path).subarray(0, -4));
    expect(await refused(folder)).toMatch(/^safetensors: .*cut short; download or save the file again$/);
  });

  /** Logits of every token of two rows. */
  async function logitsOf(folder: ModelFolder, lora?: HostTensors): Promise<Float32Array> {
    const model = lora ? tunedModel(folder, 'lora', LORA) : tunedModel(folder, 'base');
    const program = await compile(
      ({ inputs, state, frozen }) => {
        const { hidden, head } = model.forward(state, frozen, inputs.tokens!);
        return { outputs: { logits: hidden.matMul(head, false, true) } };
      },
      {
        name: 'logits',
        inputs: { tokens: { shape: [2, 7], dtype: 'int32' } },
        state: float32Specs(model.trainedShapes),
        frozen: model.frozen,
        readFrozen: readTensor,
      },
      device,
    );
    const tokens = int32(
      [2, 7],
      Int32Array.from({ length: 14 }, (_, i) => (i * 5) % TINY.vocabSize),
    );
    const { logits } = await program.run({ tokens }, await createState(device, lora ?? {}));
    await program.dispose();
    return logits!.data as Float32Array;
  }

  const worst = (a: Float32Array, b: Float32Array) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);

  /** The base with the adapter added to its weights, or taken off again. */
  async function merged(from: ModelFolder, sign: 1 | -1): Promise<ModelFolder> {
    const weights: Record<string, HostTensor> = { ...(await readTensors(from.weights)) };
    for (const name of Object.keys(loraTargets(TINY, LORA))) {
      const [a, b] = [adapter[`${name}.lora_A.weight`]!, adapter[`${name}.lora_B.weight`]!];
      weights[`${name}.weight`] = mergeLora(weights[`${name}.weight`]!, a, b, loraScaling(LORA), sign);
    }
    const folder = newFolder();
    await saveModelFolder(folder, from, (name) => weights[name]!, CARD);
    return openModelFolder(folder);
  }

  test('merged weights give the adapter’s logits; taken off again, the base’s', async () => {
    const adapted = await logitsOf(base, adapter);
    const plain = await logitsOf(base);
    expect(worst(adapted, plain)).toBeGreaterThan(0.1);
    const whole = await merged(base, 1);
    expect(worst(await logitsOf(whole), adapted)).toBeLessThan(1e-5);
    expect(worst(await logitsOf(await merged(whole, -1)), plain)).toBeLessThan(1e-5);
  });

  test('a fresh adapter changes nothing, bit for bit', async () => {
    const fresh = await readSources(tunedModel(base, 'lora', LORA).initial(createRandom(1, 'adapter')));
    expect(await logitsOf(base, fresh)).toEqual(await logitsOf(base));
  });
});

test('numbers an adapter trains: Llama-2 7B and 70B at rank 8, every linear layer', () => {
  expect(loraParameterCount(LLAMA_2['7B'], PAPER_LORA.lora)).toBe(19_988_480);
  expect(loraParameterCount(LLAMA_2['13B'], PAPER_LORA.lora)).toBe(31_293_440);
  expect(loraParameterCount(LLAMA_2['70B'], PAPER_LORA.lora)).toBe(103_546_880);
  const model = { folder: '', config: LLAMA_2['7B'], rawConfig: {}, weights: {} };
  expect(trainableCount(tunedModel(model, 'lora', PAPER_LORA.lora))).toBe(19_988_480);
  expect(trainableCount(tunedModel(model, 'full'))).toBe(6_738_415_616);
});

test.for([
  [{ rank: 0 }, 'lora: rank must be a positive integer, got 0'],
  [{ rank: 1.5 }, 'lora: rank must be a positive integer, got 1.5'],
  [{ targetModules: [] }, 'lora: targetModules [] must be some of q_proj'],
  [{ targetModules: ['q_proj', 'lm_head'] }, 'lora: targetModules [q_proj,lm_head] must be some of q_proj'],
] as const)('a LoRA config %o is refused', ([change, message]) => {
  expect(() => loraParameterCount(TINY, { ...LORA, ...change })).toThrow(message);
});
