import { expect } from 'vitest';
import type { Tensors } from '../../lib/engine/compile';
import type { Device } from '../../lib/engine/device';
import type { HostTensor, HostTensors } from '../../lib/engine/tensors';
import type * as tf from '../../lib/engine/tf';
import type { Variant } from './kernel-cases';
import { runOnce } from './run-once';

/** All variants of a kernel as one step: inputs "v.i", outputs "v.o". */
export function stepOf(variants: readonly Variant[]): {
  readonly inputs: HostTensors;
  readonly fn: (inputs: Tensors) => Record<string, tf.Tensor>;
} {
  const inputs = Object.fromEntries(variants.flatMap((v, i) => v.inputs.map((t, j) => [`${i}.${j}`, t])));
  const fn = (given: Tensors) =>
    Object.fromEntries(
      variants.flatMap((variant, i) => {
        const results = [variant.fn(...variant.inputs.map((_, j) => given[`${i}.${j}`]!))].flat() as tf.Tensor[];
        // The host sees float32 and int32 only.
        return results.map((t, o) => [`${i}.${o}`, t.dtype === 'bool' ? t.cast('int32') : t]);
      }),
    );
  return { inputs, fn };
}

/** Runs the variants on both devices and compares: integers exactly, floats to `tolerance`, relative above 1. */
export async function expectSame(
  kernel: string,
  variants: readonly Variant[],
  device: Device,
  reference: Device,
  tolerance: number,
): Promise<void> {
  const { inputs, fn } = stepOf(variants);
  const expected = await runOnce(kernel, fn, inputs, reference);
  const actual = await runOnce(kernel, fn, inputs, device);
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) {
    const label = `${kernel}: ${variants[Number(name.split('.')[0])]!.label}`;
    expectClose(label, actual[name]!, tensor, tolerance);
  }
}

export function expectClose(label: string, actual: HostTensor, expected: HostTensor, tolerance: number): void {
  expect(`${label}: ${actual.dtype} [${actual.shape}]`).toBe(`${label}: ${expected.dtype} [${expected.shape}]`);
  expect(actual.data.length, label).toBe(expected.data.length);
  for (const [i, e] of expected.data.entries()) {
    const a = actual.data[i]!;
    const allowed = expected.dtype === 'int32' ? 0 : tolerance * Math.max(1, Math.abs(e));
    // Also false for NaN.
    if (!(Math.abs(a - e) <= allowed)) expect.fail(`${label}: number ${i} is ${a}, should be ${e}`);
  }
}
