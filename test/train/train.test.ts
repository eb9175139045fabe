import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAPER_FULL, PAPER_LORA, type TrainConfig } from '../../lib/config';
import { type Chunk, emptyChunk } from '../../lib/data/packing/chunks';
import { type Packing, packSamples } from '../../lib/data/packing/packing';
import { IGNORED, type Sample } from '../../lib/data/samples';
import { type Device, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { float32, type HostTensors, readSources } from '../../lib/engine/tensors';
import { earlyLoss } from '../../lib/miniature/early-loss';
import type { ModelFolder } from '../../lib/model/folder';
import { readSafetensorsHeader, readTensors } from '../../lib/model/safetensors';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import type { BatchLoss } from '../../lib/train/batch-loss';
import { askedPlaces, batchTensors, lossTokens, planBatches } from '../../lib/train/batches';
import { compileHeldOutLoss, compileTraining, trainingState } from '../../lib/train/programs';
import { learningRateAt } from '../../lib/train/schedule';
import { type TrainOptions, train, updateOnce } from '../../lib/train/train';
import { TINY, tinyFolder, tinyWeights } from '../model/tiny-llama';

const T = 8;
const work = mkdtempSync(join(tmpdir(), 'train-'));
afterAll(() => rmSync(work, { recursive: true }));

let device: Device;
let base: ModelFolder;
beforeAll(async () => {
  device = await openDevice('cpu', 2);
  base = await tinyFolder(join(work, 'base'));
});

const SMALL: TrainConfig = {
  ...PAPER_FULL,
  epochs: 2,
  learningRate: 1e-2,
  warmupSteps: 2,
  maxSeqLen: T,
  batchSize: 2,
};

const random = createRandom(5, 'train test');
/** A chunk of random tokens, learnt from position `from` on. */
function chunk(from = 0): Chunk {
  const made = emptyChunk(T);
  for (let t = 0; t < T; t++) {
    made.tokens[t] = random.int(TINY.vocabSize);
    made.targets[t] = random.int(TINY.vocabSize);
    made.weights[t] = t >= from ? 1 : 0;
    made.segments[t] = 0;
    made.positions[t] = t;
  }
  return made;
}
const CHUNKS = [0, 5, 7, 2, 6, 3, 1].map(chunk);

describe('schedule', () => {
  const at = (step: number, total = 1000) => learningRateAt(step, total, PAPER_FULL);

  test('0 at the first update, a line to the peak at the end of the warm-up, a tenth of it at the end', () => {
    expect(at(0)).toBe(0);
    expect(at(50)).toBeCloseTo(2.5e-5, 12);
    expect(at(99)).toBeCloseTo(0.99 * 5e-5, 12);
    expect(at(100)).toBe(5e-5);
    expect(at(550)).toBeCloseTo(5e-5 * (0.1 + 0.9 * 0.5), 12);
    expect(at(1000)).toBeCloseTo(5e-6, 12);
  });

  test('falls from the peak on, and never below the floor', () => {
    for (let step = 100; step < 1000; step++) {
      expect(at(step + 1)).toBeLessThan(at(step));
      expect(at(step)).toBeGreaterThanOrEqual(5e-6);
    }
  });

  test('without a warm-up begins at the peak; a run shorter than its warm-up never reaches it', () => {
    expect(learningRateAt(0, 10, { ...PAPER_FULL, warmupSteps: 0 })).toBe(5e-5);
    expect(at(9, 10)).toBeCloseTo(0.09 * 5e-5, 12);
  });
});

describe('planBatches', () => {
  const c = { batchSize: 3, accumulation: 2, epochs: 3, seed: 42 };
  const orderOf = (epoch: number, plan = planBatches(20, c)) =>
    Array.from({ length: plan.stepsPerEpoch }, (_, i) => plan.microBatches(epoch * plan.stepsPerEpoch + i))
      .flat()
      .flat();

  test('every chunk once an epoch, in another order each time', () => {
    const orders = [0, 1, 2].map((epoch) => orderOf(epoch));
    const all = Array.from({ length: 20 }, (_, i) => i);
    for (const order of orders) expect([...order].sort((a, b) => a - b)).toEqual(all);
    expect(new Set([...orders, all].map(String)).size).toBe(4);
  });

  test('micro-batches are full but for the last of an epoch', () => {
    const plan = planBatches(20, c);
    expect([plan.stepsPerEpoch, plan.totalSteps]).toEqual([4, 12]);
    const sizes = [0, 1, 2, 3].map((step) => plan.microBatches(step).map((group) => group.length));
    expect(sizes).toEqual([[3, 3], [3, 3], [3, 3], [2]]);
    expect(plan.microBatches(4).map((group) => group.length)).toEqual([3, 3]);
  });

  test('the order follows from seed and epoch alone, wherever a run begins', () => {
    const [one, two] = [planBatches(20, c), planBatches(20, c)];
    for (let step = 0; step < one.totalSteps; step++) two.microBatches((step * 7) % one.totalSteps);
    for (let step = 0; step < one.totalSteps; step++) expect(two.microBatches(step)).toEqual(one.microBatches(step));
    expect(orderOf(0, planBatches(20, { ...c, seed: 43 }))).not.toEqual(orderOf(0));
  });

  test.for([
    ['epochs', 0],
    ['epochs', 1.5],
    ['batchSize', -1],
    ['accumulation', 0],
  ] as const)('%s %d is refused', ([field, value]) => {
    const message = `train: ${field} must be a positive integer, got ${value}`;
    expect(() => planBatches(20, { ...c, [field]: value })).toThrow(message);
  });

  test('no chunks are refused', () => {
    expect(() => planBatches(0, c)).toThrow('train: no chunks to train on; check the data folder');
  });
});

describe('batchTensors', () => {
  test('lays chunks side by side; rows that are missing carry no weight', () => {
    const batch = batchTensors(CHUNKS.slice(0, 2), 4, { separate: true });
    for (const tensor of Object.values(batch)) expect(tensor.shape).toEqual([4, T]);
    expect([...batch.tokens!.data.slice(0, 2 * T)]).toEqual([...CHUNKS[0]!.tokens, ...CHUNKS[1]!.tokens]);
    expect([...batch.targets!.data.slice(T, 2 * T)]).toEqual([...CHUNKS[1]!.targets]);
    expect([...batch.weights!.data.slice(0, 2 * T)]).toEqual([...CHUNKS[0]!.weights, ...CHUNKS[1]!.weights]);
    expect([...batch.weights!.data.slice(2 * T)]).toEqual(new Array(2 * T).fill(0));
    expect(lossTokens(batch)).toBe(8 + 3);
  });

  test('places attended to and positions only for block-diagonal packing', () => {
    expect(Object.keys(batchTensors(CHUNKS, 7, { separate: false })).sort()).toEqual(['targets', 'tokens', 'weights']);
    expect(Object.keys(batchTensors(CHUNKS, 7, { separate: true }))).toEqual(
      expect.arrayContaining(['from', 'positions']),
    );
  });

  test('asked for response tokens alone: their places, targets and weights; the rest carries none', () => {
    const some = [CHUNKS[1]!, CHUNKS[4]!]; // learnt from places 5 and 6 on
    const { tokens, places, targets, weights } = batchTensors(some, 3, { separate: false, asked: 4 });
    expect(tokens!.shape).toEqual([3, T]);
    for (const tensor of [places!, targets!, weights!]) expect(tensor.shape).toEqual([3, 4]);
    expect([...places!.data.slice(0, 8)]).toEqual([5, 6, 7, 0, 6, 7, 0, 0]);
    expect([...targets!.data.slice(0, 3)]).toEqual([...CHUNKS[1]!.targets.slice(5)]);
    expect([...weights!.data]).toEqual([1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(() => batchTensors([CHUNKS[0]!], 1, { separate: false, asked: 4 })).toThrow(
      'a chunk has 8 response tokens, the program takes 4',
    );
  });

  test('as many places as the chunk with most response tokens has; all where that is nearly every one', () => {
    expect(askedPlaces([CHUNKS[1]!, CHUNKS[3]!])).toBe(6);
    expect(askedPlaces(CHUNKS)).toBeUndefined();
    expect(askedPlaces([emptyChunk(T)])).toBeUndefined();
  });
});

/** Every difference of two sets of tensors is within `tolerance`. */
function expectClose(actual: HostTensors, expected: HostTensors, tolerance: number): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, { data }] of Object.entries(expected)) {
    let worst = 0;
    for (const [i, v] of data.entries()) worst = Math.max(worst, Math.abs(v - actual[name]!.data[i]!));
    expect(worst, name).toBeLessThan(tolerance);
  }
}

