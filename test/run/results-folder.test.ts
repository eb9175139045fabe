import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { XLA_DEFAULTS } from '../../lib/engine/xla/options';
import { PRESETS } from '../../lib/run/presets';
import { checkFolder, claimFolder } from '../../lib/run/results-folder';
import { readSettings } from '../../lib/run/settings/read';
import { folderOf } from '../data/folder-of';
import { TINY } from '../model/tiny-llama';

/** What a results folder may be, and what is never deleted. */

const MODEL = { 'config.json': '{"model_type":"llama"}', 'model.safetensors': 'weights' };
const RESULTS = { 'config.json': '{"version":4,"identity":"x"}', 'settings.json': '{}' };
const elsewhere = { data: '/somewhere/rows', model: '/somewhere/model' };

test.each<readonly [string, Readonly<Record<string, string>>]>([
  ['a model’s folder, which has a config.json too', MODEL],
  ['an adapter’s folder', { 'adapter_config.json': '{}', 'adapter_model.safetensors': 'x' }],
  ['a folder of rows', { 'train/a.jsonl': '{}' }],
])('--fresh does not delete %s', async (_, files) => {
  const out = folderOf(files);
  await expect(checkFolder({ ...elsewhere, out, fresh: true })).rejects.toThrow(
    `results: --fresh would delete ${out}, which holds no results; choose another --out`,
  );
});

test('--fresh takes results, also with a damaged config.json, an empty folder, and one that is not there', async () => {
  const { 'config.json': _, ...without } = RESULTS;
  const empty = mkdtempSync(join(tmpdir(), 'results-'));
  for (const out of [
    folderOf(RESULTS),
    folderOf({ ...RESULTS, 'config.json': '{"ver' }),
    folderOf(without),
    empty,
    join(empty, 'x'),
  ])
    await expect(checkFolder({ ...elsewhere, out, fresh: true })).resolves.toBeUndefined();
});

test('the rows’ or the model’s own folder takes no results, and --fresh deletes neither with a folder above', async () => {
  const out = folderOf({ ...RESULTS, 'models/full/config.json': '{}', 'rows/train/a.jsonl': '{}' });
  const model = join(out, 'models', 'full');
  const data = join(out, 'rows');
  for (const fresh of [false, true]) {
    await expect(checkFolder({ ...elsewhere, out: data, data, fresh })).rejects.toThrow(
      `${data} is where the rows lie`,
    );
    await expect(checkFolder({ ...elsewhere, out: model, model, fresh })).rejects.toThrow('is where the model lie');
  }
  await expect(checkFolder({ ...elsewhere, out, model, fresh: true })).rejects.toThrow(
    `results: --fresh would delete the model in ${model}; choose another --out`,
  );
  await expect(checkFolder({ ...elsewhere, out, data, fresh: true })).rejects.toThrow(`delete the rows in ${data}`);
  await expect(checkFolder({ out, data, model, fresh: false })).resolves.toBeUndefined();
  expect(existsSync(join(data, 'train', 'a.jsonl')) && readdirSync(model).length > 0).toBe(true);
});

test('a run’s folder in place of its settings file is called that', () => {
  const run = folderOf(RESULTS);
  expect(() => readSettings(run)).toThrow(`settings: ${run} is a folder; give ${join(run, 'settings.json')}`);
  mkdirSync(join(run, 'other'));
  writeFileSync(join(run, 'other', 'x'), '');
  expect(() => readSettings(join(run, 'other'))).toThrow('is a folder; give a settings file');
});

test('a run whose model, tokenizer or arithmetic are told otherwise by files beside the weights is not gone on with', async () => {
  const out = mkdtempSync(join(tmpdir(), 'claimed-'));
  const claim = ({ ropeTheta = 10_000, addBos = false, precision = 'float32' as 'float32' | 'bf16' } = {}) =>
    claimFolder(
      {
        ...{
          ...elsewhere,
          out,
          preset: 'smoke',
          config: PRESETS.smoke,
          settings: new Map(),
          device: 'xla',
          encoders: [],
        },
        ...{ xla: { ...XLA_DEFAULTS, precision }, fresh: false, printSettings: false, dryRun: false, more: {} },
      },
      {
        base: { config: { ...TINY, ropeTheta } },
        tokenizer: { sha256: 'a', bosId: 1, eosId: 2, addBos },
        ...{ modelHash: 'x', files: [], data: {} },
      },
      'train',
    );
  await claim();
  await expect(claim()).resolves.toEqual([]);
  const refused = (what: string) => `holds a run with other settings, data or model (${what}); choose another --out`;
  await expect(claim({ ropeTheta: 5e5 })).rejects.toThrow(refused('model.ropeTheta was 10000, is 500000'));
  await expect(claim({ addBos: true })).rejects.toThrow(refused('tokenizer.addBos was false, is true'));
  await expect(claim({ precision: 'bf16' })).rejects.toThrow(refused('precision was "float32", is "bf16"'));
  // As an earlier workbook has left it.
  const file = join(out, 'config.json');
  const { by: _, ...before } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(before));
  await expect(claim({ ropeTheta: 5e5 })).resolves.toEqual([]);
});
