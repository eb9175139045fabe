import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTrainExamples } from '../../lib/data/examples';
import { mixFolder } from '../../lib/data/mixing/mix';
import { MIXTURE_ROWS, type MixedFolder, readMixed } from '../../lib/data/mixing/mixed-folder';
import { type ChunkTensors, hashChunks } from '../../lib/data/packing/chunks';
import type { Packing } from '../../lib/data/packing/packing';
import { loadTokenizer, type Tokenizer } from '../../lib/data/tokenizer';
import { openDevice } from '../../lib/engine/device';
import { openModelFolder } from '../../lib/model/folder';
import { tunedModel } from '../../lib/model/tuned';
import { firstChunks } from '../../lib/run/first-chunks';
import { openRowInputs } from '../../lib/run/inputs';
import { type PreparedFiles, prepareMixed } from '../../lib/run/mixed-training';
import { PRESETS } from '../../lib/run/presets';
import { openChunkFile } from '../../lib/train/chunk-file';
import { train } from '../../lib/train/train';
import { MINIATURE } from './child';

/** Rows of a mixed folder, tokenized and packed through files: what a run in memory makes of them, bit for bit. */

const ROOT = resolve(__dirname, '..', '..');
const PYTHON = resolve(ROOT, '.venv-parity', 'bin', 'python');
const work = mkdtempSync(join(tmpdir(), 'mixed-training-'));
afterAll(() => rmSync(work, { recursive: true }));
const sources = { data: join(work, 'mixed'), model: join(MINIATURE, 'base') };
const silent = () => ({ say: () => {}, at: () => {} });
const LENGTH = 256;
const PACKINGS = ['concatenated', 'block-diagonal', 'padded'] as const;

let mixed: MixedFolder;
let tokenizer: Tokenizer;
const config = (packing: Packing) => ({ ...PRESETS.smoke, packing, samples: 150 });
const prepare = (packing: Packing, cache = join(work, packing)) =>
  prepareMixed(sources, mixed, {
    config: config(packing),
    tokenizer,
    chunkLength: LENGTH,
    progress: silent,
    rowsAPiece: 32,
    cache,
  });

beforeAll(async () => {
  await mixFolder(MINIATURE, sources.data, { seed: 3, total: 300 });
  mixed = (await readMixed(sources.data))!;
  tokenizer = await loadTokenizer(sources.model);
});

const plain = ({ tokens, targets, weights, segments, positions }: ChunkTensors) =>
  [tokens, targets, weights, segments, positions].map((values) => [...values]);

test.for(PACKINGS)(
  '%s: chunks, held-out chunks and reports are those of a run that has all rows in memory',
  async (packing) => {
    const files = await prepare(packing);
    const memory = await openRowInputs(sources, config(packing));
    expect(files.chunks.length).toBeGreaterThan(8);
    expect(Array.from(files.chunks, plain)).toEqual(Array.from(memory.chunks, plain));
    expect(Array.from(files.heldOut, plain)).toEqual(Array.from(memory.heldOut, plain));
    expect(files.packing).toEqual(memory.packing);
    expect(files.mixture).toEqual(memory.data.mixture);
    expect([files.rows, files.mixture.total]).toEqual([300, 150]);
    expect(hashChunks(files.chunks)).toBe(files.packing.sha256);
    expect([files.chunks.at(-1), files.chunks.at(files.chunks.length)]).toEqual([undefined, undefined]);
  },
);

test.for(PACKINGS)(
  '%s: the first chunks are shown with the rows they were packed from, as from memory',
  async (packing) => {
    const files = await prepare(packing);
    const { data } = await openRowInputs(sources, config(packing));
    const [shown, memory] = [
      await firstChunks(files, 4, sources.data, config(packing)),
      await firstChunks(data, 4, sources.data, config(packing)),
    ];
    expect(shown.chunks).toHaveLength(4);
    expect(shown.chunks).toEqual(memory.chunks);
    for (const { sample } of shown.chunks.flatMap(({ spans }) => spans)) {
      expect(shown.samples.at(sample)).toEqual(memory.samples.at(sample));
      expect(shown.examples.at(sample)).toEqual(memory.examples.at(sample));
      expect(shown.examples.at(sample)?.id).toBe(shown.samples.at(sample)?.id);
    }
    expect((await firstChunks(files, 1e6, sources.data, config(packing))).chunks).toHaveLength(files.chunks.length);
  },
);

