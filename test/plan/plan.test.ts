import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { LLAMA_2 } from '../../lib/model/llama-2';
import { parseTarget, USABLE } from '../../lib/plan/cards';
import { countCollectives, flopsAToken } from '../../lib/plan/count';
import { shapeOf } from '../../lib/plan/model';
import { paperRun } from '../../lib/plan/paper-runs';
import { planTraining } from '../../lib/plan/plan';
import { duration } from '../../lib/plan/text';

/**
 * The peak of a device as XLA compiled it for H100: modules written with JAX 0.11 by hand, 1 x 4,096 tokens a device,
 * bf16, recomputation by layer, cuDNN's attention, a loop over stacked layers.
 */
const COMPILED = { 'paper-7b-lora': 16.0e9, 'paper-7b-full': 15.9e9, 'paper-70b-lora': 27.9e9 } as const;

describe('memory of a device', () => {
  test.each(Object.entries(COMPILED))('%s is within a tenth of what XLA says of its own program', (name, peak) => {
    const { memory, fits } = planTraining(paperRun(name as keyof typeof COMPILED));
    expect(Math.abs(memory.total / peak - 1)).toBeLessThan(0.1);
    expect(fits).toBe(true);
  });

  test('what stays is shared: eight devices hold an eighth of it each', () => {
    const run = paperRun('paper-7b-full');
    const [one, eight] = [1, 8].map((devices) =>
      planTraining({ ...run, target: { ...run.target, devices } }),
    ) as unknown as [ReturnType<typeof planTraining>, ReturnType<typeof planTraining>];
    expect(eight.memory.state).toBe(one.memory.state / 8);
    expect(one.memory.state).toBe(12 * 6_738_415_616);
    expect(eight.memory.activations).toBe(one.memory.activations);
  });

  test('what does not fit is told what would, and that does', () => {
    const run = { ...paperRun('paper-70b-full'), target: parseTarget('h100x8') };
    const { fits, remedies } = planTraining(run);
    expect(fits).toBe(false);
    expect(remedies.map(({ change }) => change)).toEqual(['--method lora', '--target h100x32', '--target b200x8']);
    const again = planTraining({ ...run, target: parseTarget('h100x32') });
    expect(again.fits).toBe(true);
    expect(again.memory.total).toBe(remedies[1]!.total);
    expect(planTraining({ ...run, target: parseTarget('h100x16') }).memory.total).toBeGreaterThan(USABLE * 80e9);
  });
});

describe('operations', () => {
  const training = (lora: boolean, chunkLength = 4096) => ({
    model: LLAMA_2['70B'],
    ...(lora ? { lora: PAPER_LORA.lora } : {}),
    chunkLength,
    batchADevice: 1,
    devices: 64,
    precision: 'bf16' as const,
    recompute: true,
  });

  test('six for a parameter in full training, and attention: PaLM’s formula with causal attention', () => {
    const { numHiddenLayers: L, hiddenSize: C, vocabSize: V } = LLAMA_2['70B'];
    const multiplying = 68_976_648_192 - V * C;
    expect(flopsAToken(training(false))).toBe(6 * multiplying + 6 * L * C * 4096);
    expect(flopsAToken(training(false, 8192)) - flopsAToken(training(false))).toBe(6 * L * C * 4096);
  });

  test('LoRA spares the gradients of the base: four', () => {
    expect(flopsAToken(training(true)) / flopsAToken(training(false))).toBeCloseTo(0.68, 2);
  });

  test('one device receives nothing', () => {
    expect(countCollectives({ ...training(false), devices: 1 }).bytes).toBe(0);
    expect(countCollectives(training(false)).allGathers).toBe(160);
  });
});

test.each([
  ['h100x8', 'h100', 8],
  ['A100-40', 'a100-40', 1],
  ['b200x2', 'b200', 2],
])('%s', (text, name, devices) => {
  expect(parseTarget(text)).toMatchObject({ name, devices });
});

test.each(['h100x0', 'v100', 'h100x', 'x8', ''])('a target "%s" is refused with the cards that are known', (text) => {
  expect(() => parseTarget(text)).toThrow(/must be one of a100-40, a100-80, h100, h200, b200.*got/);
});

test('a model is a size, a folder or its config.json', async () => {
  const base = join(__dirname, '../../data/miniature/base');
  const folder = await shapeOf(base);
  expect((await shapeOf(join(base, 'config.json'))).model).toEqual(folder.model);
  expect((await shapeOf('7b')).title).toBe('Llama-2 7B');
  await expect(shapeOf('8B')).rejects.toThrow(/must be one of 7B, 13B, 70B, a Hugging Face folder/);
  await expect(shapeOf(join(base, 'tokenizer_config.json'))).rejects.toThrow(/model_type|architectures/);
});

test('durations', () => {
  const texts = ['30 seconds', '1.5 minutes', '1.5 hours', '10 hours', '2.3 days'];
  expect([30, 90, 5400, 36_000, 200_000].map(duration)).toEqual(texts);
});

test('the command', () => {
  const cli = join(__dirname, '../../dist/cli/med42.js');
  const run = (...args: string[]) => execFileSync(process.execPath, [cli, 'plan', ...args], { encoding: 'utf8' });
  expect(run('paper')).toMatch(/\| Llama-2 70B, LoRA of rank 8, 8 epochs \| 8 x H100 80 GB \| 26\.3 GB \|/);
  const full = run('70B', '--method', 'full', '--target', 'h100x8');
  expect(full).toMatch(/DOES NOT FIT/);
  expect(full).toMatch(/an assumption/);
  expect(full).toMatch(/Research only, not for clinical decisions/);
  expect(() => run('7B', '--precision', 'int8')).toThrow(/--precision must be bf16 or float32, got "int8"/);
});
