import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compile, type Program, type Step } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { createState, type DeviceState } from '../../lib/engine/state';
import { float32, type HostTensors, int32, type Specs } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { xlaPossible } from '../xla/device';

const RUNNING = ['cpu', 'tfjs', 'xla:cpu'] as const;
const vector: Specs = { x: { shape: [4], dtype: 'float32' } };
const x = float32([4], Float32Array.of(1, 2, 3, 4));

let cpu: Device;
let eager: Device;
beforeAll(async () => {
  await tf.setBackend('cpu');
  cpu = await openDevice('cpu', 1);
  eager = await openDevice('tfjs');
});

const traced = (fn: (x: tf.Tensor) => tf.Tensor): Promise<Program> =>
  compile(({ inputs }) => ({ outputs: { y: fn(inputs.x!) } }), { name: 'step', inputs: vector, state: {} }, cpu);

test('a program that was disposed of is refused, also when its run waits for the event loop', async () => {
  const program = await traced((v) => v.mul(2));
  const state = await createState(cpu, {});
  const waiting = program.run({ x }, state);
  await program.dispose();
  await expect(waiting).rejects.toThrow('engine: the program was disposed of; compile it again');
  await expect(program.run({ x }, state)).rejects.toThrow('compile it again');
});

describe('while tracing', () => {
  test.for<readonly [string, string, (x: tf.Tensor) => tf.Tensor]>([
    ['Atan2', 'atan2', (v) => tf.atan2(v, v)],
    ['Erf', 'erf', (v) => tf.erf(v)],
    ['TopK', 'topk', (v) => tf.topk(v, 2).values],
    ['All', 'all', (v) => tf.all(v.cast('bool'))],
    ['Conv2D', 'conv2d', (v) => tf.conv2d(v.reshape([1, 2, 2, 1]) as tf.Tensor4D, tf.ones([1, 1, 1, 1]), 1, 'same')],
  ])('kernel %s without a lowering is named, and its op', async ([kernel, op, fn]) => {
    await expect(traced(fn)).rejects.toThrow(`engine: kernel ${kernel} (op ${op}) has no lowering`);
    await expect(traced(fn)).rejects.toThrow(
      'write the step with other ops, or add it to lib/engine/trace/signatures.ts',
    );
  });

  test('gather with batchDims is refused', async () => {
    const fn = (v: tf.Tensor) => tf.gather(v.reshape([2, 2]), tf.zeros([2, 1], 'int32'), 1, 1);
    await expect(traced(fn)).rejects.toThrow('tf.gather with batchDims has no lowering');
  });

  test.for<readonly [string, (x: tf.Tensor) => tf.Tensor]>([
    ['randomUniform', (v) => v.add(tf.randomUniform([4]))],
    ['randomUniform', (v) => v.add(tf.randomUniform([4], 0, 1, 'float32', 3))],
    ['randomUniformInt', (v) => v.add(tf.randomUniformInt([4], 0, 9))],
    ['randomNormal', (v) => v.add(tf.randomNormal([4]))],
    ['randomNormal', (v) => v.add(tf.randomNormal([4], 0, 1, 'float32', 3))],
    ['truncatedNormal', (v) => v.add(tf.truncatedNormal([4]))],
    ['randomGamma', (v) => v.add(tf.randomGamma([4], 1))],
    ['randomStandardNormal', (v) => v.add(tf.randomStandardNormal([4]))],
    ['dropout', (v) => tf.dropout(v, 0.5)],
    ['dropout', (v) => tf.dropout(v, 0.5, undefined, 3)],
    ['multinomial', (v) => tf.multinomial(v as tf.Tensor1D, 2)],
    ['multinomial', (v) => tf.multinomial(v as tf.Tensor1D, 2, 3)],
  ])('tf.%s is refused, seeded or not', async ([op, fn]) => {
    const refusal = await traced(fn).then(String, (error: Error) => error.message);
    expect(refusal).toMatch(/^engine: /);
    expect(refusal.toLowerCase()).toContain(op.toLowerCase());
  });

  test('a program may be called what it likes', async () => {
    const step: Step = ({ inputs }) => ({ outputs: { y: tf.tidy('random', () => inputs.x!.add(tf.scalar(1))) } });
    await compile(step, { name: 'dropout', inputs: vector, state: {} }, cpu);
  });

  test('a value cannot be read', async () => {
    const message = 'the value of a tensor cannot be read while tracing';
    await expect(traced((v) => tf.scalar(v.dataSync()[0]!))).rejects.toThrow(message);
    await expect(traced((v) => tf.scalar((v.arraySync() as number[])[0]!))).rejects.toThrow(message);
    let reading: Promise<unknown> | undefined;
    await traced((v) => {
      reading = v.data().catch((error: Error) => error.message);
      return v.add(1);
    });
    expect(await reading).toContain(message);
  });

  test('a tensor made outside the step is refused', async () => {
    const outside = tf.tensor1d([1, 2, 3, 4]);
    const message = 'a tensor made outside the traced function was used inside it';
    await expect(traced((v) => v.add(outside))).rejects.toThrow(message);
    await expect(traced(() => outside)).rejects.toThrow(message);
  });

  test('a tensor kept from an earlier trace is refused', async () => {
    let kept: tf.Tensor | undefined;
    await traced((v) => {
      kept = v.mul(2);
      return kept;
    });
    await expect(traced((v) => v.add(kept!))).rejects.toThrow('a tensor made outside the traced function');
  });

  test('strings and complex numbers are refused', async () => {
    await expect(traced((v) => v.cast('complex64'))).rejects.toThrow();
    await expect(traced(() => tf.tensor(['a']))).rejects.toThrow('engine: tensors of type string cannot be traced');
  });

  test('after a failure the backend is as before, and tracing works', async () => {
    await expect(traced((v) => tf.erf(v))).rejects.toThrow();
    expect(tf.getBackend()).toBe('cpu');
    expect([...tf.tensor1d([1, 2]).add(1).dataSync()]).toEqual([2, 3]);
    const program = await traced((v) => v.add(1));
    expect([...(await program.run({ x }, await createState(cpu, {}))).y!.data]).toEqual([2, 3, 4, 5]);
  });
});

