import { beforeAll, describe, expect, test } from 'vitest';
import { ALL_LINEAR, type LoraConfig } from '../../lib/config';
import { float32, type HostTensors } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { attention, causalAttention } from '../../lib/model/attention';
import { rmsNorm, swiglu } from '../../lib/model/layers';
import {
  type AttentionScope,
  headWeight,
  type LlamaConfig,
  llamaHidden,
  plainLinear,
  type Weights,
} from '../../lib/model/llama';
import { loraLinear, loraShapes } from '../../lib/model/lora';
import { FORBIDDEN, maskOf } from '../../lib/model/mask';
import { rope, ropeTables } from '../../lib/model/rope';
import { createRandom } from '../../lib/random';
import { crossEntropySum } from '../../lib/train/loss';
import { checkGradients, gradientsOf, type Loss, lossAt } from './directional';
import { normal, TINY, tinyBatch, tinyWeights } from './tiny-llama';

/** Every gradient that is written out, and every tensor of the model, against central differences. */

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** float32 leaves 1e-3 and less; a wrong factor or sign leaves about 1, a missing term about its share. */
const TOLERANCE = 4e-3;

function expectRight(loss: Loss, variables: HostTensors, step?: number): void {
  for (const { tensor, error } of checkGradients(loss, variables, step === undefined ? {} : { step })) {
    expect(error, tensor).toBeLessThan(TOLERANCE);
  }
}

function expectSameGradients(one: Loss, other: Loss, variables: HostTensors): void {
  const [mine, theirs] = [gradientsOf(one, variables), gradientsOf(other, variables)];
  for (const name of Object.keys(variables)) {
    const largest = Math.max(...theirs[name]!.map(Math.abs));
    const off = Math.max(...mine[name]!.map((x, i) => Math.abs(x - theirs[name]![i]!)));
    expect(off / largest, name).toBeLessThan(5e-6);
  }
}

const random = createRandom(3, 'gradients');
const given = (shape: readonly number[], deviation = 1) => normal(shape, random, deviation);
/** A fixed weighting of a layer's outputs, so that no two of them count alike. */
const weigh = (y: tf.Tensor): tf.Tensor => {
  const weights = createRandom(9, 'outputs');
  return y
    .mul(
      tf.tensor(
        Array.from({ length: y.size }, () => weights.normal()),
        y.shape,
      ),
    )
    .sum();
};
const ids = (values: readonly number[]) => tf.tensor1d([...values], 'int32');

