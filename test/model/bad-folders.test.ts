import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { type HostTensors, readSources } from '../../lib/engine/tensors';
import { openAdapterFolder, saveAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder } from '../../lib/model/folder';
import { createGenerator } from '../../lib/model/generate';
import { hashWeights } from '../../lib/model/hash-weights';
import { readTensors } from '../../lib/model/safetensors';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { newFolders, write } from './new-folders';
import { TINY, TINY_CONFIG, tinyWeights } from './tiny-llama';

/** Folders that are damaged, hostile or of two models at once: each is refused by name, or read as it is; none hangs. */

const { newFolder } = newFolders('bad-folders-');

const INDEX = 'model.safetensors.index.json';
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
const NORM = 'model.norm.weight';

function configFolder(change: object = {}): string {
  const folder = newFolder();
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...TINY_CONFIG, ...change }));
  return folder;
}

async function modelFolder(change: object = {}): Promise<string> {
  const folder = configFolder(change);
  await write(join(folder, 'model.safetensors'), tinyWeights());
  return folder;
}

const refusal = (opening: Promise<unknown>): Promise<string> =>
  opening.then(
    () => 'was opened',
    (error: Error) => error.message,
  );

interface Index {
  metadata?: unknown;
  weight_map: Record<string, string>;
}

/** Two shards and their index, which may then be changed. */
async function sharded(change: (index: Index) => void = () => {}, second: HostTensors = {}): Promise<string> {
  const folder = configFolder();
  const all = Object.entries(tinyWeights());
  const parts = [Object.fromEntries(all.slice(0, 9)), { ...Object.fromEntries(all.slice(9)), ...second }];
  const index: Index = { metadata: { total_size: 1 }, weight_map: {} };
  for (const [i, part] of parts.entries()) {
    await write(join(folder, SHARDS[i]!), part);
    for (const name of Object.keys(part)) if (!(name in index.weight_map)) index.weight_map[name] = SHARDS[i]!;
  }
  change(index);
  writeFileSync(join(folder, INDEX), JSON.stringify(index));
  return folder;
}

