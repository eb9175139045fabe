import { beforeAll, describe, expect, test } from 'vitest';
import * as tf from '../../lib/engine/tf';
import '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { TRACE_BACKEND } from '../../lib/engine/trace';
import { KERNEL_CASES } from './kernel-cases';
import { expectSame } from './run-cases';

/** Each lowering against tfjs' own kernel, op by op on tfjs' cpu backend. */

let cpu: Device;
let eager: Device;
const called = new Set<string>();

beforeAll(async () => {
  await tf.setBackend('cpu');
  cpu = await openDevice('cpu', 2);
  eager = await openDevice('tfjs');
  for (const name of lowerings()) watch(name);
});

describe('lowerings against eager tfjs', () => {
  test.for(Object.entries(KERNEL_CASES))('%s', async ([kernel, variants]) => {
    called.clear();
    await expectSame(kernel, variants, cpu, eager, 2e-6);
    expect(called, 'the cases must reach the kernel they stand for').toContain(kernel);
  });
});

test('every lowering has its cases', () => {
  const missing = lowerings().filter((name) => !(name in KERNEL_CASES));
  expect(missing, 'add rows to test/engine/kernel-cases.ts').toEqual([]);
  expect(Object.keys(KERNEL_CASES).filter((name) => !lowerings().includes(name))).toEqual([]);
});

/** The kernels of the tracing backend that do something other than refuse. */
function lowerings(): string[] {
  return tf.getKernelsForBackend(TRACE_BACKEND).flatMap(({ kernelName, kernelFunc }) => {
    try {
      kernelFunc({ inputs: {}, backend: undefined, attrs: {} } as never);
    } catch (error) {
      return String(error).includes('has no lowering') ? [] : [kernelName];
    }
    return [kernelName];
  });
}

/** Notes each call of the kernel while tracing. */
function watch(kernelName: string): void {
  const config = tf.getKernel(kernelName, TRACE_BACKEND);
  tf.unregisterKernel(kernelName, TRACE_BACKEND);
  tf.registerKernel({
    ...config,
    kernelFunc: (call) => {
      called.add(kernelName);
      return config.kernelFunc(call);
    },
  });
}
