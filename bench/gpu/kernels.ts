import { compile } from '../../lib/engine/compile';
import type { Device } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import type { HostTensors, Specs } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { KERNEL_CASES, type Variant } from '../../test/engine/kernel-cases';
import { eagerDevice } from './device';

export interface KernelResult {
  readonly kernels: number;
  readonly variants: number;
  /** The largest difference of a number, relative above 1, and whose. */
  readonly worst: { readonly difference: number; readonly of: string };
  readonly failures: readonly { readonly kernel: string; readonly what: string }[];
  readonly seconds: number;
}

/** Of float32 numbers, relative above 1: a GPU's exponential and its order of sums are its own. */
const TOLERANCE = 2e-5;

/** Every kernel that is lowered, on the device and op by op on tfjs' own backend. */
export async function checkKernels(device: Device, say: (line: string) => void): Promise<KernelResult> {
  const began = performance.now();
  await tf.setBackend('cpu');
  const eager = eagerDevice();
  const failures: { kernel: string; what: string }[] = [];
  let worst = { difference: 0, of: 'none' };
  const cases = Object.entries(KERNEL_CASES);
  for (const [i, [kernel, variants]] of cases.entries()) {
    try {
      const found = await compare(variants, device, eager);
      if (!(found.difference <= TOLERANCE)) {
        failures.push({ kernel, what: `${found.of}: a difference of ${found.difference}` });
      }
      if (!(found.difference <= worst.difference)) worst = { ...found, of: `${kernel}, ${found.of}` };
    } catch (error) {
      failures.push({ kernel, what: (error as Error).message });
    }
    if ((i + 1) % 10 === 0) say(`kernels: ${i + 1} of ${cases.length}, ${failures.length} failed`);
  }
  const variants = cases.reduce((sum, [, list]) => sum + list.length, 0);
  return { kernels: cases.length, variants, worst, failures, seconds: (performance.now() - began) / 1000 };
}

async function compare(variants: readonly Variant[], device: Device, eager: Device) {
  const inputs: HostTensors = Object.fromEntries(
    variants.flatMap((v, i) => v.inputs.map((t, j) => [`${i}.${j}`, t] as const)),
  );
  const fn = (given: Readonly<Record<string, tf.Tensor>>) =>
    Object.fromEntries(
      variants.flatMap((variant, i) => {
        const results = [variant.fn(...variant.inputs.map((_, j) => given[`${i}.${j}`]!))].flat() as tf.Tensor[];
        // The host sees float32 and int32 only.
        return results.map((t, o) => [`${i}.${o}`, t.dtype === 'bool' ? t.cast('int32') : t]);
      }),
    );
  const [expected, actual] = [await runOnce(fn, inputs, eager), await runOnce(fn, inputs, device)];
  let worst = { difference: 0, of: 'none' };
  for (const [name, tensor] of Object.entries(expected)) {
    const got = actual[name]!;
    const of = variants[Number(name.split('.')[0])]!.label;
    if (got.dtype !== tensor.dtype || String(got.shape) !== String(tensor.shape)) {
      throw new Error(`${of}: ${got.dtype} [${got.shape}] in place of ${tensor.dtype} [${tensor.shape}]`);
    }
    for (const [i, wanted] of tensor.data.entries()) {
      const value = got.data[i]!;
      if (Object.is(value, wanted) || value === wanted) continue;
      const difference = Math.abs(value - wanted) / Math.max(1, Math.abs(wanted));
      // NaN where a number was wanted is the worst.
      if (!(difference <= worst.difference))
        worst = { difference: Number.isNaN(difference) ? Infinity : difference, of };
    }
  }
  return worst;
}

async function runOnce(
  fn: (inputs: Readonly<Record<string, tf.Tensor>>) => Record<string, tf.Tensor>,
  inputs: HostTensors,
  device: Device,
): Promise<HostTensors> {
  const specs: Specs = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
  );
  const spec = { name: 'kernel', inputs: specs, state: {} };
  const program = await compile(({ inputs: given }) => ({ outputs: fn(given) }), spec, device);
  try {
    return await program.run(inputs, await createState(device, {}));
  } finally {
    await program.dispose();
  }
}
