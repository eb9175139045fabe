import { describe, expect, test } from 'vitest';
import { compile } from '../../lib/engine/compile';
import { openDevice } from '../../lib/engine/device';
import { openSizes, reshapeTarget } from '../../lib/engine/open-size';
import { createState } from '../../lib/engine/state';
import { float32 } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { xlaPossible } from '../xla/device';

/** One program for inputs of any length. */

const DEVICES = xlaPossible ? (['cpu', 'xla:cpu'] as const) : (['cpu'] as const);

test('open sizes are primes that divide no size of the model', () => {
  expect(openSizes(2, [])).toEqual([11, 13]);
  expect(openSizes(2, [22, 64, 17])).toEqual([13, 19]);
  expect(openSizes(1, [0])).toEqual([11]);
});

test('a Reshape keeps or finds out a length left open, and no two', () => {
  expect(reshapeTarget([11, 6], [11, 2, 3], [11])).toEqual([0, 2, 3]);
  expect(reshapeTarget([1, 33, 4], [1, 3, 11, 4], [11])).toEqual([1, 3, -1, 4]);
  expect(() => reshapeTarget([33, 13], [3, 11, 13], [11, 13])).toThrow('leaves two lengths open (of 11,13)');
});

describe('a program with two lengths left open', () => {
  const spec = {
    name: 'open',
    inputs: { a: { shape: [1, 11, 6], dtype: 'float32' }, b: { shape: [13, 3], dtype: 'float32' } },
    state: {},
    open: [11, 13],
  } as const;
  const numbers = (shape: readonly number[]) =>
    float32(
      shape,
      Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, i) => Math.sin(i)),
    );

  test.each(DEVICES)(
    'on %s gives what eager tfjs gives, length by length, and the outputs’ own shapes',
    async (name) => {
      const step = ({ inputs }: { inputs: Readonly<Record<string, tf.Tensor>> }) => {
        const rows = inputs.a!.reshape([inputs.a!.shape[1]! * 2, 3]); // [2A, 3]
        const products = tf.matMul(rows as tf.Tensor2D, inputs.b as tf.Tensor2D, false, true); // [2A, B]
        return { outputs: { products: tf.softmax(products), sum: tf.sum(products) } };
      };
      const [traced, eager] = await Promise.all(
        ([name, 'tfjs'] as const).map(async (of) => {
          const device = await openDevice(of, 1);
          return { program: await compile(step, spec, device), state: await createState(device, {}) };
        }),
      );
      for (const [a, b] of [
        [1, 1],
        [5, 2],
        [11, 13],
        [40, 77],
      ] as const) {
        const inputs = { a: numbers([1, a, 6]), b: numbers([b, 3]) };
        const got = await traced!.program.run(inputs, traced!.state);
        const expected = await eager!.program.run(inputs, eager!.state);
        for (const output of ['products', 'sum'] as const) {
          expect(got[output]!.shape, output).toEqual(expected[output]!.shape);
          const far = got[output]!.data.map((value, i) => Math.abs(value - expected[output]!.data[i]!));
          expect(Math.max(...far), output).toBeLessThan(1e-4);
        }
      }
      const wrong = { a: numbers([1, 5, 7]), b: numbers([2, 3]) };
      await expect(traced!.program.run(wrong, traced!.state)).rejects.toThrow(
        'engine: open: input: "a" must be float32 [1,any,6], got float32 [1,any,7]',
      );
    },
  );

  test('a constant of an open length is refused when it is traced', async () => {
    const step = ({ inputs }: { inputs: Readonly<Record<string, tf.Tensor>> }) => ({
      outputs: { y: inputs.b!.add(tf.ones(inputs.b!.shape)) },
    });
    await expect(compile(step, spec, await openDevice('cpu', 1))).rejects.toThrow('hangs on a length that each run');
  });
});
