import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAPER_LORA } from '../../lib/config';
import { openDevice } from '../../lib/engine/device';
import { LLAMA_2 } from '../../lib/model/llama-2';
import { USABLE } from '../../lib/plan/cards';
import { countCollectives, flopsAToken, layerParameters } from '../../lib/plan/count';
import { thisMachine } from '../../lib/plan/machine';
import { shapeOf, unreadModel } from '../../lib/plan/model';
import { planOnCpu } from '../../lib/plan/on-cpu';
import { planOnXlaCpu } from '../../lib/plan/on-xla-cpu';
import { paperRun } from '../../lib/plan/paper-runs';
import { planTraining } from '../../lib/plan/plan';
import { parseTarget } from '../../lib/plan/target';
import { duration } from '../../lib/plan/text';
import { countParameters } from '../../lib/train/memory';
import { estimateTrainingMemory } from '../../lib/train/peak-memory';
import { xlaPossible } from '../xla/device';

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

describe('this machine', () => {
  const listed = (lines: string) => {
    const bin = mkdtempSync(join(tmpdir(), 'med42-smi-'));
    writeFileSync(join(bin, 'nvidia-smi'), `#!/bin/sh\nprintf '%s' '${lines}'\n`);
    chmodSync(join(bin, 'nvidia-smi'), 0o755);
    return thisMachine({ PATH: bin });
  };

  test('its cards, as the driver lists them', () => {
    expect(listed('NVIDIA H100 80GB HBM3, 81559\nNVIDIA H100 80GB HBM3, 81559\n')).toMatchObject({
      name: 'h100',
      devices: 2,
      card: { memoryBytes: 81559 * 2 ** 20, bf16FlopsPerSecond: 989e12 },
    });
    expect(listed('NVIDIA A100-SXM4-40GB, 40960').name).toBe('a100-40');
    expect(listed('NVIDIA A100-SXM4-80GB, 81920').name).toBe('a100-80');
    // Of a card that is not in the list, no rate is known and so no time.
    for (const other of ['NVIDIA H100 PCIe, 81559', 'NVIDIA GeForce RTX 4090, 24564', 'NVIDIA H100 80GB HBM3, 40000']) {
      const target = listed(other);
      expect(target.name).toBe('card');
      expect(planTraining({ ...paperRun('paper-7b-lora'), target }).seconds).toBeUndefined();
    }
    expect(() => listed('NVIDIA H100 80GB HBM3, 81559\nNVIDIA L4, 23034')).toThrow(/the cards are not alike/);
  });

  test('without cards: its processors, with the memory that `train` estimates', async () => {
    const target = thisMachine({ PATH: '' });
    expect(target).toEqual(parseTarget('cpu'));
    const { model } = await shapeOf(join(__dirname, '../../data/miniature/base'));
    const run = { ...paperRun('paper-7b-lora'), model, target, chunkLength: 64, recompute: false };
    await expect(planOnCpu(run)).rejects.toThrow(/on the CPU products are float32/);
    const plan = await planOnCpu({ ...run, precision: 'float32' });
    const device = await openDevice('cpu');
    const config = { ...PAPER_LORA, batchSize: 1, accumulation: 1, maxSeqLen: 64 };
    const form = { separate: false, asked: undefined };
    expect(plan.memory).toEqual(estimateTrainingMemory(unreadModel(model, PAPER_LORA.lora), config, device, form));
    expect([plan.fits, plan.seconds, plan.collectives.bytes]).toEqual([true, undefined, 0]);
    const small = { ...target, card: { ...target.card, memoryBytes: plan.memory.total - 1 } };
    const { fits, remedies } = await planOnCpu({ ...run, precision: 'float32', target: small });
    expect(fits).toBe(false);
    expect(remedies.map(({ change }) => change)).toEqual(['--max-seq-len 32', '--max-seq-len 16', '--max-seq-len 8']);
  });
});

test.skipIf(!xlaPossible)('XLA on the CPU: what its compiler says, a frozen base as it is stored', async () => {
  const { model } = await shapeOf(join(__dirname, '../../data/miniature/base'));
  const run = { ...paperRun('paper-7b-lora'), model, target: parseTarget('xla:cpu'), chunkLength: 64 };
  const { base, trained } = countParameters(model, PAPER_LORA.lora);
  for (const recompute of [true, false]) {
    const { memory, fits } = await planOnXlaCpu({ ...run, precision: 'float32', recompute });
    expect([memory.frozen, fits]).toEqual([2 * base, true]);
    // Weights and two moments, and beside them the numbers of one update and the tables of positions.
    expect(memory.state - 12 * trained).toBeGreaterThan(0);
    expect(memory.state - 12 * trained).toBeLessThan(50_000);
    expect(memory.working).toBeGreaterThan(1e5);
  }
});

test('a frozen base is counted as it is stored, also where products are float32', () => {
  const run = paperRun('paper-7b-lora');
  const [short, wide] = [planTraining(run).memory, planTraining({ ...run, precision: 'float32' }).memory];
  expect(wide.state).toBe(short.state);
  // A layer at a time is widened.
  expect(wide.layer - 2 * short.layer).toBe(4 * layerParameters(run.model));
});

test('updates at most: fewer tokens, and no more than the epochs have', () => {
  const run = paperRun('paper-7b-full');
  const whole = planTraining(run);
  const ten = planTraining({ ...run, maxSteps: 10 });
  expect([ten.updates, ten.tokens]).toEqual([10, 10 * 8 * 4096]);
  expect(ten.flops / ten.tokens).toBeCloseTo(whole.flops / whole.tokens, -3);
  expect(planTraining({ ...run, maxSteps: 1e9 })).toMatchObject({ updates: whole.updates, tokens: whole.tokens });
});
