import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { scoreFolder } from '../../lib/run/score-folder';

/**
 * Folders of models and adapters as people have them, made by the generators in ../shared/cases. Values: transformers
 * 5.23.0, peft 0.21.2 and torch 2.13.0 in float32, from the table there; log-likelihoods of item q2, to 0.005.
 */
const CASES = resolve(__dirname, '..', '..', '..', 'shared', 'cases');
const BASE = resolve(CASES, '..', 'models', 'stories260K');
const ready = existsSync(join(CASES, '00-plain', 'make.mjs')) && existsSync(BASE);
if (!ready) console.warn('cases of models and adapters skipped: ../shared/cases is not there');

const PLAIN = [-3.682, -2.428, -3.708, -3.222];
const ADAPTED = [-3.295, -4.431, -4.726, -4.465];
const LINEAR = [-3.995, -3.084, -3.342, -3.09];
const YARN = [-3.99, -2.276, -4.037, -3.674];

/** Log-likelihoods of q2, or what the refusal must say. */
type Outcome = readonly number[] | RegExp;
type Rows = Readonly<Record<string, Outcome>>;

const MODELS: Readonly<Record<string, Rows>> = {
  '00-plain': { model: PLAIN },
  '02-stale-index': { 'index-left-shards-gone': [-2.868, -2.244, -3.52, -2.673] },
  '03-lfs-pointer': {
    weights: /model\.safetensors is a Git LFS pointer.*git lfs pull/,
    tokenizer: /tokenizer\.json is a Git LFS pointer.*git lfs pull/,
  },
  '04-key-prefixes': { compiled: PLAIN, 'data-parallel': PLAIN, bare: PLAIN },
  '08-bin-only': {
    model: /in pytorch_model\.bin, a pickle.*convert.*save_pretrained/s,
    'model-shards': /in pytorch_model-00001-of-00001\.bin, a pickle.*convert.*save_pretrained/s,
    consolidated: /in consolidated\.00\.pth, the layout of Meta.*convert_llama_weights_to_hf/s,
    'tokenizer-model-only': /the tokenizer is in tokenizer\.model.*convert.*save_pretrained/s,
  },
  '09-extra-dtype': { i64: PLAIN },
  '10-quantised': { gptq: /"quantization_config"/, bnb4: /"quantization_config"/, fp8: /"quantization_config"/ },
  '11-pad-token': { model: PLAIN },
  '23-odd-configs': {
    'null-fields': PLAIN,
    'linear-factor-one': PLAIN,
    'llama3-rope': [-3.998, -3.321, -4.038, -3.355],
    mistral: /"model_type" must be "llama"/,
    'no-model-type': /"model_type" must be "llama"/,
    'untied-without-head': /"tie_word_embeddings" is false: write true there if/,
    'tie-missing': /"tie_word_embeddings" is not given, which is false for a Llama/,
    'tied-with-other-head': [-23.789, -10.643, -19.985, -25.778],
    'sliding-window': /"sliding_window" must be null, or no less than max_position_embeddings/,
    'attention-multiplier': /"attention_multiplier" must be absent/,
    softcap: /"final_logit_softcapping" must be absent/,
    'partial-rotary': /"partial_rotary_factor" must be 1/,
    'sequence-classification': PLAIN,
    'long-context': PLAIN,
    'config-bom': PLAIN,
    'tokenizer-crlf-config': PLAIN,
    'eos-mismatch': PLAIN,
    'weights-other-name':
      /there is model-00001-of-00001\.safetensors; if it holds all weights, name it model\.safetensors/,
    'sub-folder-of-index': PLAIN,
    'hub-cache': /the Hub's cache; give the folder of a model in it: \S+models--org--tiny\/snapshots\/abc123/,
  },
};