interface Form {
  readonly asked?: number;
  readonly separate?: boolean;
}

/** Two segments, the second with positions of its own. */
const cutInTwo = (whole: Chunk): Chunk => ({
  ...whole,
  segments: Int32Array.from({ length: T }, (_, t) => (t < 3 ? 0 : 1)),
  positions: Int32Array.from({ length: T }, (_, t) => (t < 3 ? t : t - 3)),
});

describe.each(['full', 'lora'] as const)('accumulation, %s', (method) => {
  /** Four chunks an update, however split, three times; of each row all places or those asked for. */
  async function updates(batchSize: number, accumulation: number, { asked, separate = false }: Form = {}) {
    const chosen = method === 'lora' ? { ...PAPER_LORA, method } : { ...PAPER_FULL, method };
    const config: TrainConfig = { ...SMALL, ...chosen, maxSeqLen: T, batchSize, accumulation };
    const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
    const initial = await readSources(model.initial(createRandom(1, 'adapter')));
    // B of an adapter starts at zero, which would leave A without a gradient.
    const moved = Object.entries(initial).map(([name, t]) =>
      name.includes('lora_B') ? ([name, float32(t.shape, t.data.map(() => 0.1) as Float32Array)] as const) : [name, t],
    );
    const state = await createState(device, trainingState(Object.fromEntries(moved), accumulation));
    const programs = await compileTraining(model, config, device, { separate, asked });
    const chunks = separate ? CHUNKS.map(cutInTwo) : CHUNKS;
    const outcomes = [];
    for (let step = 0; step < 3; step++) {
      const groups = Array.from({ length: accumulation }, (_, i) =>
        batchTensors(chunks.slice(step + i * batchSize, step + (i + 1) * batchSize), batchSize, { separate, asked }),
      );
      outcomes.push(await updateOnce(programs, config, state, groups, step, 1e-3));
    }
    const weights: Record<string, HostTensors[string]> = {};
    for (const name of Object.keys(model.trainedShapes)) weights[name] = await state.read(name);
    await programs.dispose();
    return { outcomes, weights };
  }

  test('1 x 4, 2 x 2 and 4 x 1 micro-batches with uneven masks are one update', async () => {
    const whole = await updates(4, 1);
    expect(whole.outcomes[0]!.responseTokens).toBe(8 + 3 + 1 + 6);
    for (const [batchSize, accumulation] of [
      [2, 2],
      [1, 4],
    ] as const) {
      const split = await updates(batchSize, accumulation);
      for (const [i, { loss, gradientNorm, responseTokens }] of split.outcomes.entries()) {
        expect(responseTokens).toBe(whole.outcomes[i]!.responseTokens);
        expect(Math.abs(loss - whole.outcomes[i]!.loss)).toBeLessThan(1e-6);
        expect(Math.abs(gradientNorm / whole.outcomes[i]!.gradientNorm - 1)).toBeLessThan(1e-5);
      }
      expectClose(split.weights, whole.weights, 1e-6);
    }
  });

  test.for([
    ['one segment', false],
    ['two segments', true],
  ] as const)('the places of response tokens alone give the same update, %s', async ([, separate]) => {
    const whole = await updates(2, 2, { separate });
    const asked = await updates(2, 2, { separate, asked: T });
    for (const [i, { loss, gradientNorm }] of asked.outcomes.entries()) {
      expect(Math.abs(loss - whole.outcomes[i]!.loss)).toBeLessThan(1e-6);
      expect(Math.abs(gradientNorm / whole.outcomes[i]!.gradientNorm - 1)).toBeLessThan(1e-5);
    }
    expectClose(asked.weights, whole.weights, 1e-6);
  });
});

