import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { main as handoff } from '../../lib/cli/handoff';
import { main as packing } from '../../lib/cli/packing';
import { mixFolder } from '../../lib/data/mixing/mix';
import { readSafetensorsHeader, readTensor } from '../../lib/model/safetensors';
import { writeTensorRows } from '../../lib/model/tensor-rows';
import { MINIATURE } from './child';

/** Commands on a mixed folder: none holds all of its rows in memory, however many there are. */

vi.mock('../../lib/data/examples', async (original) => ({
  ...(await original<typeof import('../../lib/data/examples')>()),
  loadTrainExamples: () => Promise.reject(new Error('all rows are loaded')),
}));

const ROOT = resolve(__dirname, '..', '..');
const work = mkdtempSync(join(tmpdir(), 'large-mixture-'));
afterAll(() => rmSync(work, { recursive: true }));
const mixed = join(work, 'mixed');
const options = (data: string, out: string) => [
  '--data',
  data,
  '--model',
  join(MINIATURE, 'base'),
  '--max-seq-len',
  '128',
  '--out',
  join(work, out),
];

beforeAll(async () => {
  vi.spyOn(console, 'log').mockReturnValue();
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await mixFolder(MINIATURE, mixed, { seed: 3, total: 200 });
});

test('packing shows the first chunks of a mixed folder, and loads no row', async () => {
  await packing(options(mixed, 'packing'));
  const page = readFileSync(join(work, 'packing', 'packing.html'), 'utf8');
  expect(page).toContain('<h2>Chunk 8</h2>');
  expect(page).toMatch(/190 rows in \d+ chunks of 128 tokens/);
  await expect(packing(options(MINIATURE, 'own'))).rejects.toThrow('all rows are loaded');
});

test('handoff hands over a mixed folder, and loads no row', async () => {
  await handoff([...options(mixed, 'handoff'), '--method', 'full', '--epochs', '1']);
  const { data } = JSON.parse(readFileSync(join(work, 'handoff', 'handoff.json'), 'utf8'));
  const { tensors } = await readSafetensorsHeader(join(work, 'handoff', 'chunks.safetensors'));
  const labels = (await readTensor(tensors.labels!)).data;
  expect(tensors.input_ids!.shape).toEqual([data.chunks + 1, data.rowTokens]);
  expect([...labels].filter((label) => label >= 0)).toHaveLength(data.responseTokens);
  await expect(handoff([...options(MINIATURE, 'own'), '--method', 'full'])).rejects.toThrow('all rows are loaded');
});

/** Writes N chunks of 4,096 as a hand-off's rows, in a process of its own; prints the most memory it had, in MB. */
function peakOfRows(count: number): number {
  const program = `
    const { handoffRows } = require('${ROOT}/dist/run/handoff/rows');
    const { writeTensorRows } = require('${ROOT}/dist/model/tensor-rows');
    const { planBatches } = require('${ROOT}/dist/train/batches');
    const { peakMemoryBytes } = require('${ROOT}/dist/run/memory');
    const values = (make) => make.from({ length: 4096 }, (_, t) => t % 2);
    const chunk = { tokens: values(Int32Array), targets: values(Int32Array), weights: values(Float32Array),
      segments: new Int32Array(4096), positions: new Int32Array(4096) };
    const at = () => chunk;
    const chunks = { length: ${count}, at, [Symbol.iterator]: () => { throw new Error('all chunks are asked for'); } };
    const plan = planBatches(${count}, { batchSize: 8, accumulation: 1, epochs: 1, seed: 1 });
    const { shape, rows, order } = handoffRows(chunks, 'concatenated', plan, 8);
    const column = { shape, dtype: 'int32' };
    const specs = { input_ids: column, labels: column, position_ids: column, order: { shape: [order.length], dtype: 'int32' } };
    writeTensorRows('${work}/rows-${count}', { specs, whole: { order }, rows, metadata: {} })
      .then(() => console.log(peakMemoryBytes() / 2 ** 20));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return Number(stdout);
}

test('a hand-off’s rows are written one by one: 150 MB of them take no more memory than 5', () => {
  expect(peakOfRows(3000) - peakOfRows(100)).toBeLessThan(70);
});

test('a file of tensors that is given another number of rows than its shapes say is not written', async () => {
  const file = join(work, 'short.safetensors');
  const write = (count: number) =>
    writeTensorRows(file, {
      specs: { a: { shape: [2, 1], dtype: 'int32' } },
      whole: {},
      rows: Array.from({ length: count }, () => ({ a: new Int32Array(1) })),
      metadata: {},
    });
  await expect(write(1)).rejects.toThrow(`safetensors: ${file} was to hold 2 rows and was given 1`);
  await expect(write(3)).rejects.toThrow('and was given 3');
  await expect(readSafetensorsHeader(file)).rejects.toThrow('cannot be opened');
});
