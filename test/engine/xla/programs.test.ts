import { beforeAll, describe, expect, test } from 'vitest';
import { compile, type Step } from '../../../lib/engine/compile';
import { type Device, openDevice } from '../../../lib/engine/device';
import { valueAndGradients } from '../../../lib/engine/gradient';
import { createState } from '../../../lib/engine/state';
import { float32, float32Specs, int32 } from '../../../lib/engine/tensors';
import * as tf from '../../../lib/engine/tf';
import { traceStep } from '../../../lib/engine/trace/step';
import { XLA_LOWERINGS } from '../../../lib/engine/xla/lower';
import { xlaModule } from '../../../lib/engine/xla/program';
import type { Spread } from '../../../lib/engine/xla/spread';
import { tinyBatch, tinyWeights } from '../../model/tiny-llama';
import { xlaPossible } from '../../xla/device';
import { expectClose } from '../run-cases';
import { runOnce } from '../run-once';
import { lossOf } from '../tiny-loss';

/** Programs on XLA's plug-in for the CPU. The kernels are in kernels.test.ts, updates beside PyTorch in test/parity. */

const vector = { x: { shape: [4], dtype: 'float32' } } as const;

describe('the text', () => {
  const textOf = (step: Step, inputs: Parameters<typeof xlaModule>[1]['inputs'], state = {}) =>
    xlaModule(step, { name: 'a step', inputs, state });

  test('gives the memory of a state tensor to its next value, and leaves out what nothing reads', () => {
    const state = float32Specs({ w: [2, 2], kept: [3], idle: [5] });
    const step: Step = ({ inputs, state: { w, kept } }) => ({
      outputs: { sum: w!.sum().add(inputs.x!.sum()), kept: kept! },
      state: { w: w!.mul(2) },
    });
    const { text, inputs } = textOf(step, { ...vector, unread: vector.x }, state);
    expect(inputs.map(({ name }) => name)).toEqual(['in.x', 'state.w', 'state.kept']);
    expect(text).toContain(
      '@main(%arg0: tensor<4xf32>, %arg1: tensor<2x2xf32> {tf.aliasing_output = 2 : i32}, %arg2: tensor<3xf32>)',
    );
    expect(text).toMatch(/^module @a_step /);
  });

  test('holds no large constants: those are arguments, equal ones once', () => {
    const table = Array.from({ length: 4096 }, (_, i) => Math.sin(i));
    const step: Step = ({ inputs: { x } }) => ({
      outputs: {
        y: x!
          .mul(tf.tensor(table, [1024, 4]))
          .add(tf.tensor(table, [1024, 4]))
          .sum(),
        z: tf
          .range(0, 4096, 1, 'int32')
          .add(tf.ones([4096], 'int32'))
          .sum(),
      },
    });
    const { text, constants } = textOf(step, vector);
    expect(constants.map(({ shape }) => shape)).toEqual([[1024, 4]]);
    expect(text.length).toBeLessThan(4000);
  });

  test('asks for whole float32 products, which a GPU would round', () => {
    const step: Step = ({ inputs: { x } }) => ({ outputs: { y: tf.matMul(x!.reshape([2, 2]), x!.reshape([2, 2])) } });
    expect(textOf(step, vector).text.match(/precision HIGHEST/g)).toHaveLength(2);
  });

  test('a kernel without a lowering is named when it is traced', () => {
    const { Cumsum: _, ...kernels } = XLA_LOWERINGS;
    const step: Step = ({ inputs: { x } }) => ({ outputs: { y: tf.cumsum(x!) } });
    const lacking = { language: 'StableHLO', kernels, blocks: false };
    expect(() => traceStep(step, { name: 's', inputs: vector, state: {} }, lacking)).toThrow(
      'engine: kernel Cumsum (op cumsum) has no lowering to StableHLO',
    );
  });
});