test.for(PACKINGS)(
  '%s: what was prepared is found again, and other settings get files of their own',
  async (packing) => {
    const cache = join(work, packing);
    const [folder = ''] = readdirSync(cache);
    const file = join(cache, folder, `${packing}-${LENGTH}`, 'train.safetensors');
    utimesSync(file, 1, 1);
    await prepare(packing);
    expect(statSync(file).mtimeMs).toBe(1000);
    await prepareMixed(sources, mixed, {
      config: { ...config(packing), seed: 7 },
      tokenizer,
      chunkLength: LENGTH,
      progress: silent,
      cache,
    });
    expect(readdirSync(cache)).toHaveLength(2);
  },
);

test('system prompts that the model’s template leaves out are counted, as in memory', async () => {
  const model = join(work, 'without system');
  cpSync(sources.model, model, { recursive: true });
  const template =
    "{% for m in messages %}{% if m.role != 'system' %}{{ m.role }}: {{ m.content }}\n{% endif %}{% endfor %}";
  writeFileSync(join(model, 'chat_template.jinja'), template);
  const [given, data] = [join(work, 'with systems'), join(work, 'with systems, mixed')];
  const rows = Array.from({ length: 80 }, (_, i) => {
    const row = { prompt: `What is thing ${i}?`, response: `It is ${i}.` };
    return JSON.stringify(i % 2 ? row : { system: 'Answer as a sailor.', ...row });
  });
  mkdirSync(join(given, 'train'), { recursive: true });
  writeFileSync(join(given, 'train', 'mine.jsonl'), rows.join('\n'));
  await mixFolder(given, data, { seed: 3, shares: 'all' });
  const own = { ...config('padded'), template: 'model', mixture: 'all', samples: null } as const;
  const how = { config: own, tokenizer, chunkLength: LENGTH, progress: silent, rowsAPiece: 32 };
  const files = await prepareMixed({ data, model }, (await readMixed(data))!, { ...how, cache: join(work, 'systems') });
  const memory = await openRowInputs({ data, model }, own);
  expect(files.samples).toEqual(memory.data.samples);
  expect(files.samples.lostSystems).toBeGreaterThan(20);
});

test('rows that were changed since they were mixed are refused, and a tokenizer that another file tells otherwise is noticed', async () => {
  const packing = 'padded';
  const before = await prepare(packing);
  const data = join(work, 'corrected');
  cpSync(sources.data, data, { recursive: true });
  const rows: string[] = [];
  await readTrainExamples(data, (row) => rows.push(JSON.stringify({ ...row, response: `Corrected. ${row.response}` })));
  rmSync(join(data, MIXTURE_ROWS));
  writeFileSync(join(data, 'train', 'mixture.jsonl'), rows.join('\n'));
  const again = (from: string, by: Tokenizer) =>
    prepareMixed({ ...sources, data: from }, mixed, {
      config: config(packing),
      tokenizer: by,
      chunkLength: LENGTH,
      progress: silent,
      rowsAPiece: 32,
      cache: join(work, packing),
    });
  await expect(again(data, tokenizer)).rejects.toThrow(
    /mixture\.parquet must have the sha256 .* got no such file; .*; or delete its mixture\.json, to train on the rows as they are/,
  );
  const withBos = await again(sources.data, { ...tokenizer, addBos: !tokenizer.addBos });
  expect(withBos.packing.tokens).not.toBe(before.packing.tokens);
});

/** The preparation in a process of its own, that can be killed. */
function prepareInProcess(cache: string): ChildProcess {
  const program = `
    const { prepareMixed } = require('${ROOT}/dist/run/mixed-training');
    const { readMixed } = require('${ROOT}/dist/data/mixing/mixed-folder');
    const { loadTokenizer } = require('${ROOT}/dist/data/tokenizer');
    const [sources, config, cache] = JSON.parse(process.argv[1]);
    (async () => prepareMixed(sources, await readMixed(sources.data), {
      config, cache, tokenizer: await loadTokenizer(sources.model), chunkLength: ${LENGTH}, rowsAPiece: 32,
      progress: (label) => ({ say: () => {}, at: () => process.stdout.write(label + '\\n') }),
    }))();`;
  return spawn(process.execPath, ['-e', program, JSON.stringify([sources, config('block-diagonal'), cache])]);
}

const ended = (child: ChildProcess) => new Promise<number | null>((done) => child.once('close', done));