describe.for(xlaPossible ? RUNNING : RUNNING.slice(0, 2))('running on %s', (name) => {
  let opened: Device;
  beforeAll(async () => {
    opened = await openDevice(name, 1);
  });
  const device = () => opened;
  const state = (values: HostTensors = { w: float32([2, 2]) }): Promise<DeviceState> => createState(device(), values);
  const add: Step = ({ inputs, state: { w } }) => ({ outputs: { y: inputs.x! }, state: { w: w!.add(1) } });
  const spec = { name: 'add', inputs: vector, state: { w: { shape: [2, 2], dtype: 'float32' } } } as const;

  test('a wrong input is named', async () => {
    const program = await compile(add, spec, device());
    const held = await state();
    const run = (inputs: HostTensors) => program.run(inputs, held);
    await expect(run({})).rejects.toThrow('engine: add: input: "x" is missing; needs float32 [4]');
    await expect(run({ x: float32([3]) })).rejects.toThrow('"x" must be float32 [4], got float32 [3]');
    await expect(run({ x: float32([2, 2]) })).rejects.toThrow('"x" must be float32 [4], got float32 [2,2]');
    await expect(run({ x: int32([4]) })).rejects.toThrow('"x" must be float32 [4], got int32 [4]');
    await expect(run({ x: float32([4], new Float32Array(5)) })).rejects.toThrow('"x" of shape [4] holds 5 numbers');
    expect((await run({ x })).y).toEqual(x);
    expect([...(await held.read('w')).data]).toEqual([1, 1, 1, 1]);
  });

  test('missing or other state is named', async () => {
    const program = await compile(add, spec, device());
    await expect(program.run({ x }, await state({}))).rejects.toThrow(
      'add needs state "w", which the given state lacks',
    );
    const other = await state({ w: float32([4]) });
    await expect(program.run({ x }, other)).rejects.toThrow(
      'needs state "w" as float32 [2,2], the given one is float32 [4]',
    );
    const integers = await state({ w: int32([2, 2]) });
    await expect(program.run({ x }, integers)).rejects.toThrow('the given one is int32 [2,2]');
    const disposed = await state();
    disposed.dispose();
    await expect(program.run({ x }, disposed)).rejects.toThrow('needs state "w"');
  });

  test('an update of another shape or type, or of no state, is refused', async () => {
    const update = async (next: (w: tf.Tensor) => Record<string, tf.Tensor>) => {
      const step: Step = ({ state: { w } }) => ({ outputs: {}, state: next(w!) });
      return (await compile(step, spec, device())).run({ x }, await state());
    };
    const message = 'engine: add replaces state';
    await expect(update((w) => ({ w: w.reshape([4]) }))).rejects.toThrow(
      `${message} "w", float32 [2,2], by float32 [4]`,
    );
    await expect(update((w) => ({ w: w.cast('int32') }))).rejects.toThrow(
      `${message} "w", float32 [2,2], by int32 [2,2]`,
    );
    await expect(update((w) => ({ v: w }))).rejects.toThrow(`${message} "v", none`);
  });

  test('reading and writing the state are checked', async () => {
    const held = await state();
    await expect(held.read('v')).rejects.toThrow('state: no tensor "v"; it has w');
    await expect(held.write('v', float32([1]))).rejects.toThrow('state: no tensor "v"');
    await expect(held.write('w', float32([4]))).rejects.toThrow('state: "w" must be float32 [2,2], got float32 [4]');
    await expect(state({ w: float32([3], new Float32Array(2)) })).rejects.toThrow('"w" of shape [3] holds 2 numbers');
  });
});

