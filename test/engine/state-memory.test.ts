import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Method, PAPER_FULL, PAPER_LORA } from '../../lib/config';
import { compile, type Step } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import { type Replacement, writableInPlace } from '../../lib/engine/onnx/in-place';
import { onnxGraph } from '../../lib/engine/onnx/program';
import { createState } from '../../lib/engine/state';
import { float32, type Specs, type TensorSources } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { openModelFolder } from '../../lib/model/folder';
import { tunedModel } from '../../lib/model/tuned';
import { trainingSteps } from '../../lib/train/programs';

const N = 1 << 20;
const CPU = { name: 'cpu', threads: 2, flushDenormals: false } as const;
let device: Device;
beforeAll(async () => {
  await tf.setBackend('cpu');
  device = await openDevice('cpu', 2);
});

const vector = { shape: [N], dtype: 'float32' } as const;
const rising = (from: number) =>
  float32(
    [N],
    Float32Array.from({ length: N }, (_, i) => from + (i % 1000)),
  );

/** Outputs and next state of `step`, with what lay in the state's memory before in their place where it is written. */
async function once(step: Step, state: Specs, values: TensorSources) {
  const program = await compile(step, { name: 'once', inputs: {}, state }, device);
  const held = await createState(device, values);
  const outputs = await program.run({}, held);
  const next = Object.fromEntries(
    await Promise.all(Object.keys(state).map(async (name) => [name, (await held.read(name)).data] as const)),
  );
  await program.dispose();
  return { outputs, next, held };
}

const replacedIn = (step: Step, state: Specs) => {
  const { graph, updated } = onnxGraph(step, { name: 'step', inputs: {}, state }, CPU);
  const all = [...updated].map((name): Replacement => ({ input: `state.${name}`, output: `next.${name}` }));
  const inPlace = writableInPlace(graph, all);
  return all.filter((one) => inPlace.has(one)).map(({ input }) => input.slice('state.'.length));
};

describe('a state on the CPU', () => {
  test.each(['full', 'lora'] as const satisfies readonly Method[])(
    'is written in its own memory by every update (%s)',
    async (method) => {
      const paper = method === 'lora' ? PAPER_LORA : PAPER_FULL;
      const model = tunedModel(
        await openModelFolder(join(__dirname, '../../data/miniature/base')),
        method,
        method === 'lora' ? paper.lora : undefined,
      );
      const { fused } = trainingSteps(
        model,
        { ...paper, accumulation: 1, batchSize: 2, maxSeqLen: 16 },
        { separate: false },
      );
      const { graph, updated } = onnxGraph(fused!.step, fused!.spec, CPU);
      const all = [...updated].map((name): Replacement => ({ input: `state.${name}`, output: `next.${name}` }));
      expect(all.length).toBe(3 * Object.keys(model.trainedShapes).length);
      expect(writableInPlace(graph, all).size).toBe(all.length);
    },
  );

  test('holds the very arrays that a source reads, and no second ones; tensors are copied', async () => {
    const step: Step = ({ state }) => ({ outputs: {}, state: { w: state.w!.mul(2) } });
    const [read, given] = [rising(1), rising(1)];
    for (const [w, after] of [
      [{ ...vector, read: async () => read }, 16],
      [given, 8],
    ] as const) {
      const { next, held } = await once(step, { w: vector }, { w });
      expect([next.w![7], held.slots.get('w')!.spare]).toEqual([16, undefined]);
      expect((w === given ? given : read).data[7]).toBe(after);
    }
  });

  /** What is special, a step, its state, what of it is written in place, and place `i` of each afterwards. */
  const CASES: readonly (readonly [string, Step, Specs, readonly string[], (i: number) => number[]])[] = [
    [
      'read again after the node that replaces it: a second buffer',
      ({ state }) => {
        const next = state.w!.mul(2);
        return { outputs: { y: state.w!.add(next.sum()) }, state: { w: next } };
      },
      { w: vector },
      [],
      (i) => [2 * (i % 1000)],
    ],
    [
      'read under another shape, by what the replacing node is not computed from',
      ({ state }) => ({ outputs: { y: state.w!.reshape([2, N / 2]).sum(0) }, state: { w: state.w!.add(1) } }),
      { w: vector },
      [],
      (i) => [(i % 1000) + 1],
    ],
    [
      'two that take each other’s place',
      ({ state }) => ({ outputs: {}, state: { w: state.v!.add(1), v: state.w!.add(2) } }),
      { w: vector, v: vector },
      [],
      (i) => [(i % 1000) + 501, (i % 1000) + 2],
    ],
    [
      'turned over: places move',
      ({ state }) => ({
        outputs: {},
        state: {
          w: state
            .w!.reshape([N / 4, 4])
            .transpose()
            .reshape([N]),
        },
      }),
      { w: vector },
      [],
      (i) => [((i % (N / 4)) * 4 + Math.floor(i / (N / 4))) % 1000],
    ],
    [
      'read by all that it is computed from',
      ({ state }) => ({ outputs: {}, state: { w: state.w!.sub(state.w!.sum().mul(0)) } }),
      { w: vector },
      ['w'],
      (i) => [i % 1000],
    ],
  ];
  test.each(CASES)('%s', async (_, step, specs, inPlace, expected) => {
    expect(replacedIn(step, specs)).toEqual(inPlace);
    const values = Object.fromEntries(Object.keys(specs).map((name) => [name, rising(name === 'v' ? 500 : 0)]));
    const { next } = await once(step, specs, values);
    for (const i of [0, 1, 999, 1000, 77_777, N - 1])
      expect(Object.keys(specs).map((name) => next[name]![i])).toEqual(expected(i));
  });

  test('and what a run made is given back', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const program = await compile(
      ({ state }) => ({ outputs: { y: state.w!.add(1) }, state: { w: state.w!.mul(1) } }),
      { name: 'big', inputs: {}, state: { w: vector } },
      device,
    );
    const state = await createState(device, { w: rising(0) });
    const results: WeakRef<object>[] = [];
    const resident: number[] = [];
    for (let i = 0; i < 60; i++) {
      results.push(new WeakRef((await program.run({}, state)).y!.data));
      gc();
      resident.push(process.memoryUsage.rss());
    }
    await new Promise(setImmediate);
    gc();
    expect(results.filter((one) => one.deref()).length).toBeLessThanOrEqual(1);
    // 60 results take 240 MiB.
    expect(resident.at(-1)! - resident[9]!).toBeLessThan(60 * 2 ** 20);
    await program.dispose();
    state.dispose();
  });
});
