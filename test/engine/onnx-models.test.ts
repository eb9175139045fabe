import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Method, PAPER_FULL, PAPER_LORA } from '../../lib/config';
import { compile } from '../../lib/engine/compile';
import { type Device, openDevice } from '../../lib/engine/device';
import type { Graph } from '../../lib/engine/onnx/encode';
import { onnxRuntime } from '../../lib/engine/onnx/program';
import { createState } from '../../lib/engine/state';
import * as tf from '../../lib/engine/tf';
import { createTokenScorer } from '../../lib/eval/token-scorer';
import { type ModelFolder, openModelFolder } from '../../lib/model/folder';
import { createGenerator } from '../../lib/model/generate';
import { tunedModel } from '../../lib/model/tuned';
import { compileHeldOutLoss, compileTraining } from '../../lib/train/programs';
import { tinyFolder } from '../model/tiny-llama';
import { KERNEL_CASES } from './kernel-cases';
import { stepOf } from './run-cases';
import { specsOf } from './run-once';

/**
 * The models that ONNX Runtime is given, byte by byte: while they are equal, recorded results stay comparable. The digests
 * of kernels, scoring and generation are those of the time when the kernels were written as ONNX directly (commit 1539280);
 * those of training and held-out loss are of the mask worked out from places, whose losses, held-out losses and gradient norms
 * over 40 updates of the miniature's base are bit for bit those of the mask written out (LoRA and full). Those of LoRA are of a
 * product that is scaled while it is narrow: with a scaling that is a power of two the same numbers bit for bit. A change of a
 * lowering changes them: then record them anew, and measure what else the change does.
 */
const RECORDED = JSON.parse(readFileSync(join(__dirname, 'onnx-models.json'), 'utf8')) as Record<
  'cpu' | 'webgpu',
  Record<string, string>
>;
const pick = (from: Record<string, string>, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, from[name]]));

// Paths of weights are the machine's own.
vi.mock('../../lib/engine/onnx/external-files', () => ({
  fromRoot: (graph: Graph) => ({
    root: '/',
    graph: {
      ...graph,
      initializers: graph.initializers.map((one) =>
        one.data instanceof Uint8Array ? one : { ...one, data: { ...one.data, file: basename(one.data.file) } },
      ),
    },
  }),
}));

// The CPU's sessions are made by the library itself, WebGPU's by its binding.
vi.mock('../../lib/engine/onnx/native/session', () => ({
  openNativeSession: (model: Uint8Array) => {
    hash.update(model);
    return NO_SESSION;
  },
}));
const NO_SESSION = { inputNames: [], run: () => Promise.reject(new Error('no run')), release: async () => {} };

const folder = mkdtempSync(join(tmpdir(), 'models-'));
afterAll(() => rmSync(folder, { recursive: true }));

let hash = createHash('sha256');
const devices: Record<string, Device> = {};
let models: readonly ModelFolder[];
beforeAll(async () => {
  await tf.setBackend('cpu');
  const cpu = await openDevice('cpu', 1);
  devices.cpu = cpu;
  devices.webgpu = { ...cpu, runtime: onnxRuntime({ name: 'webgpu', threads: 1, flushDenormals: false }) };
  models = [await tinyFolder(folder), await openModelFolder(join(__dirname, '../../data/miniature/base'))];
  vi.spyOn(ort.InferenceSession, 'create').mockImplementation((async (model: Uint8Array) => {
    hash.update(model);
    return NO_SESSION;
  }) as never);
});

const digest = async (make: () => Promise<unknown>): Promise<string> => {
  hash = createHash('sha256');
  await make().catch((error: Error) => {
    if (!/no run|which the given state lacks/.test(error.message)) throw error;
  });
  return hash.digest('hex').slice(0, 16);
};

async function modelPrograms(device: Device): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [i, base] of models.entries()) {
    for (const method of ['full', 'lora'] as const satisfies readonly Method[]) {
      const config = { ...(method === 'lora' ? PAPER_LORA : PAPER_FULL), maxSeqLen: 12, batchSize: 2 };
      const lora = { ...config.lora, dropout: i === 0 ? 0.1 : 0 };
      const model = tunedModel(base, method, method === 'lora' ? lora : undefined);
      const form = { separate: i === 0, asked: i === 0 ? 5 : undefined };
      for (const accumulation of [1, 2]) {
        result[`${i} ${method} accumulation ${accumulation}`] = await digest(() =>
          compileTraining(model, { ...config, accumulation }, device, form),
        );
      }
      result[`${i} ${method} held out`] = await digest(() => compileHeldOutLoss(model, config, device, form));
      const state = await createState(devices.cpu!, {});
      result[`${i} ${method} scoring`] = await digest(async () => {
        const tree = { tokens: [1, 2, 3], positions: [0, 1, 1], ends: [3, 2, 3] };
        const rows = [
          {
            tree,
            picks: [
              { node: 2, target: 4 },
              { node: 0, target: 5 },
            ],
          },
        ];
        for await (const _ of createTokenScorer(model, state, device).scoreRows(rows)) break;
      });
      result[`${i} ${method} generation`] = await digest(() => createGenerator(model, state, device, []));
    }
  }
  return result;
}

async function kernels(device: Device): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [kernel, variants] of Object.entries(KERNEL_CASES)) {
    const { inputs, fn } = stepOf(variants);
    result[kernel] = await digest(() =>
      compile(
        ({ inputs: given }) => ({ outputs: fn(given) }),
        { name: kernel, inputs: specsOf(inputs), state: {} },
        device,
      ),
    );
  }
  return result;
}

describe.each(['cpu', 'webgpu'] as const)('%s', (target) => {
  test('training, scoring and generation', async () => {
    const digests = await modelPrograms(devices[target]!);
    expect(digests).toEqual(pick(RECORDED[target], Object.keys(digests)));
  });

  test('kernels', async () => {
    const digests = await kernels(devices[target]!);
    expect(digests).toEqual(pick(RECORDED[target], Object.keys(digests)));
  });
});
