import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSafetensorsHeader, readTensor } from '../../lib/model/safetensors';
import { createRandom } from '../../lib/random';
import { worldOf } from '../../lib/run/handoff/settings';
import { openChunkFile } from '../../lib/train/chunk-file';
import { MODELS } from '../parity/python';

/**
 * `med42 handoff`, and the folders it writes trained by transformers' Trainer on two gloo processes, with FSDP2, in the
 * environment that test/handoff/make-env.sh makes of the folder's own lockfile.
 */

const ROOT = join(__dirname, '..', '..');
const MODEL = MODELS.at(-1)!;
const BIN = join(ROOT, '.venv-handoff', 'bin');
const pythonReady = existsSync(join(BIN, 'torchrun'));
if (!pythonReady) console.warn('trainings of hand-offs skipped: no .venv-handoff (test/handoff/make-env.sh makes it)');
/** With --launchers. */
const launchersReady = pythonReady && readFileSync(join(BIN, '..', 'requirements.stamp'), 'utf8').includes('launchers');
const { INIT_CWD: _, ...env } = process.env;
const work = mkdtempSync(join(tmpdir(), 'handoff-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(command: string, args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd: work, env: { ...env, OMP_NUM_THREADS: '1' }, encoding: 'utf8' });
}
const med42 = (...args: readonly string[]) => run(process.execPath, [join(ROOT, 'lib', 'cli', 'bin.js'), ...args]);
const python = (name: string, args: readonly string[]) => run(join(BIN, name), args);
const json = (...path: readonly string[]) => JSON.parse(readFileSync(join(work, ...path), 'utf8'));
const only = (folder: string, name = /./): string => readdirSync(join(work, folder)).find((one) => name.test(one))!;

interface Line {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly responseTokens: number;
}
/** Updates of a train.jsonl, without the looks at held-out rows. */
const lines = (folder: string): Line[] =>
  readFileSync(join(work, folder, 'train.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ loss }) => loss !== undefined);

/** An update of 4 chunks: 2 processes x 2 chunks, in turn or at once. Ten updates or more; the last of an epoch is short. */
const COMMON = [
  '--data',
  'data',
  '--model',
  MODEL,
  '--batch-size',
  '2',
  '--accumulation',
  '2',
  '--warmup',
  '3',
  '--template',
  'none',
];
const CASES = {
  lora: [...COMMON, '--method', 'lora', '--max-seq-len', '30', '--epochs', '1', '--learning-rate', '0.01'],
  full: [
    ...[...COMMON, '--method', 'full', '--max-seq-len', '80', '--epochs', '3', '--learning-rate', '0.001'],
    ...['--packing', 'block-diagonal'],
  ],
};

beforeAll(() => {
  mkdirSync(join(work, 'data', 'train'), { recursive: true });
  const random = createRandom(3, 'rows');
  const words = ['dog', 'tree', 'ball', 'sea', 'house', 'red', 'small', 'happy'];
  const some = (n: number) =>
    Array.from({ length: 1 + random.int(n) }, () => words[random.int(words.length)]).join(' ');
  const rows = Array.from({ length: 36 }, () => ({ prompt: `What is ${some(6)}?`, response: `It is ${some(8)}.` }));
  writeFileSync(join(work, 'data', 'train', 'rows.json'), JSON.stringify(rows));
});

describe('the world', () => {
  test('is as many processes as share an update evenly', () => {
    expect(worldOf({}, 12)).toEqual({ nodes: 1, processesPerNode: 6, deviceBatch: 1, precision: 'float32' });
    expect(worldOf({ nodes: 2 }, 64)).toMatchObject({ nodes: 2, processesPerNode: 8 });
  });

  test.each([
    [{ processesPerNode: 3 }, 4],
    [{ nodes: 3 }, 4],
    [{ nodes: 2, processesPerNode: 2, deviceBatch: 2 }, 4],
  ])('%j cannot share %i chunks', (asked, perUpdate) => {
    expect(() => worldOf(asked, perUpdate)).toThrow(
      /handoff: an update has 4 chunks .* cannot share evenly; make --batch-size/,
    );
  });
});

describe('the folder', () => {
  test.each(Object.entries(CASES))('%s is written', (name, options) => {
    const { status, stdout, stderr } = med42('handoff', ...options, '--processes', '2', '--out', name);
    expect([status, stderr]).toEqual([0, expect.stringContaining('rows: 36 read')]);
    expect(stdout).toContain('for 2 processes on 1 node');
    expect(json(name, 'handoff.json')).toMatchObject({
      method: name,
      world: { nodes: 1, processes: 2 },
      trainer: { gradient_accumulation_steps: 2, train_sampling_strategy: 'sequential', warmup_steps: 3, fsdp: true },
    });
    expect(readFileSync(join(work, name, 'README.md'), 'utf8')).toContain('Research only. Not for clinical decisions');
  });

  test('has an order in which every chunk stands once an epoch, and rows without labels end the epoch', async () => {
    const { tensors } = await readSafetensorsHeader(join(work, 'full', 'chunks.safetensors'));
    expect(Object.keys(tensors).sort()).toEqual(['input_ids', 'labels', 'order', 'position_ids']);
    const { data } = json('full', 'handoff.json');
    const order = (await readTensor(tensors.order!)).data;
    const labels = (await readTensor(tensors.labels!)).data;
    const perEpoch = order.length / data.epochs;
    for (let epoch = 0; epoch < data.epochs; epoch++) {
      const own = [...order.slice(epoch * perEpoch, (epoch + 1) * perEpoch)];
      expect([...own].sort((a, b) => a - b).slice(0, data.chunks)).toEqual(
        Array.from({ length: data.chunks }, (_, i) => i),
      );
      expect(own.slice(data.chunks).every((row) => row === data.chunks)).toBe(true);
    }
    expect(labels.slice(data.chunks * data.rowTokens).every((label) => label === -100)).toBe(true);
    expect([...labels].filter((label) => label !== -100).length).toBe(data.responseTokens);
  });

  test('starts as many processes as it was written for', () => {
    const options = [...CASES.lora, '--nodes', '2', '--processes', '2', '--precision', 'bf16', '--out', 'two'];
    expect(med42('handoff', ...options).status).toBe(0);
    const launch = (name: string) => readFileSync(join(work, 'two', 'launch', name), 'utf8');
    expect(launch('one-node.sh')).toContain('--nproc-per-node 4 ');
    expect(launch('nodes.sh')).toContain('--nnodes 2 --nproc-per-node 2');
    expect(launch('slurm.sbatch')).toMatch(/--nodes=2\n.*--gpus-per-node=2\n/s);
    expect(launch('trainjob.yaml')).toContain('numNodes: 2\n    numProcPerNode: 2');
    expect(json('two', 'handoff.json').trainer).toMatchObject({ bf16: true, gradient_accumulation_steps: 1 });
    for (const name of ['one-node.sh', 'nodes.sh', 'slurm.sbatch']) {
      expect(run('bash', ['-n', join('two', 'launch', name)])).toMatchObject({ status: 0, stderr: '' });
    }
  });

  test.skipIf(!launchersReady)('has a TrainJob of which Kubeflow’s own types know every key', () => {
    const file = join('lora', 'launch', 'trainjob.yaml');
    const { status, stdout } = python('python', [join(__dirname, 'check-trainjob.py'), file]);
    expect([status, stdout]).toEqual([0, `${file}: every key is known\n`]);
  });

  test('is not written over something else, nor for what cannot be', () => {
    const refusal = (...args: readonly string[]) => med42('handoff', ...CASES.lora, ...args).stderr;
    expect(refusal('--out', 'data')).toContain('data must be empty, it holds train; choose another --out');
    expect(refusal('--out', 'lora')).toContain('choose another --out or add --fresh');
    expect(refusal('--processes', '0', '--out', 'x')).toContain(
      '--processes must be a whole number of 1 or more, got "0"',
    );
    expect(refusal('--precision', 'fp16', '--out', 'x')).toContain('--precision must be one of float32, bf16');
    expect(med42('handoff', MODEL, ...CASES.lora, '--out', 'x').stderr).toContain('the model must be named once');
  });

  test('pins the packages that it insists on, and all they need, with hashes', () => {
    const pins = new Map(
      [...lock('requirements.in').matchAll(/^([\w-]+)==(\S+)$/gm)].map(([, name, at]) => [name, at]),
    );
    expect(json('lora', 'handoff.json').packages).toEqual(Object.fromEntries(pins));
    const locked = [
      ...lock('requirements.txt').matchAll(/^([\w.-]+)==(\S+)[^\n]*\\\n(?: +--hash=sha256:[0-9a-f]{64}[^\n]*\n)+/gm),
    ];
    expect(locked.length).toBeGreaterThan(40);
    expect(lock('requirements.txt').match(/^[\w.-]+==/gm)).toHaveLength(locked.length);
    const all = new Map(locked.map(([, name, at]) => [name, at]));
    for (const [name, at] of pins) expect([name, all.get(name)]).toEqual([name, at]);
    const tested = readFileSync(join(ROOT, 'test', 'parity', 'requirements.txt'), 'utf8');
    for (const [name, at] of pins) expect(tested.split('\n')).toContain(`${name}==${at}`);
  });

  const lock = (name: string) => readFileSync(join(work, 'lora', name), 'utf8');
});

describe.skipIf(!pythonReady)('trained by transformers’ Trainer on two processes', () => {
  beforeAll(() => {
    const script = join(__dirname, 'traps.py');
    const words = [
      '--nproc-per-node',
      '2',
      script,
      join(work, 'lora'),
      join(work, 'full'),
      MODEL,
      join(work, 'report.json'),
    ];
    const { status, stderr } = python('torchrun', words);
    if (status !== 0) throw new Error(stderr.slice(-6000));
    for (const [name, options] of Object.entries(CASES))
      med42('train', ...options, '--threads', '1', '--out', `${name}-here`);
  }, 900_000);

  test.each([
    ['wrong version', /the version of torch must be 2\.12\.0, got 2\.13\.0/],
    ['other rows', /sha256 of chunks\.safetensors must be/],
    ['other model', /config\.json must be 0000/],
    ['other weights', /model\.safetensors must be 1, got \d+/],
    ['world', /the number of processes must be 4, got 2; start it with a file of launch/],
    ['rows of an update', /rows of an update must be 4, got 2/],
    ['DDP', /the model must be sharded by FSDP2, got DistributedDataParallel/],
    ['dtype of config', /the dtype of weights must be \['torch\.float32'\], got \[.*bfloat16/],
    [
      'no layer sharded',
      /units of FSDP2 must be True, got False; there are \d+ for \d+ layers: wrap LlamaDecoderLayer/,
    ],
    ['two epochs', /updates of the training must be \d+, got \d+; undo the change of handoff\.json/],
    ['flash-attention', /attention must be sdpa or eager, got flash_attention_2; others keep samples apart in batches/],
    ['positions dropped', /columns must be \['input_ids', 'labels', 'position_ids'\], got \['input_ids', 'labels'\]/],
    ['attention mask', /columns must be .* got \['attention_mask', /],
    ['int32 labels', /the dtype of labels must be torch\.int64, got torch\.int32/],
    ['shuffled', /row \d+ of the training must be that of chunks\.safetensors, got another/],
    ['mean of means', /response tokens of the update must be \d+, got \d+/],
    ['decay', /weight decay by a tensor/],
    ['frozen adapter', /the number of trained parameters must be 1, got \d+/],
    ['short last update', /(response tokens of the update|row \d+ of the training) must be/],
    ['empty adapter', /numbers saved in .* must be \d+ or more, got 0/],
  ])('refuses: %s', (name, message) => {
    expect(json('report.json').answers[name]).toMatch(message);
  });

  test.skipIf(process.env.MED42_EVERYTHING !== '1')(
    'refuses the one process that accelerate starts where two are asked for',
    () => {
      const words = [
        'launch',
        '--cpu',
        '--num_processes',
        '2',
        join(work, 'lora', 'train.py'),
        '--model',
        MODEL,
        '--cpu',
      ];
      const { status, stderr } = python('accelerate', words);
      expect([status, stderr]).toEqual([1, expect.stringContaining('the number of processes must be 2, got 1')]);
    },
  );

  describe.each(Object.keys(CASES))('%s', (name) => {
    test('reads our first update, token for token and label for label', async () => {
      const chunks = await openChunkFile(
        join(work, `${name}-here`, 'inputs', only(`${name}-here/inputs`), 'train.safetensors'),
      );
      // In the order of the first epoch, as lib/train/batches.ts draws it.
      const order = createRandom(42, 'epoch 0').shuffle(Array.from({ length: chunks.length }, (_, i) => i));
      const [one, two] = json('report.json').batches[name];
      const theirs = [one[0], two[0], one[1], two[1]];
      for (const [i, batch] of theirs.entries()) {
        const { tokens, targets, weights } = chunks.at(order[i]!)!;
        expect(batch.input_ids[0].slice(0, tokens.length)).toEqual([...tokens]);
        const learnt = [-100, ...[...targets].map((target, t) => (weights[t] ? target : -100))];
        expect(batch.labels[0]).toEqual(learnt.slice(0, batch.labels[0].length));
        expect(learnt.slice(batch.labels[0].length).every((label) => label === -100)).toBe(true);
      }
      chunks.close();
    });

    test('has our losses, norms and rates', () => {
      expect(json('report.json').answers[name]).toBe('not refused');
      const [ours, theirs] = [lines(`${name}-here/train/${name}`), lines(`${name}/out`)];
      expect(theirs.length).toBeGreaterThanOrEqual(10);
      expect(theirs.map(({ step, epoch, responseTokens }) => [step, epoch, responseTokens])).toEqual(
        ours.map(({ step, epoch, responseTokens }) => [step, epoch, responseTokens]),
      );
      for (const [i, { loss, gradientNorm, learningRate }] of theirs.entries()) {
        expect(Math.abs(loss - ours[i]!.loss), `loss ${i}`).toBeLessThan(1e-4);
        expect(Math.abs(gradientNorm - ours[i]!.gradientNorm) / ours[i]!.gradientNorm, `norm ${i}`).toBeLessThan(1e-3);
        expect(Math.abs(learningRate - ours[i]!.learningRate), `rate ${i}`).toBeLessThan(1e-12);
      }
    });

    test('saves what we score, and names the trainer', () => {
      const where =
        name === 'lora' ? ['--model', MODEL, '--adapter', 'lora/out/adapter'] : ['--model', 'full/out/model'];
      const { status, stderr } = med42('score', ...where, '--limit', '2', '--out', `scored-${name}`);
      const trainer = 'transformers.Trainer 5.23.0 (FSDP2, 2 processes, float32)';
      expect([status, stderr]).toEqual([0, expect.stringContaining(`trained by ${trainer}`)]);
      const folder = `scored-${name}/${name === 'lora' ? 'adapter' : 'model'}`;
      const card = readFileSync(join(work, where.at(-1)!, 'README.md'), 'utf8');
      expect(card).toMatch(/Research only.*by transformers' Trainer on 2 processes/s);
      expect(json(folder, only(folder, /^results_/)).workbook.trainer).toBe(trainer);
    });
  });
});