describe('a loss after an earlier layer', () => {
  const EXCEPT = [...new Set([...CHUNKS[0]!.targets])].slice(0, 2);
  const EARLY = { layer: 0, weight: 0.5, except: EXCEPT };

  test.for([
    ['of all places', undefined],
    ['of the places asked for', T],
  ] as const)('%s: what the model cut there would lose, but for targets passed over', async ([, asked]) => {
    const config = { ...SMALL, batchSize: 2 };
    const chunks = [CHUNKS[0]!, CHUNKS[2]!];
    const lossOf = async (layers: number, some: readonly Chunk[], loss?: BatchLoss) => {
      const model = tunedModel({ ...base, config: { ...base.config, numHiddenLayers: layers } }, 'full');
      const state = await createState(device, trainingState(model.initial(createRandom(1)), 1));
      const programs = await compileTraining(model, config, device, { separate: false, asked, loss });
      const batch = batchTensors(some, 2, { separate: false, asked });
      const outcome = await updateOnce(programs, config, state, [batch], 0, 1e-3);
      await programs.dispose();
      return outcome.loss * lossTokens(batch);
    };
    const passedOver = chunks.map((one) => ({
      ...one,
      weights: one.weights.map((weight, t) => (EXCEPT.includes(one.targets[t]!) ? 0 : weight)),
    }));
    const whole = await lossOf(TINY.numHiddenLayers, chunks);
    const cut = await lossOf(1, passedOver);
    expect(cut).toBeLessThan(await lossOf(1, chunks));
    expect(Math.abs((await lossOf(TINY.numHiddenLayers, chunks, earlyLoss(EARLY))) - (whole + 0.5 * cut))).toBeLessThan(
      1e-4,
    );
  });
});