const ADAPTERS: Readonly<Record<string, Rows>> = {
  '00-plain': { adapter: ADAPTED },
  '01-pissa': { pissa: /"init_lora_weights".*merge_and_unload/ },
  '03-lfs-pointer': { adapter: /adapter_model\.safetensors is a Git LFS pointer.*git lfs pull/ },
  '04-key-prefixes': { 'adapter-compiled': ADAPTED },
  '05-embeddings-in-adapter': { 'same-size': ADAPTED },
  '06-layers-to-transform': { 'last-two': [-3.818, -2.176, -4.577, -3.085], one: [-3.405, -2.645, -3.451, -2.866] },
  '07-adapter-name-in-keys': { default: ADAPTED, 'no-base-model': ADAPTED, twice: ADAPTED },
  '08-bin-only': { adapter: /in adapter_model\.bin, a pickle.*convert.*save_file/s },
  '12-target-modules': {
    regex: ADAPTED,
    'full-names': ADAPTED,
    suffixes: ADAPTED,
    'modules-to-save-empty': ADAPTED,
    'with-lm-head': /"target_modules" must be without lm_head \(LoRA on it is not built\).*merge_and_unload/,
    'with-embedding': /"target_modules" must be without model\.embed_tokens \(LoRA on it is not built\)/,
    'alpha-pattern': [-3.664, -4.114, -5.135, -4.854],
  },
};

const work = mkdtempSync(join(tmpdir(), 'cases-'));
afterAll(() => rmSync(work, { recursive: true }));

/** The folder a case's generator wrote, once a case. */
const made = new Map<string, string>();
function folderOf(name: string): string {
  const folder = made.get(name) ?? join(work, name);
  if (!made.has(name)) execFileSync(process.execPath, [join(CASES, name, 'make.mjs'), folder]);
  made.set(name, folder);
  return folder;
}

let runs = 0;
async function score(data: string, model: string, adapter: string | null): Promise<readonly number[] | string> {
  const command = {
    ...{
      model,
      adapter,
      data,
      out: join(work, `out ${runs++}`),
      tasks: ['all'],
      limit: null,
      rows: {},
      seed: 0,
      showRequests: null,
    },
    ...({ variant: 'present', bos: 'never', device: 'cpu' } as const),
  };
  const quiet = { say: () => {}, at: () => {} };
  try {
    const { result } = await scoreFolder(command, new AbortController().signal, quiet);
    return result.items.find(({ id }) => id === 'q2')!.logLikelihoods;
  } catch (error) {
    return (error as Error).message;
  }
}

function check(given: readonly number[] | string, wanted: Outcome): void {
  if (wanted instanceof RegExp) {
    expect(given).toMatch(wanted);
    expect(given).not.toMatch(/download it again|download or save|which this base model has not/);
    return;
  }
  expect(given, String(given)).toHaveLength(4);
  for (const [i, value] of wanted.entries()) expect(Math.abs((given[i] as number) - value)).toBeLessThan(0.005);
}

const rows = (table: Readonly<Record<string, Rows>>) =>
  Object.entries(table).flatMap(([name, outcomes]) =>
    Object.entries(outcomes).map(([part, wanted]) => [`${name}/${part}`, name, part, wanted] as const),
  );

describe.skipIf(!ready)('as people have them', () => {
  test.each(rows(MODELS))('model %s', async (_, name, part, wanted) => {
    const folder = folderOf(name);
    check(await score(join(folder, 'data3'), join(folder, part), null), wanted);
  });

  test.each(rows(ADAPTERS))('adapter %s', async (_, name, part, wanted) => {
    const folder = folderOf(name);
    check(await score(join(folder, 'data3'), BASE, join(folder, part)), wanted);
  });

  test.each<readonly [string, object, readonly number[]]>([
    [
      'linear, with fields of other types',
      { type: 'linear', factor: 2, original_max_position_embeddings: 256, finetuned: true },
      LINEAR,
    ],
    ['YaRN', { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 128 }, YARN],
    [
      'YaRN as its authors wrote it',
      { type: 'yarn', factor: 4, original_max_position_embeddings: 128, finetuned: true },
      YARN,
    ],
    [
      'YaRN without a sharper attention',
      { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 128, attention_factor: 1 },
      [-3.85, -2.69, -3.782, -3.589],
    ],
  ])('positions scaled: %s', async (_, scaling, wanted) => {
    const folder = folderOf('23-odd-configs');
    const file = join(folder, 'llama3-rope', 'config.json');
    const was = readFileSync(file, 'utf8');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(was), rope_scaling: scaling }));
    try {
      check(await score(join(folder, 'data3'), join(folder, 'llama3-rope'), null), wanted);
    } finally {
      writeFileSync(file, was);
    }
  });
});
