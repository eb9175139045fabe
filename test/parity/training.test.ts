import '../engine/swiftshader';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Method, PAPER_FULL, PAPER_LORA, type TrainConfig } from '../../lib/config';
import { type Chunk, countLoss, emptyChunk } from '../../lib/data/packing/chunks';
import { compile } from '../../lib/engine/compile';
import { type DeviceName, openDevice } from '../../lib/engine/device';
import { createState, type DeviceState } from '../../lib/engine/state';
import { float32, float32Specs, type HostTensor, type HostTensors, int32 } from '../../lib/engine/tensors';
import { openAdapterFolder, saveAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder, saveModelFolder } from '../../lib/model/folder';
import { readSafetensorsHeader, readTensor, readTensors } from '../../lib/model/safetensors';
import { type TunedModel, tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { batchTensors } from '../../lib/train/batches';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { learningRateAt } from '../../lib/train/schedule';
import { updateOnce } from '../../lib/train/train';
import { webgpuPossible } from '../engine/swiftshader';
import { endReference, MODELS, pythonReady, reference } from './python';

/**
 * Ten updates against transformers, peft and torch.optim.AdamW, run live by reference.py: every loss, gradient norm and
 * final weight within 1e-4, uneven masks, the paper's schedule shortened to ten steps. Models that one side saves, the
 * other opens.
 */
const TOLERANCE = 1e-4;
// Long enough for two unequal blocks of attention, and for more rows than most of the weights have rows or columns.
const [B, T, STEPS] = [2, 68, 10];
const SEED = 7;

if (!webgpuPossible) console.warn('parity on webgpu skipped: no GPU, nor SwiftShader');

const everything = process.env.MED42_EVERYTHING === '1';

const work = mkdtempSync(join(tmpdir(), 'parity-'));
afterAll(() => {
  endReference();
  rmSync(work, { recursive: true });
});

const configOf = (method: Method, accumulation: number): TrainConfig => ({
  ...(method === 'lora' ? PAPER_LORA : PAPER_FULL),
  learningRate: 1e-3,
  warmupSteps: 3,
  maxSeqLen: T,
  batchSize: B,
  accumulation,
});

interface MicroBatch {
  readonly tokens: number[][];
  readonly targets: number[][];
  readonly weights: number[][];
}

/** Rows of random tokens; row r of micro-batch m is learnt from a place of its own on, so that masks are uneven. */
function batches(vocabSize: number, accumulation: number): MicroBatch[][] {
  const random = createRandom(SEED, 'batches');
  const rows = (make: (row: number, t: number) => number) =>
    Array.from({ length: B }, (_, row) => Array.from({ length: T }, (_, t) => make(row, t)));
  return Array.from({ length: STEPS }, () =>
    Array.from({ length: accumulation }, (_, micro) => {
      const starts = Array.from({ length: B }, () => random.int(T - 1));
      // The last micro-batch has next to nothing to learn: a mean of means would be far off.
      const learnt = (row: number, t: number) => (micro === 3 ? row === 0 && t === T - 1 : t >= starts[row]!);
      return {
        tokens: rows(() => random.int(vocabSize)),
        targets: rows(() => random.int(vocabSize)),
        weights: rows((row, t) => (learnt(row, t) ? 1 : 0)),
      };
    }),
  );
}

const chunksOf = ({ tokens, targets, weights }: MicroBatch): Chunk[] =>
  tokens.map((row, i) => ({
    ...emptyChunk(T),
    tokens: Int32Array.from(row),
    targets: Int32Array.from(targets[i]!),
    weights: Float32Array.from(weights[i]!),
  }));

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

/** An adapter whose B is not zero, so that every update moves both of its matrices. */
async function startOf(model: TunedModel): Promise<HostTensors> {
  const initial = await model.initial(createRandom(SEED, 'adapter'));
  if (!model.lora) return initial;
  const random = createRandom(SEED, 'B');
  return Object.fromEntries(
    Object.entries(initial).map(([name, t]) =>
      name.includes('lora_B')
        ? [name, float32(t.shape, t.data.map(() => random.normal() * 0.05) as Float32Array)]
        : [name, t],
    ),
  );
}

/** Logits [B*T, V] of a model for fixed tokens. */
async function logitsOf(model: TunedModel, trained: HostTensors, tokens: number[][]): Promise<Float32Array> {
  const device = await openDevice('cpu', 2);
  const state = await createState(device, trained);
  const program = await compile(
    ({ inputs, state: weights, frozen }) => {
      const { hidden, head } = model.forward(weights, frozen, inputs.tokens!);
      return { outputs: { logits: hidden.matMul(head, false, true) } };
    },
    {
      name: 'logits',
      inputs: { tokens: { shape: [B, T], dtype: 'int32' } },
      state: float32Specs(model.trainedShapes),
      frozen: model.frozen,
    },
    device,
  );
  const { logits } = await program.run({ tokens: int32([B, T], Int32Array.from(tokens.flat())) }, state);
  await program.dispose();
  return logits!.data as Float32Array;
}

async function referenceTensor(file: string, name: string): Promise<HostTensor> {
  return readTensor((await readSafetensorsHeader(file)).tensors[name]!);
}

const write = (name: string, value: unknown): string => {
  const file = join(work, name);
  writeFileSync(file, JSON.stringify(value));
  return file;
};

describe.skipIf(!pythonReady)('against transformers, peft and torch', () => {
  describe.each(MODELS.map((folder) => [basename(folder), folder] as const))('%s', (label, folder) => {
    test('logits', async () => {
      const base = await openModelFolder(folder);
      const { tokens } = batches(base.config.vocabSize, 1)[0]![0]!;
      const out = join(work, `${label}-logits.safetensors`);
      await reference('logits', '--model', folder, '--tokens', write(`${label}-rows.json`, tokens), '--out', out);
      const ours = await logitsOf(tunedModel(base, 'base'), {}, tokens);
      expect(largestDifference(ours, (await referenceTensor(out, 'logits')).data)).toBeLessThan(TOLERANCE);
    });

    describe.each([
      ['full', 1],
      ['full', 4],
      ['lora', 1],
      ['lora', 4],
    ] as const)('%s, accumulation %i', (method, accumulation) => {
      const config = configOf(method, accumulation);
      const name = `${label}-${method}-${accumulation}`;
      const theirs = join(work, name);
      const prepare = async () => {
        const base = await openModelFolder(folder);
        const model = tunedModel(base, method, method === 'lora' ? config.lora : undefined);
        return { base, model, start: await startOf(model), steps: batches(base.config.vocabSize, accumulation) };
      };

      test('the reference trains', async () => {
        const { base, start, steps } = await prepare();
        const { beta1, beta2, epsilon, weightDecay, learningRate, decay, lora } = config;
        const adapter = join(work, `${name}-start`);
        if (method === 'lora') await saveAdapterFolder(adapter, lora, base.folder, start, { title: '', details: '' });
        const request = {
          method,
          steps,
          optimizer: { learningRate, beta1, beta2, epsilon, weightDecay, decayGroups: decay },
          clipNorm: config.clipNorm,
          warmupSteps: config.warmupSteps,
          totalSteps: STEPS,
          finalRatio: config.finalRateRatio,
          lora: { rank: lora.rank, alpha: lora.alpha, init: join(adapter, 'adapter_model.safetensors') },
        };
        await reference('train', '--model', folder, '--request', write(`${name}.json`, request), '--out', theirs);
      });

      // SwiftShader is slow: one model is enough there, without accumulation (webgpu.test.ts has it); MED42_EVERYTHING=1 runs all.
      const chosen = everything || accumulation === 1;
      const devices =
        folder === MODELS.at(-1) && webgpuPossible && chosen ? (['cpu', 'webgpu'] as const) : (['cpu'] as const);
      test.each(devices)('on %s', async (deviceName: DeviceName) => {
        const { base, model, start, steps } = await prepare();
        const { state, log } = await trainHere(model, config, deviceName, start, steps);
        const expected = JSON.parse(readFileSync(join(theirs, 'train.json'), 'utf8')) as {
          steps: { loss: number; gradientNorm: number; learningRate: number }[];
        };
        for (const [i, theirStep] of expected.steps.entries()) {
          expect(Math.abs(log[i]!.loss - theirStep.loss), `loss of step ${i}`).toBeLessThan(TOLERANCE);
          expect(Math.abs(log[i]!.gradientNorm - theirStep.gradientNorm), `norm of step ${i}`).toBeLessThan(TOLERANCE);
          expect(Math.abs(log[i]!.rate - theirStep.learningRate), `rate of step ${i}`).toBeLessThan(1e-9);
        }
        const final = await readTensors((await readSafetensorsHeader(join(theirs, 'final.safetensors'))).tensors);
        const prefix = method === 'lora' ? 'base_model.model.' : '';
        for (const weight of Object.keys(model.trainedShapes)) {
          const own = await state.read(weight);
          expect(largestDifference(own.data, final[prefix + weight]!.data), weight).toBeLessThan(TOLERANCE);
        }
        if (deviceName === 'cpu' && accumulation === 1)
          await expectSavedLoads(base.folder, model, state, steps[0]![0]!.tokens, name);
        state.dispose();
      });

      // One folder of each method is enough: how it was trained does not change how it is read.
      test.runIf(accumulation === 1)('what the reference saved opens here and gives its logits', async () => {
        const { base, model, steps } = await prepare();
        const { tokens } = steps[0]![0]!;
        const out = join(work, `${name}-theirs.safetensors`);
        const rows = write(`${name}-rows.json`, tokens);
        const lora = method === 'lora';
        await reference(
          'load',
          '--model',
          lora ? folder : theirs,
          ...(lora ? ['--adapter', theirs] : []),
          '--tokens',
          rows,
          '--out',
          out,
        );
        const opened = lora
          ? { model, trained: (await openAdapterFolder(theirs, base)).adapter }
          : { model: tunedModel(await openModelFolder(theirs), 'base'), trained: {} };
        const ours = await logitsOf(opened.model, opened.trained, tokens);
        expect(largestDifference(ours, (await referenceTensor(out, 'logits')).data)).toBeLessThan(TOLERANCE);
      });
    });
  });
});

async function trainHere(
  model: TunedModel,
  config: TrainConfig,
  deviceName: DeviceName,
  start: HostTensors,
  steps: readonly (readonly MicroBatch[])[],
) {
  const device = await openDevice(deviceName, 2);
  const batches = steps.map((micro) => micro.map(chunksOf));
  // Accumulated batches, and the GPU's, ask for their response tokens alone, as training on rows does; the others
  // compute every place.
  const asksAlone = config.accumulation > 1 || deviceName === 'webgpu';
  const asked = asksAlone ? Math.max(...batches.flat(2).map(countLoss)) : undefined;
  const programs = await compileTraining(model, config, device, { separate: false, asked });
  const state = await createState(device, trainingState(start, config.accumulation));
  const log: { loss: number; gradientNorm: number; rate: number }[] = [];
  for (const [i, micro] of batches.entries()) {
    const rate = learningRateAt(i, STEPS, config);
    const tensors = micro.map((chunks) => batchTensors(chunks, B, { separate: false, asked }));
    log.push({ ...(await updateOnce(programs, config, state, tensors, i, rate)), rate });
  }
  await programs.dispose();
  return { state, log };
}

/** Saves what was trained and lets transformers or peft open it: its logits must be ours. */
async function expectSavedLoads(
  folder: string,
  model: TunedModel,
  state: DeviceState,
  tokens: number[][],
  name: string,
) {
  const saved = join(work, `${name}-ours`);
  const out = join(work, `${name}-ours.safetensors`);
  const trained: Record<string, HostTensor> = {};
  for (const weight of Object.keys(model.trainedShapes)) trained[weight] = await state.read(weight);
  const card = { title: 'test', details: '' };
  if (model.lora) await saveAdapterFolder(saved, model.lora, folder, trained, card);
  else await saveModelFolder(saved, model.base, (weight) => trained[weight]!, card);
  const rows = write(`${name}-ours-rows.json`, tokens);
  const where = model.lora ? ['--model', folder, '--adapter', saved] : ['--model', saved];
  await reference('load', ...where, '--tokens', rows, '--out', out);
  const ours = await logitsOf(model, trained, tokens);
  expect(largestDifference(ours, (await referenceTensor(out, 'logits')).data)).toBeLessThan(TOLERANCE);
}