test('an early loss after the last layer, or after none, is refused', async () => {
  for (const layer of [-1, TINY.numHiddenLayers - 1]) {
    const loss = earlyLoss({ layer, weight: 1, except: [] });
    await expect(compileTraining(tunedModel(base, 'full'), SMALL, device, { separate: false, loss })).rejects.toThrow(
      new RegExp(
        `a loss must read the states after layers 0 to ${TINY.numHiddenLayers - 2} of this model, got layer ${layer}`,
      ),
    );
  }
});

describe('packing', () => {
  const sample = (id: string, tokens: readonly number[], prompt: number): Sample => ({
    id,
    source: 'test',
    ids: Int32Array.from(tokens),
    labels: Int32Array.from(tokens, (token, i) => (i < prompt ? IGNORED : token)),
  });
  const ONE = sample('one', [1, 4, 9, 2], 1);
  const TWO = sample('two', [7, 3, 8], 1);

  async function lossOf(samples: readonly Sample[], packing: Packing): Promise<number> {
    const separate = packing === 'block-diagonal';
    const { chunks } = packSamples(samples, { packing, maxSeqLen: T });
    expect(chunks).toHaveLength(1);
    const model = tunedModel(base, 'full');
    const program = await compileHeldOutLoss(model, { batchSize: 1, maxSeqLen: T }, device, { separate });
    const state = await createState(device, tinyWeights());
    const { lossSum } = await program.run(batchTensors(chunks, 1, { separate }), state);
    await program.dispose();
    return lossSum!.data[0]!;
  }

  test('block-diagonal: two samples of a chunk lose what each loses alone', async () => {
    const alone = (await lossOf([ONE], 'block-diagonal')) + (await lossOf([TWO], 'block-diagonal'));
    const swapped = await lossOf([TWO, ONE], 'block-diagonal');
    expect(Math.abs((await lossOf([ONE, TWO], 'block-diagonal')) - alone)).toBeLessThan(1e-5);
    expect(Math.abs(swapped - alone)).toBeLessThan(1e-5);
  });

  test('concatenated: the second sample sees the first', async () => {
    const alone = (await lossOf([ONE], 'concatenated')) + (await lossOf([TWO], 'concatenated'));
    expect(Math.abs((await lossOf([ONE], 'concatenated')) - (await lossOf([ONE], 'block-diagonal')))).toBeLessThan(
      1e-5,
    );
    expect(Math.abs((await lossOf([ONE, TWO], 'concatenated')) - alone)).toBeGreaterThan(1e-2);
  });
});