describe('layers', () => {
  test('rmsNorm', () => {
    const loss: Loss = ({ x, w }) => weigh(rmsNorm(x!, w!, 1e-5));
    expectRight(loss, { x: given([5, 7]), w: given([7]) });
  });

  test('rmsNorm where eps counts', () => {
    const loss: Loss = ({ x, w }) => weigh(rmsNorm(x!, w!, 0.5));
    expectRight(loss, { x: given([5, 7], 0.7), w: given([7]) });
  });

  test('swiglu', () => {
    const loss: Loss = ({ gate, up }) => weigh(swiglu(gate!, up!));
    expectRight(loss, { gate: given([5, 7], 2), up: given([5, 7]) });
  });

  test.for(['0..T-1', 'of their own'])('rope, positions %s', (positions) => {
    const own = positions === '0..T-1' ? undefined : tf.tensor2d([0, 1, 2, 0, 1, 5, 6, 7, 0, 1], [2, 5], 'int32');
    const { query, key } = ropeTables(TINY, 5, own);
    const loss: Loss = ({ q, k }) => weigh(rope(q!, query)).add(weigh(rope(k!, key)));
    expectRight(loss, { q: given([2, 2, 2, 5, 4]), k: given([2, 2, 1, 5, 4]) });
  });

  const causal = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (j <= i ? 0 : FORBIDDEN)));
  const segments = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (j <= i && i < 2 === j < 2 ? 0 : FORBIDDEN)));
  test.for<readonly [string, number[][][], number]>([
    ['causal', [causal], 1],
    ['causal, three query heads a group', [causal], 3],
    ['segments', [causal, segments], 1],
    ['segments, two query heads a group', [segments, causal], 2],
  ])('attention: %s', ([, mask, groups]) => {
    const loss: Loss = ({ q, k, v }) => weigh(attention(q!, k!, v!, maskOf(tf.tensor3d(mask))));
    expectRight(loss, { q: given([2, 2, groups * 3, 4]), k: given([2, 2, 3, 4]), v: given([2, 2, 3, 4]) });
  });

  test.for([5, 11])('LoRA linear: adapter, base and input, %i rows', (rows) => {
    const c = { rank: 3, alpha: 5, dropout: 0, useRsLora: true, targetModules: ALL_LINEAR };
    const loss: Loss = ({ x, w, a, b }) => {
      const adapter = { 'q.lora_A.weight': a!, 'q.lora_B.weight': b! };
      return weigh(loraLinear({ 'q.weight': w! }, adapter, c)('q', x!));
    };
    expectRight(loss, { x: given([rows, 7]), w: given([4, 7]), a: given([3, 7]), b: given([4, 3]) });
  });

  test('LoRA linear: many rows, which meet the sum of weights, as few rows do', () => {
    const c = { rank: 3, alpha: 5, dropout: 0, useRsLora: false, targetModules: ALL_LINEAR };
    const variables = { x: given([40, 7]), w: given([4, 7]), a: given([3, 7]), b: given([4, 3]) };
    const [merged, apart] = [undefined, (x: tf.Tensor) => x].map(
      (dropout): Loss =>
        ({ x, w, a, b }) => {
          const adapter = { 'q.lora_A.weight': a!, 'q.lora_B.weight': b! };
          return weigh(loraLinear({ 'q.weight': w! }, adapter, c, dropout)('q', x!));
        },
    );
    expectSameGradients(merged!, apart!, variables);
  });

  test.for<readonly [string, boolean, number]>([
    ['causal', false, 1],
    ['segments, two query heads a group', true, 2],
  ])('attention in blocks: %s', ([, apart, groups]) => {
    const [length, batch] = [150, 2];
    const places = Array.from({ length }, (_, i) => i);
    const forbids = (b: number, i: number, j: number) => j > i || (apart && i < 70 + b !== j < 70 + b);
    const masks = (apart ? [0, 1] : [0]).map((b) =>
      places.map((i) => places.map((j) => (forbids(b, i, j) ? FORBIDDEN : 0))),
    );
    const mask = maskOf(tf.tensor3d(masks));
    const variables = {
      q: given([batch, 2, groups * length, 4]),
      k: given([batch, 2, length, 4]),
      v: given([batch, 2, length, 4]),
    };
    const [whole, blocks] = [attention, causalAttention].map(
      (attend): Loss =>
        ({ q, k, v }) =>
          weigh(attend(q!, k!, v!, mask)),
    );
    expectRight(blocks!, variables);
    expect(lossAt(blocks!, variables)).toBeCloseTo(lossAt(whole!, variables), 4);
    expectSameGradients(blocks!, whole!, variables);
  });

  test('embedding, repeated tokens', () => {
    const loss: Loss = ({ table }) => weigh(tf.gather(table!, ids([2, 0, 2, 2, 4, 0])));
    expectRight(loss, { table: given([5, 3]) });
  });

  const targets = [1, 4, 1, 1, 0, 6];
  test.for<readonly [string, number[]]>([
    ['all weights 1', [1, 1, 1, 1, 1, 1]],
    ['some weights 0, others apart', [0, 1, 0.5, 0, 2, 1]],
  ])('crossEntropySum: repeated targets, %s', ([, weights]) => {
    const loss: Loss = ({ hidden, head }) =>
      crossEntropySum(hidden!, head!, ids(targets), tf.tensor1d(weights)).mul(0.7);
    expectRight(loss, { hidden: given([6, 5]), head: given([7, 5]) });
  });

  test.for([7, 4096, 9001])('crossEntropySum is what tfjs’ own log-softmax gives, %i tokens of vocabulary', (rows) => {
    const places = ids([1, rows - 1, 1, 1, 0, rows >> 1]);
    const weights = tf.tensor1d([0, 1, 0.5, 0, 2, 1]);
    const own: Loss = ({ hidden, head }) => {
      const logs = tf
        .logSoftmax(hidden!.matMul(head!, false, true))
        .mul(tf.oneHot(places, rows))
        .sum(-1);
      return logs.mul(weights).sum().mul(-0.7);
    };
    const ours: Loss = ({ hidden, head }) => crossEntropySum(hidden!, head!, places, weights).mul(0.7);
    const variables = { hidden: given([6, 5], 3), head: given([rows, 5], 3) };
    expect(lossAt(ours, variables) / lossAt(own, variables)).toBeCloseTo(1, 5);
    const [expected, actual] = [gradientsOf(own, variables), gradientsOf(ours, variables)];
    for (const name of ['hidden', 'head']) {
      const largest = Math.max(...expected[name]!.map(Math.abs));
      const off = Math.max(...expected[name]!.map((e, i) => Math.abs(e - actual[name]![i]!)));
      expect(off / largest, name).toBeLessThan(1e-5);
    }
  });
});

const lora: LoraConfig = { rank: 2, alpha: 3, dropout: 0, useRsLora: false, targetModules: ALL_LINEAR };

const constants = (tensors: HostTensors): Weights =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, tf.tensor(t.data, [...t.shape], t.dtype)]));

/** The whole model's loss of a batch with weights 0, repeated targets, and where asked two segments a row. */
function modelLoss(c: LlamaConfig, weights: Weights, separate: boolean, adapter?: Weights): tf.Tensor {
  const batch = constants(tinyBatch(c));
  const linear = adapter ? loraLinear(weights, adapter, lora) : plainLinear(weights);
  const scope = separate ? { segments: { from: batch.from!, positions: batch.positions! } } : {};
  const hidden = llamaHidden(c, weights, () => linear, batch.tokens!, scope);
  return crossEntropySum(hidden, headWeight(c, weights), batch.targets!.flatten(), batch.weights!.flatten());
}

