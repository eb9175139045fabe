import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAPER_LORA, type TrainConfig } from '../../lib/config';
import { compile, type Tensors } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { valueAndGradients } from '../../lib/engine/gradient';
import type * as ort from '../../lib/engine/onnx/ort';
import { createState } from '../../lib/engine/state';
import { float32, type HostTensors, int32, readSources } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { type TunedModel, tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { adamw } from '../../lib/train/adamw';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { updateOnce } from '../../lib/train/train';
import { TINY, tinyBatch, tinyFolder, tinyWeights } from '../model/tiny-llama';
import { KERNEL_CASES } from './kernel-cases';
import { placement } from './placement';
import { expectClose, expectSame, stepOf } from './run-cases';
import { webgpuPossible } from './swiftshader';
import { lossOf } from './tiny-loss';

/**
 * Kernels of which ONNX Runtime's WebGPU gives a part back to the CPU, and the operators: right, but a copy there and
 * back in the middle of a step. None of them is in a training step.
 */
const PARTLY_ON_CPU: Readonly<Record<string, readonly string[]>> = {
  Abs: ['Abs'], // of int32
  Neg: ['Neg'], // of int32
  Relu: ['Relu'], // of int32
  ArgMax: ['Cast'], // int64 to int32
  ArgMin: ['Cast'],
  Equal: ['Equal'], // of bool
  NotEqual: ['Equal'],
  LogicalOr: ['Or'],
  Select: ['Tile'], // of bool, where a condition is broadcast
  Slice: ['Slice'], // of int32
};

/** WGSL promises sin and cos to 2^-11 only. */
const TOLERANCE: Readonly<Record<string, number>> = { Sin: 5e-4, Cos: 5e-4 };

if (!webgpuPossible) {
  console.warn('webgpu.test.ts skipped: no GPU, nor SwiftShader (on Debian: apt install chromium)');
}

describe.skipIf(!webgpuPossible)('webgpu', () => {
  let gpu: Device;
  let cpu: Device;
  let eager: Device;
  const folder = mkdtempSync(join(tmpdir(), 'webgpu-'));

  beforeAll(async () => {
    await tf.setBackend('cpu');
    gpu = await openDevice('webgpu');
    cpu = await openDevice('cpu', 2);
    eager = await openDevice('tfjs');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  describe('lowerings against eager tfjs', () => {
    test.for(Object.entries(KERNEL_CASES))('%s', async ([kernel, variants]) => {
      await expectSame(kernel, variants, gpu, eager, TOLERANCE[kernel] ?? 1e-4);
    });
  });

  test('what runs on the CPU is known', async () => {
    const found: Record<string, readonly string[]> = {};
    for (const [kernel, variants] of Object.entries(KERNEL_CASES)) {
      const { inputs, fn } = stepOf(variants);
      const given = (await placement(fn, inputs, 'webgpu')).get('CPUExecutionProvider');
      if (given) found[kernel] = [...given];
    }
    expect(found).toEqual(PARTLY_ON_CPU);
  });

  test('a whole training step runs on the GPU', async () => {
    const weights = tinyWeights();
    const batch = tinyBatch();
    const step = (given: Tensors) => {
      const own = Object.fromEntries(Object.keys(weights).map((name) => [name, given[name]!]));
      const { value, gradients } = valueAndGradients((w) => lossOf(w, given), own);
      const norm = tf.sqrt(tf.addN(Object.values(gradients).map((g) => tf.sum(tf.square(g)))));
      const s = { rate: value.mul(1e-3), correction1: value, correction2: value, gradientScale: norm };
      const constants = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
      const updated = Object.entries(gradients).map(([name, g]) => {
        const before = { parameter: own[name]!, first: own[name]!.mul(0.1), second: tf.square(own[name]!) };
        return [name, adamw(before, g, constants, 0.1, s).parameter];
      });
      return { value, norm, ...Object.fromEntries(updated) };
    };
    const ran = await placement(step, { ...weights, ...batch }, 'webgpu');
    expect([...(ran.get('CPUExecutionProvider') ?? [])]).toEqual([]);
    expect(ran.get('WebGpuExecutionProvider')!.size).toBeGreaterThan(10);
  });

  test('state stays on the device, is read and written, and may outlive its program', async () => {
    const values = {
      w: float32([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
      n: int32([2], Int32Array.of(7, -7)),
      untouched: float32([1], Float32Array.of(0.5)),
    };
    const state = await createState(gpu, values);
    const location = (name: string) => (state.slots.get(name)!.current as ort.Tensor).location;
    expect(Object.keys(values).map(location)).toEqual(['gpu-buffer', 'gpu-buffer', 'gpu-buffer']);
    for (const [name, tensor] of Object.entries(values)) expect(await state.read(name)).toEqual(tensor);

    const program = await compile(
      ({ inputs, state: { w, n } }) => ({
        outputs: { sum: w!.sum() },
        // Declared as a reshaped value: the state keeps its own shape.
        state: { w: w!.reshape([3, 2]).mul(inputs.k!).reshape([2, 3]), n: n!.add(n!) },
      }),
      { name: 'double', inputs: { k: { shape: [], dtype: 'float32' } }, state: state.specs },
      gpu,
    );
    const before = state.slots.get('w')!.current as ort.Tensor;
    const k = float32([], Float32Array.of(2));
    for (const expected of [21, 42, 84]) {
      expect((await program.run({ k }, state)).sum).toEqual(float32([], Float32Array.of(expected)));
    }
    expect(['w', 'n'].map(location)).toEqual(['gpu-buffer', 'gpu-buffer']);
    expect((state.slots.get('w')!.current as ort.Tensor).dims).toEqual([2, 3]);
    expect((before as unknown as { dataLocation: string }).dataLocation, 'the replaced buffer is freed').toBe('none');

    await program.dispose();
    expect([...(await state.read('w')).data]).toEqual([8, 16, 24, 32, 40, 48]);
    expect([...(await state.read('n')).data]).toEqual([56, -56]);
    await state.write('w', values.w);
    expect(await state.read('w')).toEqual(values.w);
    const last = state.slots.get('n')!.current as ort.Tensor;
    state.dispose();
    expect((last as unknown as { dataLocation: string }).dataLocation).toBe('none');
    await expect(state.read('w')).rejects.toThrow('state: no tensor "w"');
  });

  test('state of one program feeds another, and what is handed through or swapped survives', async () => {
    const state = await createState(gpu, { a: float32([3], Float32Array.of(1, 2, 3)), b: float32([3]) });
    const make = (step: Parameters<typeof compile>[0]) =>
      compile(step, { name: 'swap', inputs: {}, state: state.specs }, gpu);
    const swap = await make(({ state: { a, b } }) => ({ outputs: {}, state: { a: b!, b: a! } }));
    const add = await make(({ state: { a, b } }) => ({ outputs: {}, state: { a: a!.add(b!), b: b! } }));
    await swap.run({}, state);
    await swap.dispose();
    await add.run({}, state);
    await add.dispose();
    expect([...(await state.read('a')).data, ...(await state.read('b')).data]).toEqual([1, 2, 3, 1, 2, 3]);
    state.dispose();
  });

  const short: TrainConfig = { ...PAPER_LORA, maxSeqLen: 6, batchSize: 2 };
  const lora = { ...short.lora, rank: 2, dropout: 0.1 };
  const methods: readonly (readonly [string, TrainConfig, boolean])[] = [
    ['full', { ...short, method: 'full' }, true],
    ['full, accumulated', { ...short, method: 'full', accumulation: 2 }, false],
    ['lora with dropout', { ...short, lora }, true],
  ];
  test.for(methods)('training steps equal the CPU’s: %s', async ([, config, separate]) => {
    const base = await tinyFolder(folder);
    const model = tunedModel(base, config.method, config.method === 'lora' ? config.lora : undefined);
    const onCpu = await someSteps(model, config, separate, cpu);
    const onGpu = await someSteps(model, config, separate, gpu);
    expect(onCpu.losses.at(-1)).toBeLessThan(onCpu.losses[0]!);
    onCpu.losses.forEach((loss, i) => {
      expect(Math.abs(onGpu.losses[i]! / loss - 1)).toBeLessThan(1e-4);
    });
    // Adam divides by the root of tiny second moments: what the rounding left there shows in the parameters.
    for (const name of Object.keys(model.trainedShapes)) {
      expectClose(name, onGpu.tensors[name]!, onCpu.tensors[name]!, 2e-3);
    }
  });
});

async function someSteps(model: TunedModel, config: TrainConfig, separate: boolean, device: Device) {
  const programs = await compileTraining(model, config, device, { separate });
  const initial = await readSources(model.initial(createRandom(1)));
  const state = await createState(device, trainingState(initial, config.accumulation));
  const batches: HostTensors[] = Array.from({ length: config.accumulation }, (_, i) => {
    const { from, positions, ...plain } = tinyBatch(TINY, [2, 6], 3 + i);
    return (separate ? { from, positions, ...plain } : plain) as HostTensors;
  });
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    losses.push((await updateOnce(programs, config, state, batches, step, 3e-3)).loss);
  }
  const tensors: Record<string, HostTensors[string]> = {};
  for (const name of Object.keys(model.trainedShapes)) tensors[name] = await state.read(name);
  await programs.dispose();
  state.dispose();
  return { losses, tensors };
}
