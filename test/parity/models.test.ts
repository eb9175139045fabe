import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HostTensor, readSources } from '../../lib/engine/tensors';
import { openAdapterFolder, saveAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder } from '../../lib/model/folder';
import { readSafetensorsHeader, readTensors } from '../../lib/model/safetensors';
import { tunedModel } from '../../lib/model/tuned';
import { createRandom } from '../../lib/random';
import { batches, configOf, largestDifference, logitsOf, trainHere } from './against';
import { endReference, PYTHON, pythonReady, reference } from './python';

/**
 * The forms of config.json and adapter_config.json against transformers and peft, run live by model_kinds.py: logits
 * within 1e-4. What is saved here, peft opens with the same logits.
 */
const TOLERANCE = 1e-4;
const CARD = { title: 'test', details: '' };

const work = mkdtempSync(join(tmpdir(), 'kinds-'));
afterAll(() => {
  endReference();
  rmSync(work, { recursive: true });
});

const python = (command: string, folder: string) =>
  execFileSync(PYTHON, [resolve(__dirname, 'model_kinds.py'), command, '--out', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });

/** What transformers or peft made of a folder: rows of tokens, and their logits. */
async function expected(folder: string) {
  const { tensors } = await readSafetensorsHeader(join(folder, 'logits.safetensors'));
  const { tokens, logits } = (await readTensors(tensors)) as { tokens: HostTensor; logits: HostTensor };
  const [rows, length] = tokens.shape as [number, number];
  const ids = Array.from(tokens.data);
  const row = (i: number) => ids.slice(i * length, (i + 1) * length);
  return { tokens: Array.from({ length: rows }, (_, i) => row(i)), logits: logits.data };
}

const MODELS = [
  'plain',
  'tied',
  'linear',
  'dynamic',
  'llama3',
  'llama3-older',
  'yarn',
  'yarn-older',
  'yarn-settings',
  'wide-head',
  'bfloat16',
  'float16',
  'shards',
  'llama-3-shape',
];

describe.skipIf(!pythonReady)('models against transformers', () => {
  const models = join(work, 'models');
  beforeAll(() => python('models', models));

  test.each(MODELS)('%s', async (name) => {
    const base = await openModelFolder(join(models, name));
    const { tokens, logits } = await expected(base.folder);
    expect(largestDifference(await logitsOf(tunedModel(base, 'base'), {}, tokens), logits)).toBeLessThan(TOLERANCE);
  });

  test('each is seen', () => expect(readdirSync(models).sort()).toEqual([...MODELS].sort()));

  test('the scaled positions change the logits', async () => {
    const plain = (await expected(join(models, 'plain'))).logits;
    for (const name of ['linear', 'llama3', 'yarn']) {
      expect(largestDifference((await expected(join(models, name))).logits, plain), name).toBeGreaterThan(0.01);
    }
  });

  test('of the shape of Llama 3: LoRA trains as peft’s does, and what is saved loads there', async () => {
    const base = await openModelFolder(join(models, 'llama-3-shape'));
    const config = { ...configOf('lora', 1), warmupSteps: 1 };
    const model = tunedModel(base, 'lora', config.lora);
    const start = await readSources(model.initial(createRandom(3, 'adapter')));
    const steps = batches(base.config.vocabSize, 1).slice(0, 2);
    const began = join(work, 'start');
    await saveAdapterFolder(began, config.lora, base.folder, start, CARD);
    const { learningRate, beta1, beta2, epsilon, weightDecay, decay, lora } = config;
    const request = join(work, 'request.json');
    writeFileSync(
      request,
      JSON.stringify({
        method: 'lora',
        steps,
        optimizer: { learningRate, beta1, beta2, epsilon, weightDecay, decayGroups: decay },
        clipNorm: config.clipNorm,
        warmupSteps: config.warmupSteps,
        totalSteps: 10,
        finalRatio: config.finalRateRatio,
        lora: { rank: lora.rank, alpha: lora.alpha, init: join(began, 'adapter_model.safetensors') },
      }),
    );
    const theirs = join(work, 'theirs');
    await reference('train', '--model', base.folder, '--request', request, '--out', theirs);
    const { state, log } = await trainHere(model, config, 'cpu', start, steps);
    const { steps: their } = JSON.parse(readFileSync(join(theirs, 'train.json'), 'utf8'));
    for (const [i, step] of log.entries()) {
      expect(Math.abs(step.loss - their[i].loss), `loss of step ${i}`).toBeLessThan(TOLERANCE);
      expect(Math.abs(step.gradientNorm - their[i].gradientNorm), `norm of step ${i}`).toBeLessThan(TOLERANCE);
    }
    const trained: Record<string, HostTensor> = {};
    for (const name of Object.keys(model.trainedShapes)) trained[name] = await state.read(name);
    state.dispose();
    const saved = join(work, 'saved');
    await saveAdapterFolder(saved, lora, base.folder, trained, CARD);
    const rows = join(work, 'rows.json');
    writeFileSync(rows, JSON.stringify(steps[0]![0]!.tokens));
    const out = join(work, 'saved.safetensors');
    await reference('load', '--model', base.folder, '--adapter', saved, '--tokens', rows, '--out', out);
    const { logits } = await readTensors((await readSafetensorsHeader(out)).tensors);
    const ours = await logitsOf(model, trained, steps[0]![0]!.tokens);
    expect(largestDifference(ours, logits!.data)).toBeLessThan(TOLERANCE);
    expect(largestDifference(await logitsOf(model, start, steps[0]![0]!.tokens), ours)).toBeGreaterThan(TOLERANCE);
  });
});

describe.skipIf(!pythonReady)('adapters against peft', () => {
  const adapters = join(work, 'adapters');
  beforeAll(() => python('adapters', adapters));

  test('every kind', async () => {
    const folders = readdirSync(adapters).filter((name) => name.includes('.'));
    expect(folders.length).toBeGreaterThan(40);
    const differences: Record<string, number> = {};
    for (const name of folders) {
      const base = await openModelFolder(join(adapters, name.split('.')[0]!));
      const opened = await openAdapterFolder(join(adapters, name), base);
      const { tokens, logits } = await expected(join(adapters, name));
      const model = tunedModel(opened.base, 'lora', opened.config);
      differences[name] = largestDifference(await logitsOf(model, opened.adapter, tokens), logits);
      const plain = (await expected(base.folder)).logits;
      expect(largestDifference(logits, plain), `${name} changes the logits`).toBeGreaterThan(0.01);
      await saveAdapterFolder(join(adapters, `ours.${name}`), opened.config, base.folder, opened.adapter, CARD);
    }
    expect(Object.entries(differences).filter(([, most]) => !(most < TOLERANCE))).toEqual([]);
  });

  test('saved here, peft opens them with the same logits', async () => {
    python('loaded', adapters);
    const saved = readdirSync(adapters).filter((name) => name.startsWith('ours.'));
    expect(saved.length).toBeGreaterThan(40);
    for (const name of saved) {
      const theirs = await expected(join(adapters, name.slice('ours.'.length)));
      const ours = await expected(join(adapters, name));
      expect(largestDifference(ours.logits, theirs.logits), name).toBeLessThan(TOLERANCE);
    }
  });
});