describe('the whole model', () => {
  test.for<readonly [string, LlamaConfig, boolean]>([
    ['grouped queries', TINY, false],
    ['segments', TINY, true],
    ['tied embeddings', { ...TINY, tieWordEmbeddings: true }, true],
    ['one key head for each query head', { ...TINY, numKeyValueHeads: 4 }, false],
  ])('every parameter: %s', ([, c, separate]) => {
    expectRight((weights) => modelLoss(c, weights, separate), tinyWeights(c));
  });

  test('places from which each attends are the mask written out', () => {
    const batch = constants(tinyBatch());
    const weights = constants(tinyWeights());
    const from = [0, 0, 0, 2, 2, 5];
    const mask = tf
      .tensor(from.map((first, i) => from.map((_, j) => (j >= first && j <= i ? 0 : FORBIDDEN))))
      .expandDims();
    const hidden = (scope: AttentionScope) =>
      llamaHidden(TINY, weights, () => plainLinear(weights), batch.tokens!, scope).dataSync();
    const each = (row: readonly number[]) => tf.tensor([[...row], [...row]], [2, 6], 'int32');
    const positions = each([0, 1, 2, 3, 4, 5]);
    const given = hidden({ segments: { from: each(from), positions } });
    const written = hidden({ asked: positions, branches: { mask, positions } });
    expect([...given].map((value, i) => Math.abs(value - written[i]!)).reduce((a, b) => Math.max(a, b))).toBeLessThan(
      1e-6,
    );
    const whole = hidden({});
    expect([...given].some((value, i) => Math.abs(value - whole[i]!) > 1e-3)).toBe(true);
  });

  test('every tensor of an adapter', () => {
    const weights = tinyWeights();
    const adapter = Object.fromEntries(
      Object.entries(loraShapes(TINY, lora)).map(([name, shape]) => [name, given(shape, 0.4)]),
    );
    expect(Object.keys(adapter)).toHaveLength(2 * 7 * TINY.numHiddenLayers);
    // A narrow step: two adapted layers, one over the other, curve more than the rest.
    expectRight((variables) => modelLoss(TINY, constants(weights), true, variables), adapter, 5e-3);
  });
});

describe('the check itself', () => {
  const variables = { x: given([4, 6]), w: given([6]) };
  const right: Loss = ({ x, w }) => weigh(rmsNorm(x!, w!, 1e-5));
  const errorOf = (tensor: string, wrong: (gradients: Record<string, Float32Array>) => Float32Array): number => {
    const differentiate: typeof gradientsOf = (loss, at) => {
      const gradients = gradientsOf(loss, at);
      return { ...gradients, [tensor]: wrong(gradients) };
    };
    return checkGradients(right, variables, { differentiate }).find((c) => c.tensor === tensor)!.error;
  };

  test('finds a factor of two, a sign, a transposed row, a single wrong number', () => {
    expect(errorOf('x', ({ x }) => x!)).toBeLessThan(TOLERANCE);
    expect(errorOf('x', ({ x }) => x!.map((g) => 2 * g))).toBeGreaterThan(10 * TOLERANCE);
    expect(errorOf('x', ({ x }) => x!.map((g) => -g))).toBeGreaterThan(10 * TOLERANCE);
    expect(errorOf('w', ({ w }) => w!.toReversed())).toBeGreaterThan(10 * TOLERANCE);
    expect(errorOf('w', ({ w }) => w!.map((g, i) => (i === 3 ? 0 : g)))).toBeGreaterThan(10 * TOLERANCE);
  });

  test('finds a missing term: rmsNorm as if its rms were a constant', () => {
    const wrong: typeof gradientsOf = (loss, at) =>
      gradientsOf(({ x, w }) => {
        const inverse = tf.rsqrt(tf.mean(tf.square(tf.tensor(at.x!.data, [4, 6])), -1, true).add(1e-5));
        return weigh(x!.mul(inverse).mul(w!)).add(loss({ x: x!, w: w! }).mul(0));
      }, at);
    const errors = checkGradients(right, variables, { differentiate: wrong });
    expect(errors.find((c) => c.tensor === 'x')!.error).toBeGreaterThan(10 * TOLERANCE);
    expect(errors.find((c) => c.tensor === 'w')!.error).toBeLessThan(TOLERANCE);
  });

  test('finds a loss whose repeated targets are counted once', () => {
    const differentiate: typeof gradientsOf = (loss, at) => {
      const gradients = gradientsOf(loss, at);
      // The rows' sums with each place's last contribution only, as a racing scatter leaves them.
      const lost = gradientsOf(
        ({ table }) => weigh(tf.gather(table!, ids([2, 0, 2])).mul(tf.tensor2d([[1], [1], [0]]))),
        at,
      );
      return { ...gradients, table: lost.table! };
    };
    const loss: Loss = ({ table }) => weigh(tf.gather(table!, ids([2, 0, 2])));
    const [check] = checkGradients(loss, { table: float32([3, 2]) }, { differentiate });
    expect(check!.error).toBeGreaterThan(10 * TOLERANCE);
  });
});