test('killed while it tokenizes, it goes on after the last whole piece, to the same files', async () => {
  const cache = join(work, 'killed');
  const child = prepareInProcess(cache);
  const pieces = () => {
    const [folder] = existsSync(cache) ? readdirSync(cache) : [];
    const train = folder === undefined ? '' : join(cache, folder, 'train');
    return existsSync(train)
      ? readdirSync(train)
          .filter((name) => /^tokens-\d+$/.test(name))
          .map((name) => join(train, name))
      : [];
  };
  let seen = 0;
  const watch = setInterval(() => {
    seen = pieces().length;
    if (seen >= 2) child.kill('SIGKILL');
  }, 1);
  await ended(child);
  clearInterval(watch);
  const kept = pieces();
  expect(kept.length).toBeGreaterThanOrEqual(2);
  for (const file of kept) utimesSync(file, 1, 1);
  expect(await ended(prepareInProcess(cache))).toBe(0);
  // Those that were there were not made again.
  for (const file of kept) expect(statSync(file).mtimeMs).toBe(1000);
  expect(pieces()).toHaveLength(Math.ceil((150 * 0.95) / 32));
  const again = await prepare('block-diagonal', cache);
  const whole = await prepare('block-diagonal');
  expect(readFileSync(again.chunks.file).equals(readFileSync(whole.chunks.file))).toBe(true);
  expect(readFileSync(again.heldOut.file).equals(readFileSync(whole.heldOut.file))).toBe(true);
});

test('training reads the file chunk by chunk: losses and records are those from memory, bit for bit', async () => {
  const files = await prepare('block-diagonal');
  const base = await openModelFolder(sources.model);
  const device = await openDevice('cpu', 1);
  const { lora } = PRESETS.smoke;
  const losses = async (name: string, { chunks, heldOut }: Pick<PreparedFiles, 'chunks' | 'heldOut'> | Memory) => {
    const { records, state } = await train({
      model: tunedModel(base, 'lora', lora.lora),
      config: { ...lora, maxSeqLen: LENGTH, batchSize: 2 },
      device,
      chunks,
      heldOut,
      separate: true,
      folder: join(work, `run-${name}`),
      identity: { config: {}, model: 'm', chunks: 'c' },
      checkpointEvery: 1000,
    });
    state.dispose();
    return records.map(({ loss, heldOutLoss, gradientNorm }) => [loss, heldOutLoss, gradientNorm]);
  };
  type Memory = { readonly chunks: readonly ChunkTensors[]; readonly heldOut: readonly ChunkTensors[] };
  const first = { chunks: [...files.chunks].slice(0, 4), heldOut: [...files.heldOut].slice(0, 1) };
  const part = {
    chunks: { length: 4, at: (i: number) => files.chunks.at(i), [Symbol.iterator]: () => first.chunks.values() },
    heldOut: { length: 1, at: (i: number) => files.heldOut.at(i), [Symbol.iterator]: () => first.heldOut.values() },
  };
  const fromFile = await losses('file', part as unknown as Memory);
  expect(fromFile.length).toBeGreaterThan(2);
  expect(fromFile).toEqual(await losses('memory', first));
});

test('a file that is none of packed chunks is refused by name', async () => {
  const file = join(sources.model, 'model.safetensors');
  await expect(openChunkFile(file)).rejects.toThrow(
    `packing: ${file} is no file of packed chunks; prepare the data again`,
  );
});

const READ = `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework='np') as f:
    names = json.loads(f.metadata()['source_names'])
    tokens, targets, weights, samples = (f.get_slice(n)[3] for n in ('tokens', 'targets', 'weights', 'samples'))
    sources = f.get_tensor('sources')
    print(json.dumps({
        'keys': sorted(f.keys()), 'packing': f.metadata()['packing'], 'shape': f.get_slice('tokens').get_shape(),
        'tokens': tokens.tolist(), 'targets': targets.tolist(), 'weights': weights.tolist(),
        'sources': sorted({names[sources[s]] for s in samples if s >= 0}),
    }))
`;

test.skipIf(!existsSync(PYTHON))(
  'Python’s safetensors reads a chunk of the file, and which source each token is of',
  async () => {
    const files = await prepare('block-diagonal');
    const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', READ, files.chunks.file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    const read = JSON.parse(stdout);
    const chunk = files.chunks.at(3)!;
    expect(read).toMatchObject({
      keys: ['samples', 'sources', 'targets', 'tokens', 'weights'],
      packing: 'block-diagonal',
      shape: [files.chunks.length, LENGTH],
      tokens: [...chunk.tokens],
      targets: [...chunk.targets],
      weights: [...chunk.weights],
    });
    const memory = await openRowInputs(sources, config('block-diagonal'));
    const spans = memory.data.chunks[3]!.spans;
    expect(read.sources).toEqual([...new Set(spans.map(({ source }) => source))].sort());
  },
);
