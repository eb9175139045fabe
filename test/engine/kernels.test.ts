import { beforeAll, describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../../lib/engine/device';
import { ONNX_LOWERINGS } from '../../lib/engine/onnx/lower';
import * as tf from '../../lib/engine/tf';
import { BLOCKWISE, CONSTANT } from '../../lib/engine/trace/graph';
import { SIGNATURES } from '../../lib/engine/trace/signatures';
import { TRACE_BACKEND } from '../../lib/engine/trace/trace';
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
  for (const name of TRACED) watch(name);
});

describe('lowerings against eager tfjs', () => {
  test.for(Object.entries(KERNEL_CASES))('%s', async ([kernel, variants]) => {
    called.clear();
    await expectSame(kernel, variants, cpu, eager, 2e-6);
    expect(called, 'the cases must reach the kernel they stand for').toContain(kernel);
  });
});

/** What can be traced: tfjs' kernels and our own. */
const TRACED = [...Object.keys(SIGNATURES), BLOCKWISE].sort();

test('every kernel that is traced has its cases and its form in ONNX', () => {
  expect(Object.keys(KERNEL_CASES).sort(), 'add rows to test/engine/kernel-cases.ts').toEqual(TRACED);
  const lowered = Object.keys(ONNX_LOWERINGS).filter((name) => name !== CONSTANT);
  expect(lowered.sort()).toEqual(TRACED);
});

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
