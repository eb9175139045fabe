import { beforeAll, expect, test } from 'vitest';
import { compile } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { dropout } from '../../lib/engine/dropout';
import { createState } from '../../lib/engine/state';
import { int32 } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { xlaPossible } from '../xla/device';

const ROWS = 64;
const COLUMNS = 48;
const N = ROWS * COLUMNS;
const RATE = 0.3;
const P = 46_337;

let cpu: Device;
let eager: Device;
beforeAll(async () => {
  await tf.setBackend('cpu');
  cpu = await openDevice('cpu', 2);
  eager = await openDevice('tfjs');
});

interface Draw {
  readonly seed?: number;
  readonly step?: number;
  readonly layer?: number;
  readonly rate?: number;
  readonly device?: Device;
}

/** Dropout of ones: 0 or 1 / (1 - rate). */
async function draw({ seed = 42, step = 1, layer = 0, rate = RATE, device = cpu }: Draw = {}): Promise<number[]> {
  const scalar = { shape: [], dtype: 'int32' } as const;
  const program = await compile(
    ({ inputs }) => ({ outputs: { y: dropout(tf.ones([ROWS, COLUMNS]), rate, inputs.seed!, inputs.step!, layer) } }),
    { name: 'dropout', inputs: { seed: scalar, step: scalar }, state: {} },
    device,
  );
  const inputs = { seed: int32([], Int32Array.of(seed)), step: int32([], Int32Array.of(step)) };
  const { y } = await program.run(inputs, await createState(device, {}));
  await program.dispose();
  return [...y!.data];
}

const kept = (mask: readonly number[]) => mask.filter((v) => v !== 0).length;
const share = (mask: readonly number[]) => kept(mask) / mask.length;

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (v: readonly number[]) => v.reduce((s, y) => s + y, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  const product = (u: readonly number[], mu: number, v: readonly number[], mv: number) =>
    u.reduce((s, y, i) => s + (y - mu) * (v[i]! - mv), 0);
  return product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
}

test('a mask is the same compiled and eager', async () => {
  for (const given of [{}, { seed: 0, step: 0 }, { seed: P - 1, step: P - 1, layer: 223 }]) {
    const mask = await draw(given);
    expect(mask).toEqual(await draw({ ...given, device: eager }));
    if (xlaPossible) expect(mask).toEqual(await draw({ ...given, device: await openDevice('xla:cpu') }));
  }
});

test('another step, layer or seed gives another mask, uncorrelated', async () => {
  const first = await draw();
  expect(await draw()).toEqual(first);
  // 4 sigma of N independent pairs.
  const bound = 4 / Math.sqrt(N);
  for (const other of [{ step: 2 }, { step: 3 }, { layer: 1 }, { layer: 2 }, { seed: 43 }, { step: 0, seed: 1 }]) {
    expect(Math.abs(correlation(first, await draw(other))), JSON.stringify(other)).toBeLessThan(bound);
  }
});

test('successive steps and layers do not repeat in a shifted form', async () => {
  const masks = [await draw({ step: 1 }), await draw({ step: 2 }), await draw({ layer: 1 })];
  const bound = 5 / Math.sqrt(N);
  for (const [i, mask] of masks.entries()) {
    // Rows and columns of one mask, and of the next, against each other.
    for (const shift of [1, 2, COLUMNS, COLUMNS + 1]) {
      const rolled = [...mask.slice(shift), ...mask.slice(0, shift)];
      for (const [j, other] of masks.entries()) {
        expect(Math.abs(correlation(rolled, other)), `mask ${i} by ${shift} against ${j}`).toBeLessThan(bound);
      }
    }
  }
});

test('the share that is kept is 1 - rate, and what is kept is scaled up', async () => {
  for (const rate of [0.05, 0.1, 0.3, 0.5, 0.9]) {
    const masks = await Promise.all([1, 2, 3, 4].map((step) => draw({ rate, step })));
    const sigma = Math.sqrt((rate * (1 - rate)) / N);
    for (const mask of masks) {
      expect(Math.abs(share(mask) - (1 - rate)), `rate ${rate}`).toBeLessThan(4 * sigma);
      const values = new Set(mask.filter((v) => v !== 0));
      expect([...values]).toEqual([Math.fround(1 / (1 - rate))]);
    }
    expect(Math.abs(share(masks.flat()) - (1 - rate)), `rate ${rate}, four masks`).toBeLessThan(2 * sigma);
  }
});

test('every row and column is thinned alike', async () => {
  const mask = await draw({ rate: 0.5 });
  const rows = Array.from({ length: ROWS }, (_, r) => mask.slice(r * COLUMNS, (r + 1) * COLUMNS));
  const columns = Array.from({ length: COLUMNS }, (_, c) => mask.filter((_, i) => i % COLUMNS === c));
  for (const line of [...rows, ...columns]) {
    expect(Math.abs(share(line) - 0.5)).toBeLessThan(4.5 * Math.sqrt(0.25 / line.length));
  }
});

test('rate 0 changes nothing; rates outside [0, 1) are refused', async () => {
  expect(new Set(await draw({ rate: 0 }))).toEqual(new Set([1]));
  for (const rate of [1, -0.1, Number.NaN]) {
    await expect(draw({ rate })).rejects.toThrow(`dropout: rate must be in [0, 1), got ${rate}`);
  }
});

test('too many rows for the generator are refused', () => {
  const zero = tf.scalar(0, 'int32');
  expect(() => dropout(tf.zeros([P + 1, 1]), 0.1, zero, zero, 0)).toThrow('dropout: at most 46337 rows and columns');
});

test('the gradient passes where the mask does', () => {
  const zero = tf.scalar(3, 'int32');
  const x = tf.ones([5, 7]);
  const y = dropout(x, 0.5, zero, zero, 1);
  const gradient = tf.grad((v: tf.Tensor) => dropout(v, 0.5, zero, zero, 1).sum())(x);
  expect([...gradient.dataSync()]).toEqual([...y.dataSync()]);
});
