import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ALL_LINEAR, type LoraConfig } from '../../lib/config';
import { WORKBOOK_ROOT } from '../../lib/files';
import type { makeModel } from '../../lib/notebook/cell/make-model';
import { sweep, type Variant } from '../../lib/notebook/cell/sweep';
import { hashModel, openInputs } from '../../lib/run/inputs';
import { BUNDLED_BASE } from '../../lib/run/open-model';
import { parseOptions } from '../../lib/run/options';
import { MINIATURE_LORA } from '../../lib/run/presets';

const folder = mkdtempSync(join(tmpdir(), 'sweep-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'kept', 'sweep.json');
const options = parseOptions(['--preset', 'smoke', '--out', folder], '.', '.');

const variant = (rank: number): Variant => ({
  name: `rank-${rank}`,
  training: { ...MINIATURE_LORA, lora: { ...MINIATURE_LORA.lora, rank } },
});

let made: string[] = [];
/** A loss that tells rank and seed; seed 9 is interrupted. */
const make = (async ({ name, training }: Variant) => {
  if (training.seed === 9) throw new Error('interrupted');
  made.push(name);
  const log = [
    { step: 0, epoch: 0, heldOutLoss: 99 },
    { step: 1, epoch: 0, heldOutLoss: training.lora.rank + training.seed / 10 },
  ];
  return { name, training: { log, trainable: 100 * training.lora.rank } };
}) as unknown as typeof makeModel;

const run = (variants: readonly Variant[], seeds: readonly number[]) => {
  made = [];
  return sweep(variants, seeds, options, file, { say: () => {} }, new AbortController().signal, make);
};

test('each variant is trained from every seed, once: the next time it is read', async () => {
  const found = await run([variant(1), variant(4)], [1, 3]);
  expect(made).toEqual(['rank-1-1', 'rank-1-3', 'rank-4-1', 'rank-4-3']);
  expect(found[1]).toEqual({
    name: 'rank-4',
    trainable: 400,
    heldOut: [4.1, 4.3],
    mean: expect.closeTo(4.2),
    low: 4.1,
    high: 4.3,
  });
  expect(await run([variant(1), variant(4)], [1, 3])).toEqual(found);
  expect(made).toEqual([]);
});

test('another setting under the same name is trained anew, and what nobody asks for is dropped', async () => {
  const other = { name: 'rank-1', training: { ...variant(1).training, epochs: 2 } };
  await run([other], [1]);
  expect(made).toEqual(['rank-1-1']);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(1);
});

test.each([
  ['config.json', { rope_theta: 500_000 }],
  ['config.json', { rms_norm_eps: 1e-4 }],
  ['tokenizer_config.json', { eos_token: '<s>' }],
])('another %s beside the same weights is another model: %o', async (name, change) => {
  const model = join(folder, 'base');
  cpSync(BUNDLED_BASE, model, { recursive: true });
  const known = async () => hashModel(await openInputs({ ...options, model }, options.config));
  const before = await known();
  const path = join(model, name);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  expect(await known()).not.toBe(before);
  await run([variant(3)], [1]);
  made = [];
  await sweep([variant(3)], [1], { ...options, model }, file, { say: () => {} }, new AbortController().signal, make);
  expect(made).toEqual(['rank-3-1']);
});

test('the sweep that comes with the workbook is read for the bundled base', async () => {
  const kept = join(folder, 'recorded.json');
  cpSync(join(WORKBOOK_ROOT, 'results/recorded/03-sweep.json'), kept);
  const saved = readFileSync(kept, 'utf8');
  const own = parseOptions(['--preset', 'miniature', '--samples', '240', '--limit', '2', '--out', folder], '.', '.');
  const settings = { ...own.config.lora, epochs: 2 };
  const [attention, mlp] = [ALL_LINEAR.slice(0, 4), ALL_LINEAR.slice(4)];
  const of = (name: string, lora: Partial<LoraConfig>) => ({
    name,
    training: { ...settings, lora: { ...settings.lora, ...lora } },
  });
  const variants = [
    ...[1, 8, 64].map((rank) => of(`rank-${rank}`, { rank, alpha: 2 * rank })),
    ...[of('attention', { targetModules: attention }), of('mlp', { targetModules: mlp })],
  ];
  made = [];
  await sweep(variants, [42, 43], own, kept, { say: () => {} }, new AbortController().signal, make);
  expect(made).toEqual([]);
  expect(readFileSync(kept, 'utf8')).toBe(saved);
});

test('interrupted, it keeps what is done', async () => {
  await expect(run([variant(2)], [5, 9])).rejects.toThrow('interrupted');
  await run([variant(2)], [5]);
  expect(made).toEqual([]);
});

test('a broken file is named', async () => {
  writeFileSync(file, '[{');
  await expect(run([variant(2)], [5])).rejects.toThrow(/^sweep: .*sweep\.json is damaged .*delete it/);
});
