import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nameOfData, nameOfModel } from '../../lib/run/folder-name';

describe('results call', () => {
  test.each([
    ['/models/SmolLM2-135M', 'SmolLM2-135M'],
    ['/hub/models--meta-llama--Llama-2-7b-hf/snapshots/01c7f73d771dfac7d292323805ebc428287df4f9', 'Llama-2-7b-hf'],
    ['/data/miniature/base', 'base'],
  ])('the model of %s %s', (folder, name) => {
    expect(nameOfModel(folder)).toBe(name);
  });

  test('a model of a run with the run, and one in another folder "models" by its own name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'folder-name-'));
    mkdirSync(join(folder, 'train'));
    const model = join(folder, 'train', 'models', 'lora');
    expect(nameOfModel(model)).toBe('lora');
    writeFileSync(join(folder, 'train', 'settings.json'), '{}');
    expect(nameOfModel(model)).toBe('train-lora');
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['/somewhere/mine', 'mine'],
    ['/somewhere/bakery/data', 'bakery/data'],
    ['/somewhere/bakery/Dataset', 'bakery/Dataset'],
    ['/data', 'data'],
  ])('the rows of %s %s', (folder, name) => {
    expect(nameOfData(folder)).toBe(name);
  });
});
