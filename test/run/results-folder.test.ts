import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkFolder } from '../../lib/run/results-folder';
import { readSettings } from '../../lib/run/settings/read';
import { folderOf } from '../data/folder-of';

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
