import { expect, test } from 'vitest';
import { compile, type Step } from '../../lib/engine/compile';
import { openDevice } from '../../lib/engine/device';
import { valueAndGradients } from '../../lib/engine/gradient';
import { createState } from '../../lib/engine/state';
import { float32, type HostTensors, int32 } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { createRandom } from '../../lib/random';
import { crossEntropySum } from '../../lib/train/loss';
import { specsOf } from './run-once';

/**
 * Sums at repeated places, on two threads, over and over. The numbers are small integers, so that every order of
 * summing gives the same float: any difference is a sum that was lost.
 */
const ROWS = 4096;
const PLACES = 7;
/** At this width ScatterND with reduction add, which races, is found wrong in 10 of 50 runs. */
const WIDTH = 64;
const RUNS = 50;

const random = createRandom(11, 'races');
const integers = (size: number, bound: number) => Float32Array.from({ length: size }, () => random.int(bound) - 3);
const ids = Int32Array.from({ length: ROWS }, () => random.int(PLACES));

/** rows [N, C] added up at their places, on the host. */
function sumAt(rows: (row: number, column: number) => number): number[] {
  const sums = new Array<number>(PLACES * WIDTH).fill(0);
  for (let n = 0; n < ROWS; n++) {
    for (let c = 0; c < WIDTH; c++) sums[ids[n]! * WIDTH + c]! += rows(n, c);
  }
  return sums;
}

async function runOften(step: Step, inputs: HostTensors): Promise<number[][]> {
  const device = await openDevice('cpu', 2);
  const program = await compile(step, { name: 'races', inputs: specsOf(inputs), state: {} }, device);
  const state = await createState(device, {});
  const results: number[][] = [];
  for (let run = 0; run < RUNS; run++) results.push([...(await program.run(inputs, state)).gradient!.data]);
  await program.dispose();
  return results;
}

test('the gradient of an embedding is exact every time', async () => {
  const upstream = integers(ROWS * WIDTH, 7);
  const inputs = {
    table: float32([PLACES, WIDTH], integers(PLACES * WIDTH, 7)),
    ids: int32([ROWS], ids),
    upstream: float32([ROWS, WIDTH], upstream),
  };
  const step: Step = ({ inputs: { table, ids: places, upstream: dy } }) => {
    const { gradients } = valueAndGradients((v) => tf.gather(v.table!, places!).mul(dy!).sum(), { table: table! });
    return { outputs: { gradient: gradients.table! } };
  };
  const expected = sumAt((n, c) => upstream[n * WIDTH + c]!);
  for (const result of await runOften(step, inputs)) expect(result).toEqual(expected);
});

test('the cross-entropy’s gradient of the output matrix is exact every time', async () => {
  const hidden = integers(ROWS * WIDTH, 7);
  const weights = Float32Array.from({ length: ROWS }, (_, n) => n % 3);
  const inputs = {
    hidden: float32([ROWS, WIDTH], hidden),
    // All zero: every probability is 1/8, a power of two, with one more row that is nobody's target.
    head: float32([PLACES + 1, WIDTH]),
    ids: int32([ROWS], ids),
    weights: float32([ROWS], weights),
  };
  const step: Step = ({ inputs: { hidden: h, head, ids: targets, weights: w } }) => {
    const loss = (v: Readonly<Record<string, tf.Tensor>>) => crossEntropySum(h!, v.head!, targets!, w!);
    return { outputs: { gradient: valueAndGradients(loss, { head: head! }).gradients.head! } };
  };
  const scaled = (n: number, c: number) => weights[n]! * hidden[n * WIDTH + c]!;
  const column = Array.from({ length: WIDTH }, (_, c) => ids.reduce((sum, _id, n) => sum + scaled(n, c), 0));
  const everyRow = Array.from({ length: PLACES + 1 }, () => column).flat();
  const atTargets = sumAt(scaled);
  const expected = everyRow.map((sum, i) => sum / (PLACES + 1) - (atTargets[i] ?? 0));
  for (const result of await runOften(step, inputs)) expect(result).toEqual(expected);
});