describe('train', () => {
  let folders = 0;
  const options = (more: Partial<TrainOptions> = {}): TrainOptions => {
    const config = more.config ?? SMALL;
    return {
      model: tunedModel(base, config.method, config.method === 'lora' ? config.lora : undefined),
      config,
      device,
      chunks: CHUNKS,
      heldOut: CHUNKS.slice(0, 1),
      separate: false,
      folder: join(work, `run-${folders++}`),
      identity: { config, model: 'tiny', chunks: 'chunks' },
      checkpointEvery: 1,
      ...more,
    };
  };
  const checkpointOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'checkpoint.json'), 'utf8'));

  test('losses fall, and the log tells each update and each look', async () => {
    const given = options({ config: { ...SMALL, epochs: 12 } });
    const { records, plan, resumedAt, state } = await train(given);
    expect([plan.stepsPerEpoch, plan.totalSteps, resumedAt]).toEqual([4, 48, 0]);
    const held = records.flatMap((r) => r.heldOutLoss ?? []);
    expect(held).toHaveLength(13);
    expect(held.at(-1)!).toBeLessThan(held[0]! - 1);
    expect(records.flatMap((r) => r.learningRate ?? [])[0]).toBe(0);
    const log = readFileSync(join(given.folder, 'train.jsonl'), 'utf8').trimEnd().split('\n');
    expect(log.map((line) => JSON.parse(line))).toEqual(records);
    expect(readdirSync(given.folder).sort()).toEqual(['checkpoint.json', 'state-48.safetensors', 'train.jsonl']);
    state.dispose();
  });

  test('an update without a response token is refused, with what to do', async () => {
    const silent = emptyChunk(T);
    const message =
      "train: step 1 has no response token, so no loss; pack with zeroLossChunks 'drop' or use larger batches";
    await expect(train(options({ chunks: [silent, silent] }))).rejects.toThrow(message);
  });

  test('held-out chunks without a response token are refused', async () => {
    const message = 'train: the held-out chunks have no response token; hold out more rows';
    await expect(train(options({ heldOut: [emptyChunk(T)] }))).rejects.toThrow(message);
  });

  test.for([0, 2.5])('%d epochs are refused before anything is written', async (epochs) => {
    const given = options({ config: { ...SMALL, epochs } });
    await expect(train(given)).rejects.toThrow(`train: epochs must be a positive integer, got ${epochs}`);
    expect(readdirSync(work)).not.toContain(given.folder.slice(work.length + 1));
  });

  test('a loss that is not finite stops training; the checkpoint before it stays whole', async () => {
    const given = options({ config: { ...SMALL, learningRate: 1e30, warmupSteps: 3 } });
    await expect(train(given)).rejects.toThrow(
      /^train: loss \S+ and gradient norm \S+ at step \d; lower learningRate \(1e\+30\) or lengthen warmupSteps/,
    );
    const { step, stateFile } = checkpointOf(given.folder);
    const log = readFileSync(join(given.folder, 'train.jsonl'), 'utf8').trimEnd().split('\n');
    expect(JSON.parse(log.at(-1)!).step).toBe(step);
    expect(log.every((line) => !line.includes('null'))).toBe(true);
    expect(readdirSync(given.folder).sort()).toEqual(['checkpoint.json', stateFile, 'train.jsonl'].sort());
  });

  test('weights that an epoch’s last update broke are found by the look after it', async () => {
    // Two updates: the first has rate 0, the second is the last.
    const config = { ...SMALL, epochs: 1, learningRate: 1e300 };
    const given = options({ config, chunks: CHUNKS.slice(0, 4) });
    await expect(train(given)).rejects.toThrow(
      /^train: held-out loss NaN: the weights are broken; lower learningRate \(1e\+300\)/,
    );
    const { step, stateFile } = checkpointOf(given.folder);
    expect(step).toBe(1);
    const { tensors } = await readSafetensorsHeader(join(given.folder, stateFile));
    for (const { data } of Object.values(await readTensors(tensors))) expect(data.every(Number.isFinite)).toBe(true);
  });

  test('weights with NaN in their file are found before the first update', async () => {
    const broken = await tinyFolder(join(work, 'broken'));
    const file = join(work, 'broken', 'model.safetensors');
    const bytes = readFileSync(file);
    const place = broken.weights['model.norm.weight']!;
    bytes.writeFloatLE(Number.NaN, place.offset);
    writeFileSync(file, bytes);
    const given = options({ model: tunedModel(broken, 'full') });
    await expect(train(given)).rejects.toThrow(/^train: held-out loss NaN: the weights are broken/);
    await expect(train({ ...given, heldOut: [] })).rejects.toThrow(/^train: loss NaN and gradient norm NaN at step 1;/);
    expect(readdirSync(given.folder)).toEqual(['train.jsonl']);
  });

  test('a checkpoint of another run, of another version, or damaged is not continued', async () => {
    const given = options();
    (await train(given)).state.dispose();
    const file = join(given.folder, 'checkpoint.json');
    const before = readFileSync(file, 'utf8');
    for (const identity of [
      { ...given.identity, model: 'another' },
      { ...given.identity, chunks: 'others' },
      { ...given.identity, config: { ...SMALL, learningRate: 2e-2 } },
    ]) {
      await expect(train({ ...given, identity })).rejects.toThrow(
        `train: ${given.folder} holds a checkpoint of a run with other settings, data or base model (checkpoint.json); choose another --out or delete it`,
      );
    }
    expect(readFileSync(file, 'utf8')).toBe(before);

    writeFileSync(file, JSON.stringify({ ...JSON.parse(before), version: 7 }));
    await expect(train(given)).rejects.toThrow(
      `train: ${file} is of version 7, this library writes 2; delete the folder`,
    );
    writeFileSync(file, before.slice(0, 40));
    await expect(train(given)).rejects.toThrow(
      /checkpoint\.json is damaged \(.*\); delete the folder .* to train anew/,
    );

    writeFileSync(file, before);
    const state = join(given.folder, JSON.parse(before).stateFile);
    writeFileSync(state, readFileSync(state).subarray(0, -4));
    await expect(train(given)).rejects.toThrow(/^safetensors: .*state-8\.safetensors: .*cut short/);
    expect(readFileSync(join(given.folder, 'train.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(8 + 3);
  });

  test('a training that ended within an epoch keeps its last look, whatever a kill left undone after it', async () => {
    const given = options({ config: { ...SMALL, maxSteps: 5 } });
    const first = await train(given);
    first.state.dispose();
    expect(first.records.flatMap(({ step, heldOutLoss }) => (heldOutLoss ? step : []))).toEqual([0, 4, 5]);
    const again = await train(given);
    again.state.dispose();
    expect(again.records).toEqual(first.records);
  });

  test('a log cut short by a kill, and lines past the checkpoint, are dropped', async () => {
    const given = options({ checkpointEvery: 100 });
    const first = await train(given);
    first.state.dispose();
    const log = join(given.folder, 'train.jsonl');
    const lines = readFileSync(log, 'utf8');
    writeFileSync(log, `${lines}${JSON.stringify({ step: 9, epoch: 2, loss: 1 })}\n{"step":10,"lo`);
    const again = await train(given);
    again.state.dispose();
    expect(again.resumedAt).toBe(8);
    expect(again.records).toEqual(first.records);
    expect(readFileSync(log, 'utf8')).toBe(lines);
  });
});

test('the paper’s two methods differ in method, epochs and peak rate alone', () => {
  const { method: _m, epochs: _e, learningRate: _r, ...full } = PAPER_FULL;
  const { method: _n, epochs: _f, learningRate: _s, ...lora } = PAPER_LORA;
  expect(full).toEqual(lora);
  expect([PAPER_FULL.method, PAPER_FULL.epochs, PAPER_FULL.learningRate]).toEqual(['full', 3, 5e-5]);
  expect([PAPER_LORA.method, PAPER_LORA.epochs, PAPER_LORA.learningRate]).toEqual(['lora', 8, 1e-4]);
});