describe.skipIf(!xlaPossible)('xla:cpu', () => {
  let xla: Device;
  let eager: Device;
  beforeAll(async () => {
    await tf.setBackend('cpu');
    xla = await openDevice('xla:cpu');
    eager = await openDevice('tfjs');
  });

  test('every gradient of a model is eager tfjs’ own', async () => {
    const inputs = { ...tinyWeights(), ...tinyBatch() };
    const step = (given: Readonly<Record<string, tf.Tensor>>) => {
      const own = Object.fromEntries(Object.keys(tinyWeights()).map((name) => [name, given[name]!]));
      const { value, gradients } = valueAndGradients((w) => lossOf(w, given), own);
      return { value, ...gradients };
    };
    const expected = await runOnce('gradients', step, inputs, eager);
    const actual = await runOnce('gradients', step, inputs, xla);
    for (const [name, tensor] of Object.entries(expected)) expectClose(name, actual[name]!, tensor, 1e-5);
  });

  test('state stays on the device in its own memory, is read and written, and outlives its program', async () => {
    const values = { w: float32([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)), n: int32([2], Int32Array.of(7, -7)) };
    const state = await createState(xla, values);
    for (const [name, tensor] of Object.entries(values)) expect(await state.read(name)).toEqual(tensor);
    const program = await compile(
      ({ inputs, state: { w, n } }) => ({
        outputs: { sum: w!.sum() },
        state: { w: w!.reshape([3, 2]).mul(inputs.k!).reshape([2, 3]), n: n!.add(n!) },
      }),
      { name: 'double', inputs: { k: { shape: [], dtype: 'float32' } }, state: state.specs },
      xla,
    );
    const before = (state.slots.get('w')!.current as Spread).parts[0]!;
    for (const expected of [21, 42, 84]) {
      const { sum } = await program.run({ k: float32([], Float32Array.of(2)) }, state);
      expect(sum).toEqual(float32([], Float32Array.of(expected)));
    }
    expect(before.isThere, 'given away to its next value').toBe(false);
    await program.dispose();
    expect([...(await state.read('w')).data]).toEqual([8, 16, 24, 32, 40, 48]);
    expect([...(await state.read('n')).data]).toEqual([56, -56]);
    await state.write('w', values.w);
    expect(await state.read('w')).toEqual(values.w);
    const last = (state.slots.get('n')!.current as Spread).parts[0]!;
    state.dispose();
    expect(last.isThere).toBe(false);
    await expect(state.read('w')).rejects.toThrow('state: no tensor "w"');
  });

  test('what is handed through or swapped survives', async () => {
    const state = await createState(xla, { a: float32([3], Float32Array.of(1, 2, 3)), b: float32([3]) });
    const make = (step: Step) => compile(step, { name: 'swap', inputs: {}, state: state.specs }, xla);
    const swap = await make(({ state: { a, b } }) => ({ outputs: { a: a! }, state: { a: b!, b: a! } }));
    const add = await make(({ state: { a, b } }) => ({ outputs: {}, state: { a: a!.add(b!), b: b! } }));
    expect([...(await swap.run({}, state)).a!.data]).toEqual([1, 2, 3]);
    await swap.dispose();
    await add.run({}, state);
    await add.dispose();
    expect([...(await state.read('a')).data, ...(await state.read('b')).data]).toEqual([1, 2, 3, 1, 2, 3]);
    state.dispose();
  });

  test('a place that is not there is refused by name; one that is computed shows as NaN', async () => {
    const rows = float32([3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
    const step: Step = ({ inputs: { rows: table, at } }) => ({
      outputs: {
        asked: tf.gather(table!, at!.reshape([2])),
        computed: tf.gather(table!, at!.add(tf.scalar(1, 'int32')).reshape([2])),
      },
    });
    const inputs = { rows: { shape: [3, 2], dtype: 'float32' }, at: { shape: [2, 1], dtype: 'int32' } } as const;
    const program = await compile(step, { name: 'pick', inputs, state: {} }, xla);
    const state = await createState(xla, {});
    const run = (...places: number[]) => program.run({ rows, at: int32([2, 1], Int32Array.from(places)) }, state);
    const { asked, computed } = await run(0, 2);
    expect([...asked!.data]).toEqual([1, 2, 5, 6]);
    expect([...computed!.data]).toEqual([3, 4, Number.NaN, Number.NaN]);
    const message = 'engine: pick: input: "at" holds 3 at number 1; it says where to read and must be from 0 to 2';
    await expect(run(0, 3)).rejects.toThrow(message);
    await expect(run(-1, 0)).rejects.toThrow('holds -1 at number 0');
    await program.dispose();
  });

  test('a timer keeps running while a program does', async () => {
    const size = 700;
    const step: Step = ({ inputs: { x } }) => {
      let y = x as tf.Tensor2D;
      for (let i = 0; i < 12; i++) y = tf.matMul(y, x as tf.Tensor2D).mul(1e-3);
      return { outputs: { y: y.sum() } };
    };
    const inputs = { x: { shape: [size, size], dtype: 'float32' } } as const;
    const program = await compile(step, { name: 'long', inputs, state: {} }, xla);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await program.run({ x: float32([size, size]) }, await createState(xla, {}));
    clearInterval(timer);
    await program.dispose();
    expect(ticks).toBeGreaterThan(3);
  });
});
