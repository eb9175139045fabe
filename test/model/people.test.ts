import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { readTokenizerFiles } from '../../lib/data/tokenizer-files';
import { float32, type HostTensors } from '../../lib/engine/tensors';
import { openAdapterFolder, saveAdapterFolder } from '../../lib/model/adapter-folder';
import { type ModelFolder, openModelFolder } from '../../lib/model/folder';
import { readTensors } from '../../lib/model/safetensors';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { newFolders, write } from './new-folders';
import { normal, TINY, TINY_CONFIG, tinyWeights } from './tiny-llama';

/** Folders of models and adapters in the forms that other programs leave, made here. */

const { work, newFolder } = newFolders('people-');

const HEAD = 'lm_head.weight';
const EMBEDDING = 'model.embed_tokens.weight';
const TIED = { tie_word_embeddings: true };
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1\n`;
const renamed = (tensors: HostTensors, rename: (name: string) => string): HostTensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));

/** A folder of config.json alone. */
function configFolder(config: object = {}): string {
  const folder = newFolder();
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...TINY_CONFIG, ...config }));
  return folder;
}

async function modelFolder(config: object = {}, tensors: HostTensors = tinyWeights()): Promise<string> {
  const folder = configFolder(config);
  await write(join(folder, 'model.safetensors'), tensors);
  return folder;
}

const refusal = (opening: Promise<unknown>): Promise<string> =>
  opening.then(
    () => 'was opened',
    (error: Error) => error.message,
  );

/** A safetensors file with one tensor more, of zeros in another type of the format. */
function addTensor(file: string, name: string, dtype: string, shape: readonly number[], bytes: number): void {
  const whole = readFileSync(file);
  const length = Number(whole.readBigUInt64LE());
  const header = JSON.parse(whole.subarray(8, 8 + length).toString());
  delete header[name];
  const body = whole.subarray(8 + length);
  header[name] = { dtype, shape, data_offsets: [body.length, body.length + bytes] };
  const json = Buffer.from(JSON.stringify(header));
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([first, json, body, Buffer.alloc(bytes)]));
}

describe('names of weights', () => {
  test.each<readonly [string, (name: string) => string]>([
    ['torch.compile', (name) => `_orig_mod.${name}`],
    ['torch.compile of the inner model', (name) => name.replace(/^model\./, 'model._orig_mod.')],
    ['DataParallel of a compiled model', (name) => `module._orig_mod.${name}`],
    ['FSDP', (name) => name.replace(/layers\.\d+\./, (layer) => `${layer}_fsdp_wrapped_module.`)],
    ['Lightning', (name) => `model.${name}`],
    ['PEFT, merged', (name) => `base_model.model.${name}`],
    ['a bare LlamaModel', (name) => name.replace(/^model\./, '')],
  ])('of %s', async (_, rename) => {
    const opened = await openModelFolder(await modelFolder({}, renamed(tinyWeights(), rename)));
    expect(await readTensors(opened.weights)).toEqual(tinyWeights());
  });

  test('in shards, with a prefix', async () => {
    const folder = configFolder();
    const names = Object.keys(tinyWeights());
    const map: Record<string, string> = {};
    for (const i of [0, 1]) {
      const part = Object.fromEntries(
        names.filter((_, at) => at % 2 === i).map((name) => [`module.${name}`, tinyWeights()[name]!]),
      );
      const shard = `model-0000${i + 1}-of-00002.safetensors`;
      for (const name of Object.keys(part)) map[name] = shard;
      await write(join(folder, shard), part);
    }
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    expect(await readTensors((await openModelFolder(folder)).weights)).toEqual(tinyWeights());
    rmSync(join(folder, 'model-00002-of-00002.safetensors'));
    expect(await refusal(openModelFolder(folder))).toContain(
      'names 1 of 2 files that are not there (model-00002-of-00002.safetensors); fetch these shards too',
    );
    rmSync(join(folder, 'model.safetensors.index.json'));
    rmSync(join(folder, 'model-00001-of-00002.safetensors'));
    await write(join(folder, 'model-00001-of-00002.safetensors'), {});
    expect(await refusal(openModelFolder(folder))).toContain(
      'without model.safetensors.index.json; fetch that file too',
    );
  });

  test('one weight twice', async () => {
    const weights = { ...tinyWeights(), 'module.model.norm.weight': float32([TINY.hiddenSize]) };
    expect(await refusal(openModelFolder(await modelFolder({}, weights)))).toContain(
      'has "model.norm.weight" twice, as "model.norm.weight" and as "module.model.norm.weight"; keep one',
    );
  });

  test('an adapter that was not merged; quantised parts', async () => {
    const unmerged = renamed(tinyWeights(), (name) => name.replace('q_proj.weight', 'q_proj.base_layer.weight'));
    expect(await refusal(openModelFolder(await modelFolder({}, unmerged)))).toContain(
      'call merge_and_unload() in peft',
    );
    const quantised = renamed(tinyWeights(), (name) => name.replace('q_proj.weight', 'q_proj.qweight'));
    expect(await refusal(openModelFolder(await modelFolder({}, quantised)))).toMatch(
      /has model\.layers\.0\.self_attn\.q_proj\.qweight, \S+: quantised weights, which are not read; use the unquantised/,
    );
    // Beside a weight of the right shape, or of another: its numbers alone are not the layer's, in neither case.
    const [q, scale] = ['model.layers.0.self_attn.q_proj', float32([1])];
    for (const part of ['weight_scale', 'weight_scale_inv', 'SCB', 'weight.absmax', 'weight_packed', 'scales']) {
      const beside = { ...tinyWeights(), [`${q}.${part}`]: scale };
      for (const weights of [beside, { ...beside, [`${q}.weight`]: float32([64, 1]) }]) {
        const said = await refusal(openModelFolder(await modelFolder({}, weights)));
        expect(said).toContain(`has ${q}.${part}: quantised weights, which are not read`);
      }
    }
    const beside = { ...tinyWeights(), [`${q}.lora_A.default.weight`]: float32([2, 12]) };
    expect(await refusal(openModelFolder(await modelFolder({}, beside)))).toMatch(/not merged: call merge_and_unload/);
    const another = renamed(tinyWeights(), (name) => name.replace('q_proj.weight', 'q_proj.weight_v'));
    expect(await refusal(openModelFolder(await modelFolder({}, another)))).toContain(
      `it has ${q}.weight_v in its place, a form that is not read`,
    );
  });
});

describe('the output matrix', () => {
  test('of its own beside a tie is used; the same one is not held twice', async () => {
    const own = await openModelFolder(await modelFolder(TIED));
    expect(own.config.tieWordEmbeddings).toBe(false);
    expect(own.rawConfig.tie_word_embeddings).toBe(false);
    expect((await readTensors(own.weights))[HEAD]).toEqual(tinyWeights()[HEAD]);
    const same = await openModelFolder(
      await modelFolder(TIED, { ...tinyWeights(), [HEAD]: tinyWeights()[EMBEDDING]! }),
    );
    expect(same.config.tieWordEmbeddings).toBe(true);
    expect(HEAD in same.weights).toBe(false);
  });

  test('alone beside a tie is the embedding too; an index may list it where no shard has it', async () => {
    const { [HEAD]: _, ...weights } = tinyWeights();
    const embedding = weights[EMBEDDING]!;
    const headAlone = renamed(weights, (name) => (name === EMBEDDING ? HEAD : name));
    const opened = await openModelFolder(await modelFolder(TIED, headAlone));
    expect(opened.config.tieWordEmbeddings).toBe(true);
    expect((await readTensors(opened.weights))[EMBEDDING]).toEqual(embedding);
    const shard = 'model-00001-of-00001.safetensors';
    const map = Object.fromEntries([...Object.keys(weights), HEAD].map((name) => [name, shard]));
    for (const config of [TIED, {}]) {
      const folder = configFolder(config);
      await write(join(folder, shard), weights);
      writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
      const given = await openModelFolder(folder).then(
        (one) => readTensors(one.weights),
        (error: Error) => error.message,
      );
      if (config === TIED) expect(given).toEqual(weights);
      else expect(given).toContain(`says that "${HEAD}" is in ${shard}, which has it not`);
    }
  });
});

describe('types of tensors', () => {
  test.each([
    ['I64', 8],
    ['BOOL', 1],
    ['U8', 1],
    ['F8_E4M3', 1],
    ['F64', 8],
  ] as const)('%s', async (dtype, width) => {
    const folder = await modelFolder();
    const file = join(folder, 'model.safetensors');
    addTensor(file, 'model.layers.0.self_attn.cache', dtype, [4], 4 * width);
    expect(await readTensors((await openModelFolder(folder)).weights)).toEqual(tinyWeights());
    const { [HEAD]: _, ...rest } = tinyWeights();
    await write(file, rest);
    const shape = [TINY.vocabSize, TINY.hiddenSize];
    addTensor(file, HEAD, dtype, shape, shape[0]! * shape[1]! * width);
    expect(await refusal(openModelFolder(folder))).toContain(
      `"${HEAD}" is of ${dtype}; a weight must be F32, F16 or BF16`,
    );
  });
});

describe('what lies there in place of a model', () => {
  const holding = (names: readonly string[], config = true): string => {
    const folder = config ? configFolder() : newFolder();
    for (const name of names) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), 'PK\u0003\u0004');
    }
    return folder;
  };
  const opened = (names: readonly string[], config = true) => refusal(openModelFolder(holding(names, config)));

  test.each<readonly [string, readonly string[], boolean, RegExp]>([
    [
      'pickled weights',
      ['pytorch_model.bin'],
      true,
      /in pytorch_model\.bin, a pickle.*\n {2}python -c "from transformers/,
    ],
    [
      'a training state beside',
      ['training_args.bin'],
      true,
      /it holds config\.json, training_args\.bin; put the model/,
    ],
    ['GGUF', ['model-q4.gguf'], true, /in model-q4\.gguf, which is not read/],
    ['Meta’s own', ['consolidated.00.pth', 'params.json'], false, /layout of Meta's own programs/],
    ['an adapter', ['adapter_config.json'], false, /the folder of an adapter: give it with --adapter/],
    ['an adapter’s weights', ['adapter_model.safetensors'], true, /those of an adapter/],
    [
      'another name',
      ['weights.safetensors'],
      true,
      /there is weights\.safetensors; if it holds all weights, name it model/,
    ],
    [
      'a checkpoint below',
      ['checkpoint-5/config.json'],
      false,
      /a folder below has a config\.json: give \S+checkpoint-5/,
    ],
    [
      'the cache',
      ['hub/models--a--b/snapshots/c/config.json'],
      false,
      /the Hub's cache; .*models--a--b\/snapshots\/c$/,
    ],
    ['a model of the cache', ['snapshots/c/config.json', 'refs/main'], false, /the Hub's cache; .*snapshots\/c$/],
    ['a pickle named so', ['model.safetensors'], true, /model\.safetensors is a pickle of PyTorch, whatever its name/],
  ])('%s', async (_, names, config, message) => {
    expect(await opened(names, config)).toMatch(message);
  });

  test('pointers of git-annex, and of the first Git LFS', async () => {
    for (const [pointer, what] of [
      ['/annex/objects/SHA256E-s9--0.safetensors\n', 'git-annex pointer'],
      ['../.git/annex/objects/Xk/3z/SHA256E-s9--0', 'git-annex pointer'],
      [POINTER.replace('git-lfs.', 'hawser.'), 'Git LFS pointer'],
    ]) {
      const folder = configFolder();
      writeFileSync(join(folder, 'model.safetensors'), pointer!);
      expect(await refusal(openModelFolder(folder))).toContain(`model.safetensors is a ${what}, not the file`);
    }
  });

  test('pointers of Git LFS, web pages', async () => {
    for (const name of ['config.json', 'model.safetensors', 'model.safetensors.index.json']) {
      const folder = configFolder();
      writeFileSync(join(folder, name), POINTER);
      expect(await refusal(openModelFolder(folder))).toContain(`${name} is a Git LFS pointer, not the file`);
    }
    const folder = configFolder();
    writeFileSync(join(folder, 'model.safetensors'), '<!DOCTYPE html><html></html>');
    expect(await refusal(openModelFolder(folder))).toContain('model.safetensors is a web page (HTML), not the file');
  });

  test('a tokenizer of another form', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'tokenizer.model'), 'x');
    expect(await refusal(readTokenizerFiles(folder))).toMatch(
      /is in tokenizer\.model, which is not read; convert it with/,
    );
    writeFileSync(join(folder, 'tokenizer.model'), 'IQ== 0\nIg== 1\n');
    expect(await refusal(readTokenizerFiles(folder))).toMatch(
      /in tiktoken's form \(Llama 3\), .*; take tokenizer\.json/,
    );
    writeFileSync(join(folder, 'tokenizer.model'), POINTER);
    expect(await refusal(readTokenizerFiles(folder))).toContain('tokenizer.model is a Git LFS pointer');
    writeFileSync(join(folder, 'tokenizer.json'), POINTER);
    expect(await refusal(readTokenizerFiles(folder))).toContain('tokenizer.json is a Git LFS pointer');
  });
});

describe('adapters', () => {
  const LORA = { ...PAPER_LORA.lora, rank: 2, alpha: 4, targetModules: ['q_proj', 'v_proj'] };
  let base: ModelFolder;
  let tied: ModelFolder;
  let adapter: HostTensors;
  beforeAll(async () => {
    base = await openModelFolder(await modelFolder());
    const { [HEAD]: _, ...weights } = tinyWeights();
    tied = await openModelFolder(await modelFolder(TIED, weights));
    const random = createRandom(3, 'adapter');
    const shapes = tunedModel(base, 'lora', LORA).trainedShapes;
    adapter = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, normal(shape, random, 0.3)]));
  });

  /** A folder with further tensors, other keys, other fields. */
  async function folderOf(fields: object = {}, more: HostTensors = {}, rename = (key: string) => key): Promise<string> {
    const folder = newFolder();
    await saveAdapterFolder(folder, LORA, 'base', adapter, { title: '', details: '' });
    const file = join(folder, 'adapter_config.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...fields }));
    const tensors = renamed({ ...renamed(adapter, (name) => `base_model.model.${name}`), ...more }, rename);
    await write(join(folder, 'adapter_model.safetensors'), tensors);
    return folder;
  }

  test.each<readonly [string, (key: string) => string]>([
    ['the adapter’s name', (key) => key.replace('.weight', '.default.weight')],
    ['another name', (key) => key.replace('.weight', '.my-run.weight')],
    ['no prefix', (key) => key.replace('base_model.model.', '')],
    ['the prefix twice', (key) => `base_model.model.${key}`],
    ['a compiled model', (key) => key.replace('base_model.model.', 'base_model.model._orig_mod.')],
    ['DataParallel', (key) => `module.${key}`],
    ['a bare LlamaModel', (key) => key.replace('base_model.model.model.', 'base_model.model.')],
  ])('keys with %s', async (_, rename) => {
    expect((await openAdapterFolder(await folderOf({}, {}, rename), base)).adapter).toEqual(adapter);
  });

  test('a bias that is zero changes nothing; another is refused', async () => {
    const key = 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias';
    const bias = (value: number) => ({ [key]: float32([12], new Float32Array(12).fill(value)) });
    const zero = await folderOf({ lora_bias: true }, bias(0));
    expect((await openAdapterFolder(zero, base)).adapter).toEqual(adapter);
    const other = await refusal(openAdapterFolder(await folderOf({ lora_bias: true }, bias(0.1)), base));
    expect(other).toContain(`has "${key}": "lora_bias" that is not zero, which is not built`);
  });

  test('the base’s own embedding, saved along, is passed over; one of another size is named', async () => {
    const key = 'base_model.model.model.embed_tokens.weight';
    for (const one of [base, tied]) {
      const opened = await openAdapterFolder(await folderOf({}, { [key]: tinyWeights()[EMBEDDING]! }), one);
      expect(opened).toEqual({ base: one, config: LORA, adapter, baseModel: 'base' });
    }
    const resized = await folderOf({}, { [key]: float32([TINY.vocabSize + 1, TINY.hiddenSize]) });
    expect(await refusal(openAdapterFolder(resized, base))).toMatch(
      /is \[12,12\], the base's is \[11,12\]; in peft, call/,
    );
  });

  test('a head of its own on a tied base', async () => {
    const head = tinyWeights()[HEAD]!;
    const folder = await folderOf({ modules_to_save: ['lm_head'] }, { 'base_model.model.lm_head.weight': head });
    const opened = await openAdapterFolder(folder, tied);
    expect(opened.config.modulesToSave).toEqual(['lm_head']);
    expect(opened.base.config.tieWordEmbeddings).toBe(false);
    expect(opened.adapter[HEAD]).toEqual(head);
    expect(Object.keys(tunedModel(opened.base, 'lora', opened.config).frozen)).not.toContain(HEAD);
    expect(await refusal(openAdapterFolder(await folderOf({ modules_to_save: ['lm_head'] }), tied))).toContain(
      'has no "lm_head.weight", which "modules_to_save" of its adapter_config.json names',
    );
  });

  test('what is left of the modules that PEFT wraps is passed over; a changed base is not', async () => {
    const q = 'model.layers.0.self_attn.q_proj';
    const rest = {
      'base_model.model.model.norm.original_module.weight': float32([TINY.hiddenSize]),
      [`base_model.model.${q}.base_layer.weight`]: tinyWeights()[`${q}.weight`]!,
    };
    expect((await openAdapterFolder(await folderOf({}, rest), base)).adapter).toEqual(adapter);
    const shape = tinyWeights()[`${q}.weight`]!.shape;
    const changed = { [`base_model.model.${q}.base_layer.weight`]: float32(shape) };
    expect(await refusal(openAdapterFolder(await folderOf({}, changed), base))).toContain(
      `has "base_model.model.${q}.base_layer.weight" beside LoRA of the same layer, which is not built`,
    );
  });

  test.each<readonly [string, (key: string) => string, RegExp]>([
    [
      'a larger model',
      (key) => key.replace('.layers', '.language_model.layers'),
      /begins with "base_model\.model\.model\.language_model\.", where this base model's layers begin with "model\."; name it "base_model\.model\.model\.layers\.0/,
    ],
    ['a wrapper', (key) => `policy.${key}`, /begins with "policy\.base_model\.model\.model\.", where this base/],
    [
      'MLX-LM',
      (key) => key.replace('lora_A.weight', 'lora_a').replace('lora_B.weight', 'lora_b'),
      /a tensor of MLX-LM.*mlx_lm\.fuse/,
    ],
    [
      'kohya',
      (key) => key.replace('lora_A', 'lora_down').replace('lora_B', 'lora_up'),
      /lora_down is A, lora_up is B\): rename/,
    ],
    [
      'no end',
      (key) => key.replace('.weight', ''),
      /PEFT gives the names NAME\.lora_A\.weight and NAME\.lora_B\.weight; rename/,
    ],
  ])('keys of %s name their form, not PEFT’s loading, which leaves them out', async (_, rename, message) => {
    const said = await refusal(openAdapterFolder(await folderOf({}, {}, rename), base));
    expect(said).toMatch(message);
    expect(said).not.toMatch(/merge_and_unload|has not/);
  });

  test('a tensor whose numbers were kept in parts', async () => {
    const name = 'model.layers.0.self_attn.q_proj.lora_A.weight';
    const folder = await folderOf({}, { [`base_model.model.${name}`]: float32([0]) });
    expect(await refusal(openAdapterFolder(folder, base))).toMatch(/got \[0\]; it is empty, as where DeepSpeed ZeRO-3/);
    const weights = { ...tinyWeights(), 'model.norm.weight': float32([0]) };
    expect(await refusal(openModelFolder(await modelFolder({}, weights)))).toMatch(
      /calls for \[12\]; it is empty, as where/,
    );
    const flat = { 'model._fsdp_wrapped_module._flat_param': float32([9]) };
    expect(await refusal(openModelFolder(await modelFolder({}, flat)))).toContain('accelerate merge-weights');
  });

  test('starts that leave the base alone; rank and alpha that are not there', async () => {
    for (const init_lora_weights of ['eva', 'mica', 'Gaussian', 'orthogonal', false, null]) {
      const opened = await openAdapterFolder(await folderOf({ init_lora_weights }), base);
      expect(opened.config).toEqual(LORA);
    }
    const absent = await refusal(openAdapterFolder(await folderOf({ r: undefined, lora_alpha: undefined }), base));
    expect(absent).toMatch(/must be \[8,12\] for this base model, got \[2,12\]; adapter_config\.json gives rank 8/);
  });

  test.each<readonly [string, object, RegExp]>([
    ['of MLX-LM', { peft_type: undefined, fine_tune_type: 'lora' }, /"fine_tune_type" must be absent.*mlx_lm\.fuse/],
    [
      'of prompts',
      { peft_type: 'PROMPT_TUNING' },
      /got "PROMPT_TUNING"; this is not built: it cannot be merged either/,
    ],
    ['that acts late', { alora_invocation_tokens: [1] }, /cannot be merged either: use a LoRA adapter/],
    ['from covariances', { init_lora_weights: 'corda' }, /path_initial_model_for_weight_conversion/],
    ['from gradients', { init_lora_weights: 'lora_ga' }, /path_initial_model_for_weight_conversion/],
  ])('an adapter %s: the remedy is one that helps', async (_, fields, message) => {
    const said = await refusal(openAdapterFolder(await folderOf(fields), base));
    expect(said).toMatch(message);
    expect(said).not.toContain('merge_and_unload');
  });

  test('an embedding that is trained whole and saved along: the same tensor under both of its names', async () => {
    const key = 'base_model.model.lm_head';
    const head = normal([TINY.vocabSize, TINY.hiddenSize], createRandom(4, 'head'), 0.3);
    const names = [`${key}.weight`, `${key}.modules_to_save.weight`, `${key}.original_module.weight`];
    const saved = { [names[0]!]: head, [names[1]!]: head, [names[2]!]: tinyWeights()[HEAD]! };
    for (const one of [base, tied]) {
      const opened = await openAdapterFolder(await folderOf({ modules_to_save: ['lm_head'] }, saved), one);
      expect(opened.adapter[HEAD]).toEqual(head);
    }
    const apart = await folderOf({ modules_to_save: ['lm_head'] }, { ...saved, [names[0]!]: tinyWeights()[HEAD]! });
    expect(await refusal(openAdapterFolder(apart, base))).toMatch(/the same as "\S+", with other numbers; keep one/);
  });

  test('fields that trainers add change nothing', async () => {
    const fields = { lora_dtype: 'fp32', lorap_emb_lr: 1e-6, loraplus_lr_ratio: 16, unsloth_version: '2025.1' };
    expect((await openAdapterFolder(await folderOf(fields), base)).config).toEqual(LORA);
  });

  test('a tie that PEFT was told to keep', async () => {
    const [one, other] = [tinyWeights()[HEAD]!, tinyWeights()[EMBEDDING]!];
    const keys = { 'base_model.model.lm_head.weight': one, 'base_model.model.model.embed_tokens.weight': one };
    const fields = { modules_to_save: ['embed_tokens'], ensure_weight_tying: true };
    const opened = await openAdapterFolder(await folderOf(fields, keys), tied);
    expect([opened.adapter[EMBEDDING], opened.adapter[HEAD]]).toEqual([one, one]);
    const apart = await folderOf(
      { ...fields, modules_to_save: ['embed_tokens', 'lm_head'] },
      { ...keys, 'base_model.model.lm_head.weight': other },
    );
    expect(await refusal(openAdapterFolder(apart, tied))).toContain('two different matrices for the base');
  });

  test('two adapters in one file; DoRA’s tensors; trained tokens', async () => {
    const two = renamed(adapter, (name) => `base_model.model.${name.replace('.weight', '.other.weight')}`);
    const first = Object.keys(two)[0]!;
    const name = first.replace('.other', '').replace('base_model.model.', '');
    expect(
      await refusal(openAdapterFolder(await folderOf({}, { [first]: float32(two[first]!.shape) }), base)).then(
        (m) => m,
      ),
    ).toContain(`the same as "base_model.model.${name}", with other numbers; keep one of them`);
    const magnitude = { 'base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector': float32([12]) };
    expect(await refusal(openAdapterFolder(await folderOf({}, magnitude), base))).toContain(
      'DoRA ("use_dora") is not built',
    );
  });

  test('weights missing, of another form, or a pointer', async () => {
    const folder = await folderOf();
    const file = join(folder, 'adapter_model.safetensors');
    renameSync(file, join(folder, 'adapter_model.bin'));
    expect(await refusal(openAdapterFolder(folder, base))).toMatch(
      /in adapter_model\.bin, a pickle.*convert it with\n/,
    );
    writeFileSync(file, POINTER);
    expect(await refusal(openAdapterFolder(folder, base))).toContain('adapter_model.safetensors is a Git LFS pointer');
    writeFileSync(join(folder, 'adapter_config.json'), POINTER);
    expect(await refusal(openAdapterFolder(folder, base))).toContain('adapter_config.json is a Git LFS pointer');
    expect(await refusal(openAdapterFolder(base.folder, base))).toContain(
      'the folder of a whole model: give it with --mod',
    );
    expect(await refusal(openAdapterFolder(work, base))).toMatch(
      /a folder below has an adapter_config\.json: give \S+/,
    );
  });
});