describe('devices', () => {
  test('an unknown name is refused', async () => {
    const unknown = 'device: unknown device "gpu"; use one of cpu, webgpu, cuda, tfjs, xla, xla:cuda, xla:';
    await expect(openDevice('gpu' as never)).rejects.toThrow(unknown);
    await expect(openDevice('toString' as never)).rejects.toThrow('unknown device "toString"');
  });

  test('a plug-in of XLA that is not there, is none or is of another kind is named', async () => {
    const named = process.env.MED42_XLA_PLUGIN;
    try {
      process.env.MED42_XLA_PLUGIN = join(__dirname, 'gone.so');
      await expect(openDevice('xla')).rejects.toThrow(
        'MED42_XLA_PLUGIN must name a plug-in’s shared library, and no file lies',
      );
      await expect(openDevice('xla', 1, { plugin: __dirname })).rejects.toThrow(
        `--plugin or the setting "plugin" must name a plug-in’s shared library, and a folder lies at ${__dirname}`,
      );
      await expect(openDevice('cpu', 1, { plugin: __filename })).rejects.toThrow(
        `device: --plugin is for xla devices, got ${__filename} with device "cpu"; leave it out`,
      );
      process.env.MED42_XLA_PLUGIN = __filename;
      await expect(openDevice('xla:cpu')).rejects.toThrow(`xla: ${__filename} cannot be loaded as a shared library`);
    } finally {
      if (named === undefined) delete process.env.MED42_XLA_PLUGIN;
      else process.env.MED42_XLA_PLUGIN = named;
    }
    if (!xlaPossible) return;
    await expect(openDevice('xla:cuda')).rejects.toThrow(
      `xla:cuda needs another plug-in than ${named}, which is for cpu`,
    );
  });

  test('threads are counted in whole numbers', async () => {
    await expect(openDevice('cpu', 0)).rejects.toThrow('device: threads must be a positive integer, got 0');
  });

  test.for(['webgpu', 'cuda'] as const)('%s opens, or says what is missing and what to do', async (name) => {
    const opened = await openDevice(name).catch((error: Error) => error);
    if (!(opened instanceof Error)) return expect(opened.name).toBe(name);
    expect(opened.message).toMatch(
      new RegExp(`^device: ${name} is not available here \\(.+\\); .+ or use --device cpu$`, 's'),
    );
  });

  test('frozen weights whose file is gone, or that nothing reads for the host', async () => {
    const frozen = { a: { shape: [1], dtype: 'float32', offset: 0, length: 4, file: '/nowhere/a.bin' } } as const;
    const step: Step = ({ frozen: { a } }) => ({ outputs: { y: a!.neg() } });
    const spec = { name: 'gone', inputs: {}, state: {}, frozen };
    await expect(compile(step, spec, cpu)).rejects.toThrow(
      'engine: the weights in /nowhere/a.bin cannot be read (ENOENT); put the file back where it was',
    );
    await expect(compile(step, spec, eager)).rejects.toThrow('device tfjs needs readFrozen');
  });
});
