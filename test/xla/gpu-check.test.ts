import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distance } from '../../bench/gpu/attention';
import { stepResult, summary, tooLarge } from '../../bench/gpu/result';
import { float32 } from '../../lib/engine/tensors';
import { WORKBOOK_ROOT } from '../../lib/files';
import { cpuPlugin } from './plugins';

/** The check of a card, as one file in a folder of its own with nothing else, on XLA's CPU. */

const folder = mkdtempSync(join(tmpdir(), 'med42-check-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  execFileSync(process.execPath, [join(WORKBOOK_ROOT, 'bench', 'gpu', 'bundle.mjs')]);
  cpSync(join(WORKBOOK_ROOT, 'dist', 'gpu-check'), folder, { recursive: true });
});

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['gpu-check.mjs', ...args], { cwd: folder, env: { PATH: '/usr/bin' }, encoding: 'utf8' });

test('what is asked wrongly is refused in a line', () => {
  expect(run('--parts', 'rate,speed').stderr).toContain(
    'gpu-check: --parts must be of rate, parity, kernels, attention, steps, got "speed"',
  );
  expect(run('--budget-seconds', '0').stderr).toContain('--budget-seconds must be a number above 0, got "0"');
  const gone = run('--device', 'xla:cpu', '--plugin', 'gone.so');
  expect(gone.stderr).toContain(
    'gpu-check: no device: xla: --plugin or the setting "plugin" must name a plug-in’s shared library',
  );
  expect(gone.status).toBe(1);
  expect(readdirSync(folder)).not.toContain('results');
});

test.skipIf(!cpuPlugin)('on XLA’s CPU a part is measured and kept', () => {
  const { stdout, status } = run('--device', 'xla:cpu', '--plugin', cpuPlugin!.file, '--parts', 'rate');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^\[ +\d s\] opening xla:cpu$/m);
  const kept = JSON.parse(readFileSync(join(folder, 'results', 'bench', 'gpu-cpu.json'), 'utf8'));
  expect(kept).toMatchObject({ device: { kind: 'cpu' }, budgetSeconds: 480, rate: { precision: 'bf16', size: 1024 } });
  expect(kept.rate.flopsPerSecond).toBeGreaterThan(1e8);
});

test('kernels that disagree are named, and are no part that gave nothing', () => {
  const device = { kind: 'cpu', version: '1', count: 1, memory: undefined };
  const lines = (failures: readonly { kernel: string; what: string }[]) => {
    const kernels = { kernels: 2, variants: 3, worst: { difference: 0.5, of: 'Add, [2]' }, failures, seconds: 1 };
    return summary({ device, node: '', made: '', seconds: 1, budgetSeconds: 9, kernels, steps: {} }).slice(1);
  };
  expect(lines([])).toEqual(['kernels: 2 of 2 agree, worst 5.0e-1 (Add, [2])']);
  expect(lines([{ kernel: 'Add', what: '[2]: a difference of 0.5' }])).toEqual([
    'kernels: 1 of 2 agree, worst 5.0e-1 (Add, [2])',
    '  FAILS: Add: [2]: a difference of 0.5',
  ]);
});

test('how far attention is off is stated by the largest number of each result; a number that is none is infinitely far', () => {
  const exact = { out: float32([2], Float32Array.of(4, -8)), dq: float32([2], Float32Array.of(0, 2)) };
  const off = (dq: number) => distance({ ...exact, dq: float32([2], Float32Array.of(0.5, dq)) }, exact);
  expect([off(2), off(1), off(Number.NaN)]).toEqual([0.25, 0.5, Infinity]);
});

test('a shape that a card cannot hold is left out, with the memory that `plan` counts', () => {
  const card = (limit: number) => ({ kind: 'H100', version: '', count: 1, memory: { inUse: 0, limit } });
  expect(tooLarge('7b', 'full', card(80e9))).toMatch(/^it needs 11\d\.\d GB by count, the device has 80\.0 GB$/);
  expect(tooLarge('7b', 'lora', card(80e9))).toBeUndefined();
});

test('utilisation is the training’s operations by the measured rate', () => {
  const times = {
    seconds: [9, 0.5, 0.4],
    firstLoss: 10,
    lastLoss: 9,
    compileSeconds: 1,
    loadSeconds: 1,
    peakBytes: null,
  };
  const rate = { precision: 'bf16', size: 8192, flopsPerSecond: 600e12 } as const;
  const { median, utilisation, flopsPerSecond } = stepResult('7b', 'lora', times, rate, undefined);
  expect(median).toBe(0.5);
  // 4 operations for each of 6.6 billion multiplying parameters and 4,096 tokens, in half a second, and attention.
  expect(flopsPerSecond / 1e12).toBeCloseTo(
    (4 * 6.607 * 4.096 + 6 * 32 * 4096 * 4.096 * 4.096e-6 + 6 * 0.02 * 4.096) / 0.5,
    -1,
  );
  expect(utilisation).toBe(flopsPerSecond / 600e12);
  expect(stepResult('7b', 'lora', times, { failed: 'it ended' }, undefined).utilisation).toBeNull();
});
