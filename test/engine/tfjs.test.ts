import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ALL_LINEAR, PAPER_FULL, PAPER_LORA } from '../../lib/config';
import { type Device, openDevice } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { WORKBOOK_ROOT } from '../../lib/files';
import { openModelFolder } from '../../lib/model/folder';
import { createModelFolder } from '../../lib/model/initialize';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { batchTensors } from '../../lib/train/batches';
import { compileTraining, trainingState } from '../../lib/train/programs';
import { updateOnce } from '../../lib/train/train';

/** The eager reference as a device: on tfjs' own backend, and on one that a package of the user's brings. */

const small = mkdtempSync(join(tmpdir(), 'med42-small-'));
afterAll(() => rmSync(small, { recursive: true, force: true }));
beforeAll(async () => {
  const raw = {
    model_type: 'llama',
    vocab_size: 48,
    hidden_size: 24,
    intermediate_size: 40,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 32,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    initializer_range: 0.2,
  };
  await createModelFolder(small, raw, createRandom(1, 'tfjs'));
});

describe.each(['lora', 'full'] as const)('three updates of a small Llama, %s', (method) => {
  const LENGTH = 12;
  const chunk = {
    tokens: Int32Array.from({ length: LENGTH }, (_, i) => 3 + ((i * 37) % 45)),
    targets: Int32Array.from({ length: LENGTH }, (_, i) => 3 + (((i + 1) * 37) % 45)),
    weights: Float32Array.from({ length: LENGTH }, (_, i) => (i < 3 ? 0 : 1)),
    segments: new Int32Array(LENGTH),
    positions: Int32Array.from({ length: LENGTH }, (_, i) => i),
  };

  async function losses(device: Device): Promise<number[]> {
    const lora = { rank: 4, alpha: 8, dropout: 0, useRsLora: false, targetModules: ALL_LINEAR };
    const config = {
      ...(method === 'lora' ? PAPER_LORA : PAPER_FULL),
      lora,
      batchSize: 1,
      accumulation: 1,
      maxSeqLen: LENGTH,
    };
    const model = tunedModel(await openModelFolder(small), method, method === 'lora' ? lora : undefined);
    const form = { separate: false, asked: undefined };
    const programs = await compileTraining(model, config, device, form);
    const state = await createState(device, trainingState(model.initial(createRandom(1, 'adapter')), 1));
    const batch = batchTensors([chunk], 1, form);
    const found: number[] = [];
    for (let step = 0; step < 3; step++)
      found.push((await updateOnce(programs, config, state, [batch], step, 1e-3)).loss);
    state.dispose();
    await programs.dispose();
    return found;
  }

  test('give ONNX Runtime’s losses', async () => {
    const [eager, onnx] = [await losses(await openDevice('tfjs')), await losses(await openDevice('cpu', 1))];
    for (const [i, loss] of eager.entries()) expect(Math.abs(loss - onnx[i]!)).toBeLessThan(1e-4);
    expect(eager[2]).not.toBeCloseTo(eager[0]!, 3);
  });
});

describe('a package of the user’s', () => {
  const folder = mkdtempSync(join(tmpdir(), 'med42-tfjs-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const own = join(folder, 'node_modules', '@tensorflow');
  beforeEach(() => rmSync(join(own, 'tfjs-node'), { recursive: true, force: true }));

  /** Stands for TensorFlow's: the kernels of the CPU under another name, in a copy of tfjs of its own. */
  const BACKEND = `
    const tf = require('@tensorflow/tfjs-core');
    const { MathBackendCPU } = require('@tensorflow/tfjs-backend-cpu/dist/tf-backend-cpu.node.js');
    tf.registerBackend('tensorflow', () => new MathBackendCPU());
    for (const kernel of tf.getKernelsForBackend('cpu')) tf.registerKernel({ ...kernel, backendName: 'tensorflow' });
    globalThis.atLoad = process.env.TF_NUM_INTRAOP_THREADS;`;

  function install(code: string): void {
    mkdirSync(join(own, 'tfjs-node'), { recursive: true });
    writeFileSync(join(own, 'tfjs-node', 'package.json'), '{"name":"@tensorflow/tfjs-node","main":"main.js"}');
    writeFileSync(join(own, 'tfjs-node', 'main.js'), code);
  }

  const script = `
    const { openDevice } = require(${JSON.stringify(join(WORKBOOK_ROOT, 'dist', 'engine', 'device'))});
    const tf = require(${JSON.stringify(join(WORKBOOK_ROOT, 'dist', 'engine', 'tf'))});
    openDevice('tfjs', 3).then(
      async ({ note, threads }) => {
        const sums = [...await tf.ones([2]).add(1).data()];
        console.log(JSON.stringify([note, tf.getBackend(), sums, threads, globalThis.atLoad]));
      },
      (error) => console.log(error.message),
    );`;
  const opened = (): string =>
    execFileSync(process.execPath, ['-e', script], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, INIT_CWD: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();

  test('that is not there: tfjs’ own backend, and what to type', () => {
    const [note, ...rest] = JSON.parse(opened()) as [string, ...unknown[]];
    expect(rest).toEqual(['cpu', [2, 2], 1, null]);
    // The workbook's folder forbids install scripts, and the package's brings TensorFlow.
    expect(note).toMatch(
      /very slow, .* type `npm install --no-save --ignore-scripts=false @tensorflow\/tfjs-node@4\.22\.0`/,
    );
  });

  test('is taken, though it has a copy of tfjs of its own, and told the threads before it is loaded', () => {
    cpSync(join(WORKBOOK_ROOT, 'node_modules', '@tensorflow'), own, { recursive: true });
    for (const name of ['seedrandom', 'long']) {
      cpSync(join(WORKBOOK_ROOT, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
    }
    install(BACKEND);
    expect(JSON.parse(opened())).toEqual([
      'tfjs: one operation at a time, by @tensorflow/tfjs-node: slow, a reference',
      'tensorflow',
      [2, 2],
      3,
      '3',
    ]);
  });

  test('that cannot be loaded, or brings no backend, is named', () => {
    install('throw new Error("The Node.js native addon module can not be found")');
    expect(opened()).toMatch(
      /^device: tfjs: @tensorflow\/tfjs-node \(.*\) cannot be loaded: The Node.js native addon module can not be found; mend it with `npm rebuild/,
    );
    install('');
    expect(opened()).toMatch(/gives this tfjs \(4\.22\.0\) no backend "tensorflow"; install @tensorflow\/tfjs-node@4/);
  });
});
