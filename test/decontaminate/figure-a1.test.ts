import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decontaminate } from '../../lib/decontaminate/decontaminate';
import { openEncoder } from '../../lib/decontaminate/encoder';
import type { Decontamination, View } from '../../lib/decontaminate/record';
import { openDevice } from '../../lib/engine/device';
import { pythonReady } from '../parity/python';
import { FIGURE_A1_ITEMS, FIGURE_A1_ROWS } from './figure-a1';

/** The two pairs that the paper shows as contaminated, in both encoders at hand. */

const ROOT = resolve(__dirname, '..', '..');
const POTION = resolve(ROOT, '..', 'shared', 'models', 'potion-base-2M');
if (!existsSync(POTION)) console.warn('figure A.1 with potion-base-2M skipped: it does not lie in ../shared/models');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'figure-a1-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function flag(encoderFolder: string, view?: View): Promise<Decontamination> {
  const device = await openDevice('cpu');
  const encoder = await openEncoder(encoderFolder, device);
  const comparison = { kind: 'embedding', encoder, device } as const;
  const chosen = view ? { view } : {};
  const result = await decontaminate({ items: FIGURE_A1_ITEMS, rows: FIGURE_A1_ROWS, comparison, floor: 0, ...chosen });
  await encoder.dispose();
  return result;
}

function expectBoth(result: Decontamination): void {
  expect(result.flagged).toEqual(['coma', 'uvula']);
  const nearest = result.pairs.filter(({ rank }) => rank === 1).map(({ itemId, rowId }) => [itemId, rowId]);
  expect(nearest).toEqual([
    ['coma', 'coma-train'],
    ['uvula', 'uvula-train'],
  ]);
  // The wrong pairs are nowhere near.
  for (const { rank, cosine } of result.pairs) if (rank === 2) expect(cosine).toBeLessThan(0.2);
}

describe.skipIf(!existsSync(POTION))('with potion-base-2M', () => {
  it('both pairs are found with their options, not with the questions alone', async () => {
    const result = await flag(POTION);
    expectBoth(result);
    expect(result.isPapersMethod).toBe(false);
    expect(result.notice).toMatch(/Not the paper's method: potion-base-2M averages word vectors/);
    expect((await flag(POTION, 'question')).flagged).toEqual(['coma']);
  });
});

describe.skipIf(!pythonReady)('with all-MiniLM-L6-v2', () => {
  it('both pairs are found with their options, not with the questions alone', async () => {
    const minilm = join(folder, 'all-MiniLM-L6-v2');
    const script = resolve(ROOT, 'test', 'parity', 'export-minilm.py');
    const python = resolve(ROOT, '.venv-parity', 'bin', 'python');
    execFileSync(python, [script, minilm], { stdio: ['ignore', 'ignore', 'pipe'] });
    const result = await flag(minilm);
    expectBoth(result);
    expect(result).toMatchObject({ isPapersMethod: true, notice: null, threshold: 0.8 });
    expect((await flag(minilm, 'question')).flagged).toEqual(['coma']);
  });
});

it('is not found by TF-IDF at its own threshold, nor by 13-grams', async () => {
  const items = FIGURE_A1_ITEMS;
  const result = await decontaminate({ items, rows: FIGURE_A1_ROWS, comparison: { kind: 'tf-idf' } });
  expect(result.flagged).toEqual([]);
  expect(result.secondOpinions.map(({ flagged }) => flagged)).toEqual([[], []]);
});
