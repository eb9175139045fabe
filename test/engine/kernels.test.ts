import { beforeAll, describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../../lib/engine/device';
import { ONNX_LOWERINGS } from '../../lib/engine/onnx/lower';
import * as tf from '../../lib/engine/tf';
import {
  BLOCKWISE,
  CONSTANT,
  FENCE,
  FUSED_ATTENTION,
  FUSED_ATTENTION_GRADIENT,
  LAYER_LOOP,
  LAYER_LOOP_GRADIENT,
} from '../../lib/engine/trace/graph';
import { SIGNATURES } from '../../lib/engine/trace/signatures';
import { TRACE_BACKEND } from '../../lib/engine/trace/trace';
import { XLA_LOWERINGS } from '../../lib/engine/xla/lower';
import { xlaPossible } from '../xla/device';
import { KERNEL_CASES } from './kernel-cases';
import { expectSame } from './run-cases';

/** Each lowering against tfjs' own kernel, op by op on tfjs' cpu backend. */

let eager: Device;
const called = new Set<string>();

beforeAll(async () => {
  await tf.setBackend('cpu');
  eager = await openDevice('tfjs');
  for (const name of TRACED) watch(name);
});

const DEVICES = xlaPossible ? (['cpu', 'xla:cpu'] as const) : (['cpu'] as const);

describe.each(DEVICES)('lowerings for %s against eager tfjs', (name) => {
  test.for(Object.entries(KERNEL_CASES))('%s', async ([kernel, variants]) => {
    called.clear();
    await expectSame(kernel, variants, await openDevice(name, 2), eager, 2e-6);
    // XLA fuses by itself: nothing is traced in blocks for it.
    const reached = name === 'cpu' || kernel !== BLOCKWISE;
    expect(called.has(kernel), 'the cases must reach the kernel they stand for').toBe(reached);
  });
});

/** What can be traced: tfjs' kernels and our own. */
const TRACED = [...Object.keys(SIGNATURES), BLOCKWISE].sort();

test('every kernel that is traced has its cases and its form in every runtime', () => {
  expect(Object.keys(KERNEL_CASES).sort(), 'add rows to test/engine/kernel-cases.ts').toEqual(TRACED);
  const lowered = (table: object) => Object.keys(table).filter((name) => name !== CONSTANT);
  expect(lowered(ONNX_LOWERINGS).sort()).toEqual(TRACED);
  // Loops over layers, their fences and cuDNN's attention are XLA's alone: xla/loops.test.ts and xla/fused-attention.test.ts
  // hold them against layers and attention written out.
  const own = [FENCE, LAYER_LOOP, LAYER_LOOP_GRADIENT, FUSED_ATTENTION, FUSED_ATTENTION_GRADIENT];
  expect([...lowered(XLA_LOWERINGS), BLOCKWISE].sort()).toEqual([...TRACED, ...own].sort());
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