describe('an index of shards', () => {
  test('is read, whatever it says of the size of all', async () => {
    for (const total_size of [1, 0, 1e15, 26.5]) {
      const folder = await sharded((index) => {
        index.metadata = { total_size, format: 'pt' };
      });
      expect(await readTensors((await openModelFolder(folder)).weights)).toEqual(tinyWeights());
    }
  });

  test.for<readonly [string, (index: Index) => void, RegExp]>([
    [
      'a tensor in the other shard',
      (index) => (index.weight_map[NORM] = SHARDS[0]),
      /says that "model\.norm\.weight" is in model-00001-of-00002\.safetensors, which has it not \(it is in model-00002/,
    ],
    ['a tensor left out', (index) => delete index.weight_map[NORM], /does not list "model\.norm\.weight", which is in/],
    [
      'a size of text',
      (index) => (index.metadata = { total_size: '9' }),
      /"metadata\.total_size" must be a number of b/,
    ],
    [
      'a negative size',
      (index) => (index.metadata = { total_size: -9 }),
      /"metadata\.total_size" must be a number of by/,
    ],
    ['metadata that is none', (index) => (index.metadata = [1]), /"metadata" must be an object, got \[1\]/],
    [
      'no map',
      (index) => Reflect.deleteProperty(index, 'weight_map'),
      /"weight_map" must be an object of files by wei/,
    ],
    ['an empty map', (index) => (index.weight_map = {}), /"weight_map" must name a file for each weight/],
    [
      'a map of numbers',
      (index) => (index.weight_map[NORM] = 3 as never),
      /"weight_map\.model\.norm\.weight" must be text/,
    ],
    ['a name of nothing', (index) => (index.weight_map[NORM] = ''), /must be the name of a file, got ""/],
    ['a missing shard', (index) => (index.weight_map[NORM] = 'x.safetensors'), /names 1 of 3 files that are not there/],
    [
      'a folder above',
      (index) => (index.weight_map[NORM] = '../x.safetensors'),
      /must name files in its own folder, got/,
    ],
    [
      'above, hidden',
      (index) => (index.weight_map[NORM] = 'a/../../x'),
      /must name files in its own folder, got "a\/\.\./,
    ],
    ['above, with a backslash', (index) => (index.weight_map[NORM] = '..\\x'), /must name files in its own folder/],
    ['an absolute path', (index) => (index.weight_map[NORM] = '/etc/passwd'), /in its own folder, got "\/etc\/passwd"/],
    ['a drive', (index) => (index.weight_map[NORM] = 'C:\\x.safetensors'), /must name files in its own folder/],
    ['a folder for a shard', (index) => (index.weight_map[NORM] = '.'), /is a folder; put the file itself there/],
  ])('%s', async ([, change, message]) => {
    expect(await refusal(openModelFolder(await sharded(change)))).toMatch(message);
  });

  test('a tensor in both shards', async () => {
    const first = Object.fromEntries(Object.entries(tinyWeights()).slice(0, 1));
    expect(await refusal(openModelFolder(await sharded(() => {}, first)))).toMatch(
      /index\.json names two shards that hold "model\.embed_tokens\.weight", \S+ and \S+; take the index and all shards/,
    );
  });

  test('shards behind links into several folders, as caches have them', async () => {
    const folder = await sharded();
    for (const shard of SHARDS) {
      const blobs = newFolder();
      renameSync(join(folder, shard), join(blobs, 'blob'));
      symlinkSync(join(blobs, 'blob'), join(folder, shard));
    }
    expect(await readTensors((await openModelFolder(folder)).weights)).toEqual(tinyWeights());
  });
});

describe('config.json and its weights', () => {
  test.for<readonly [object, string]>([
    [{ num_hidden_layers: 1 }, '"num_hidden_layers" must be 2, as the weights have "model.layers.1.'],
    [{ num_hidden_layers: 1e9 }, '"num_hidden_layers" must be a whole number from 1 to 1000, got 1000000000'],
    [{ num_hidden_layers: 1000 }, 'has no weight "model.layers.2.'],
    [{ vocab_size: -11 }, '"vocab_size" must be a whole number from 1 to 16777216, got -11'],
    [{ vocab_size: 11.5 }, '"vocab_size" must be a whole number'],
    [{ hidden_size: 1e300 }, '"hidden_size" must be a whole number'],
    [{ intermediate_size: [10] }, '"intermediate_size" must be a whole number from 1 to 4194304, got [10]'],
    [{ num_attention_heads: true }, '"num_attention_heads" must be a whole number'],
    [
      { num_attention_heads: 5, num_key_value_heads: 5, head_dim: null },
      '"hidden_size" must be a multiple of num_attent',
    ],
    [{ num_key_value_heads: 0 }, '"num_key_value_heads" must be a whole number from 1'],
    [{ head_dim: -4 }, '"head_dim" must be a whole number'],
    [{ rms_norm_eps: 0 }, '"rms_norm_eps" must be a positive number, got 0'],
    [
      { max_position_embeddings: '16' },
      '"max_position_embeddings" must be a whole number from 1 to 2147483647, got "16"',
    ],
    [{ max_position_embeddings: 0 }, '"max_position_embeddings" must be a whole number'],
    [{ tie_word_embeddings: 1 }, '"tie_word_embeddings" must be true or false, got 1'],
    [{ use_cache: 'no' }, '"use_cache" must be true or false, got "no"'],
    [{ attention_dropout: 2 }, '"attention_dropout" must be a number from 0 to 1, got 2'],
    [{ eos_token_id: -1 }, '"eos_token_id" must be a whole number from 0 to 2147483647, got -1'],
    [{ eos_token_id: 0.5 }, '"eos_token_id" must be a whole number'],
    [{ eos_token_id: [1, -1] }, '"eos_token_id.1" must be a whole number'],
    [{ eos_token_id: [] }, '"eos_token_id" must be a token id or a list of them, got []'],
    [{ eos_token_id: '2' }, '"eos_token_id" must be a token id or a list of them, got "2"'],
    [{ eos_token_id: 11 }, '"eos_token_id" must be below vocab_size 11, got 11'],
    [{ bos_token_id: {} }, '"bos_token_id" must be a token id or a list of them, got {}'],
    [{ pad_token_id: -2 }, '"pad_token_id" must be a whole number from -1 to 2147483647, got -2'],
    [{ rope_theta: '1e4' }, '"rope_theta" must be a positive number, got "1e4"'],
    [{ rope_scaling: 'linear' }, '"rope_scaling" must be an object, got "linear"'],
    [
      { rope_scaling: { type: 'linear', factor: '2' } },
      '"rope_scaling.factor" must be a number of at least 1, got "2"',
    ],
    [
      { rope_scaling: { type: 'linear', factor: 0.5 } },
      '"rope_scaling.factor" must be a number of at least 1, got 0.5',
    ],
    [{ rope_scaling: { type: 5 } }, '"rope_scaling.type" must be text, got 5'],
    [{ rope_parameters: { rope_theta: -1 } }, '"rope_parameters.rope_theta" must be a positive number, got -1'],
  ])('%j', async ([change, message]) => {
    expect(await refusal(openModelFolder(await modelFolder(change)))).toContain(message);
  });

  test('ids as older savers wrote them, and sizes of long contexts, are let through', async () => {
    const config = { pad_token_id: -1, eos_token_id: [1, 2], bos_token_id: null, max_position_embeddings: 10_485_760 };
    const opened = await openModelFolder(await modelFolder(config));
    expect(opened.config).toEqual({ ...TINY, maxPositionEmbeddings: 10_485_760 });
  });

  test.for<readonly [string, string, RegExp]>([
    [
      'NaN',
      '{"model_type": "llama", "rms_norm_eps": NaN}',
      /"rms_norm_eps" is NaN, which JSON has not; write a number/,
    ],
    ['infinity', '{"rope_theta": -Infinity}', /"rope_theta" is -Infinity, which JSON has not/],
    ['a number too large', '{"rope_theta": 1e999}', /"rope_theta" must be a positive number, got Infinity/],
    ['100,000 levels', `{"a": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`, /nests more than 100 levels/],
    ['100,000 objects', `${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`, /nests more than 100 levels/],
  ])('%s', async ([, json, message]) => {
    const folder = await modelFolder();
    const rest = JSON.stringify(TINY_CONFIG)
      .slice(1)
      .replace(/"rope_theta":\d+,/, '');
    writeFileSync(join(folder, 'config.json'), json.replace(/\}$/, `, ${rest}`).replace(/^\{(?="a":\{)/, '{'));
    expect(await refusal(openModelFolder(folder))).toMatch(message);
  });
});

describe('what is no regular file', () => {
  const isWindows = process.platform === 'win32';
  const put: Readonly<Record<string, (path: string) => void>> = {
    FIFO: (path) => void execFileSync('mkfifo', [path]),
    device: (path) => symlinkSync('/dev/zero', path),
    folder: (path) => void mkdirSync(path),
  };

  test.skipIf(isWindows).for(['FIFO', 'device', 'folder'])('a %s in place of each file', async (kind) => {
    for (const name of ['config.json', 'model.safetensors']) {
      const folder = await modelFolder();
      rmSync(join(folder, name));
      put[kind]!(join(folder, name));
      expect(await refusal(openModelFolder(folder))).toMatch(
        new RegExp(`^\\w+: ${join(folder, name)} is a ${kind}; put the file itself there$`),
      );
    }
    for (const name of [INDEX, SHARDS[1]]) {
      const folder = await sharded();
      rmSync(join(folder, name));
      put[kind]!(join(folder, name));
      expect(await refusal(openModelFolder(folder))).toContain(`${name} is a ${kind}; put the file itself there`);
    }
  });

  test.skipIf(isWindows)('links that lead nowhere or in a circle', async () => {
    const folder = await modelFolder();
    rmSync(join(folder, 'model.safetensors'));
    symlinkSync('../blobs/gone', join(folder, 'model.safetensors'));
    expect(await refusal(openModelFolder(folder))).toMatch(/model\.safetensors is a link to a file that is not there/);
    rmSync(join(folder, 'config.json'));
    symlinkSync('config.json', join(folder, 'config.json'));
    expect(await refusal(openModelFolder(folder))).toMatch(
      /cannot read \S+config\.json \(ELOOP\); check its permissions/,
    );
  });

  test('a file of 10 GB that claims a header of as much', async () => {
    const folder = configFolder();
    const file = join(folder, 'model.safetensors');
    const first = Buffer.alloc(9);
    first.writeBigUInt64LE(10_000_000_000n);
    first.write('{', 8);
    writeFileSync(file, first);
    truncateSync(file, 10_000_000_009);
    expect(await refusal(openModelFolder(folder))).toMatch(
      /claims a header of 10000000000 bytes, more than the format's/,
    );
    rmSync(file);
  });

  test('a config.json of 1 GB', async () => {
    const folder = await modelFolder();
    truncateSync(join(folder, 'config.json'), 2 ** 30);
    expect(await refusal(openModelFolder(folder))).toMatch(
      /config\.json has 1073741824 bytes, more than the 268435456/,
    );
  });
});

describe('weights that are not finite', () => {
  const UP = 'model.layers.1.mlp.up_proj.weight';

  /** The tiny model in a type, one number of UP replaced by these bits; the last number of the embedding is near the largest. */
  async function broken(format: 'F32' | 'F16' | 'BF16', bits: number): Promise<string> {
    const folder = await modelFolder();
    const file = join(folder, 'model.safetensors');
    const whole = readFileSync(file);
    const length = Number(whole.readBigUInt64LE());
    const header = JSON.parse(whole.subarray(8, 8 + length).toString());
    const wide = format === 'F32';
    const pieces: Buffer[] = [];
    let at = 0;
    for (const [name, entry] of Object.entries<{ dtype: string; shape: number[]; data_offsets: number[] }>(header)) {
      if (name === '__metadata__') continue;
      const count = entry.shape.reduce((a, b) => a * b, 1);
      const data = Buffer.alloc(count * (wide ? 4 : 2));
      if (wide) data.fill(0x3f);
      else data.fill(0x2f);
      const last = data.length - (wide ? 4 : 2);
      if (name === UP) wide ? data.writeUInt32LE(bits, last) : data.writeUInt16LE(bits, last);
      pieces.push(data);
      header[name] = { dtype: format, shape: entry.shape, data_offsets: [at, at + data.length] };
      at += data.length;
    }
    const json = Buffer.from(JSON.stringify(header));
    const first = Buffer.alloc(8);
    first.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(file, Buffer.concat([first, json, ...pieces]));
    return folder;
  }

  test.for<readonly ['F32' | 'F16' | 'BF16', number, boolean]>([
    ['F32', 0x7fc00000, false],
    ['F32', 0xff800000, false],
    ['F32', 0x7f7fffff, true],
    ['F16', 0x7e01, false],
    ['F16', 0x7c00, false],
    ['F16', 0xfbff, true],
    ['BF16', 0xffc0, false],
    ['BF16', 0x7f80, false],
    ['BF16', 0x7f7f, true],
  ])('%s %i', async ([format, bits, isWhole]) => {
    const folder = await broken(format, bits);
    const base = await openModelFolder(folder);
    if (isWhole) expect(await hashWeights(base)).toMatch(/^[0-9a-f]{64}$/);
    else {
      const file = join(folder, 'model.safetensors');
      await expect(hashWeights(base)).rejects.toThrow(`model: ${file}: "${UP}" holds NaN or an infinity; download`);
    }
  });

  test('generation stops at the first such scores, and names the weight', async () => {
    const device = await openDevice('cpu', 1);
    const base = await openModelFolder(await broken('BF16', 0x7fc0));
    const generator = await createGenerator(tunedModel(base, 'base'), await createState(device, {}), device, []);
    await expect(generator.generate([1, 2], 3)).rejects.toThrow(
      `generate: the scores of the next token are not finite: ${join(base.folder, 'model.safetensors')}: "${UP}" holds NaN`,
    );
    await generator.dispose();
  });
});

describe('adapter_config.json', () => {
  const config = { ...PAPER_LORA.lora, rank: 2, alpha: 4 };
  test('a tensor with NaN', async () => {
    const base = await openModelFolder(await modelFolder());
    const folder = newFolder();
    const adapter = await readSources(tunedModel(base, 'lora', config).initial(createRandom(1, 'adapter')));
    const name = Object.keys(adapter)[3]!;
    adapter[name]!.data[1] = Number.NaN;
    await saveAdapterFolder(folder, config, 'base', adapter, { title: 'A test', details: 'Nothing.' });
    expect(await refusal(openAdapterFolder(folder, base))).toContain(
      `lora: ${join(folder, 'adapter_model.safetensors')}: "base_model.model.${name}" holds NaN or an infinity; download`,
    );
  });

  test.for<readonly [object, string]>([
    [{ r: 0.5 }, '"r" must be a whole number from 1 to 65536, got 0.5'],
    [{ r: -2 }, '"r" must be a whole number'],
    [{ lora_alpha: 0 }, '"lora_alpha" must be a positive number, got 0'],
    [{ lora_alpha: '16' }, '"lora_alpha" must be a positive number, got "16"'],
    [{ lora_dropout: '0.1' }, '"lora_dropout" must be a number from 0 to 1, got "0.1"'],
    [{ lora_dropout: 1.5 }, '"lora_dropout" must be a number from 0 to 1'],
    [{ use_rslora: 1 }, '"use_rslora" must be true or false, got 1'],
    [{ use_rslora: 'false' }, '"use_rslora" must be true or false, got "false"'],
    [{ fan_in_fan_out: 'no' }, '"fan_in_fan_out" must be true or false, got "no"'],
    [{ inference_mode: 0 }, '"inference_mode" must be true or false, got 0'],
    [{ rank_pattern: { q_proj: 1.5 } }, '"rank_pattern.q_proj" must be a whole number from 1 to 65536, got 1.5'],
    [{ alpha_pattern: { q_proj: -1 } }, '"alpha_pattern.q_proj" must be a positive number, got -1'],
    [{ alpha_pattern: [1] }, '"alpha_pattern" must be an object of positive numbers by layer, got [1]'],
    [{ layers_to_transform: [-1] }, '"layers_to_transform" must be indices of layers, 0 to 1, got [-1]'],
    [{ layers_to_transform: 2 }, '"layers_to_transform" must be indices of layers, 0 to 1, got 2'],
    [{ base_model_name_or_path: 5 }, '"base_model_name_or_path" must be text, got 5'],
  ])('%j', async ([change, message]) => {
    const base = await openModelFolder(await modelFolder());
    const folder = newFolder();
    const adapter = await readSources(tunedModel(base, 'lora', config).initial(createRandom(1, 'adapter')));
    await saveAdapterFolder(folder, config, 'base', adapter, { title: 'A test', details: 'Nothing.' });
    const file = join(folder, 'adapter_config.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
    const message2 = await refusal(openAdapterFolder(folder, base));
    expect(message2).toContain(`lora: ${file}: ${message}`);
    expect(message2).toMatch(/; (correct it as the adapter was trained|load the adapter on its base with peft.*)$/);
  });
});
