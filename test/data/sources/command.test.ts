import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { modelFolderOf } from '../../../lib/data/sources/model';
import { openModelFolder } from '../../../lib/model/folder';
import { PYTHON, pythonReady } from '../../parity/python';
import { nativeRepos } from './native-files';
import { type StubHub, type StubRepo, stubHub, TOKEN } from './stub-hub';

/** `med42 fetch` as a process of its own: killed, started again, two at once; and huggingface_hub on the same cache. */

const ROOT = resolve(__dirname, '../../..');
const BASE = join(ROOT, 'data/miniature/base');
const COMMIT = 'd'.repeat(40);

function checkpoint(): StubRepo {
  const file = (name: string) => readFileSync(join(BASE, name));
  return {
    type: 'model',
    commit: COMMIT,
    licence: 'llama2',
    gated: true,
    files: {
      'config.json': { content: file('config.json') },
      'tokenizer.json': { content: file('tokenizer.json'), stored: 'lfs' },
      'tokenizer_config.json': { content: file('tokenizer_config.json') },
      'model.safetensors': { content: file('model.safetensors'), stored: 'xet' },
      'pytorch_model.bin': { content: Buffer.from('a pickle'), stored: 'lfs' },
      'original/consolidated.00.pth': { content: Buffer.from('a pickle'), stored: 'lfs' },
    },
  };
}

let hub: StubHub;
let folder: string;
let repos: Record<string, StubRepo>;
beforeEach(async () => {
  repos ??= await nativeRepos();
  const pickles: StubRepo = {
    ...checkpoint(),
    files: { 'config.json': { content: Buffer.from('{}') }, 'pytorch_model.bin': { content: Buffer.from('x') } },
  };
  hub = await stubHub({ ...repos, 'org/llama': checkpoint(), 'org/pickles': pickles });
  folder = await mkdtemp(join(tmpdir(), 'med42-command-'));
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

const environment = (more: Record<string, string> = {}) => ({
  ...process.env,
  HF_ENDPOINT: hub.endpoint,
  HF_HOME: join(folder, 'home'),
  HF_HUB_CACHE: join(folder, 'cache'),
  HF_TOKEN: TOKEN,
  HF_HUB_DISABLE_XET: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  INIT_CWD: folder,
  ...more,
});

function start(args: readonly string[], more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(ROOT, 'lib/cli/bin.js'), 'fetch', ...args], { env: environment(more) });
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  child.stderr.on('data', (piece) => (text += piece));
  const ended = new Promise<{ status: number | null; text: string }>((done) =>
    child.on('close', (status) => done({ status, text })),
  );
  return { child, ended };
}
const fetchCommand = (...args: string[]) => start(args).ended;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resume) => setTimeout(resume, 50));
}

describe('med42 fetch', () => {
  test('says size and licence first, then rows, and what is short of the paper', async () => {
    const { status, text } = await fetchCommand('mediqa', 'medmcqa', '--out', 'data');
    expect(status).toBe(0);
    expect(text).toMatch(
      /medmcqa +1 files, \S+ kB +licence: apache-2.0 \(the Hub\); MIT \(the authors\); on the card: apache-2.0/,
    );
    expect(text.indexOf('to fetch')).toBeLessThan(text.indexOf('medmcqa: 7 rows (paper: 180,462); 1 skipped'));
    expect(text).toContain('short: mediqa has 4 rows, the paper counts 1,950');
    expect(existsSync(join(folder, 'data/train/medmcqa.jsonl'))).toBe(true);
    expect(text).not.toContain(TOKEN);
  });

  test('what is missing is named with what it does to the mixture, and the status is 1', async () => {
    delete (repos as Record<string, unknown>)['medalpaca/medical_meadow_mediqa'];
    await hub.close();
    hub = await stubHub(repos);
    const { status, text } = await fetchCommand('mediqa', 'health_advice', '--out', 'data');
    repos = await nativeRepos();
    expect(status).toBe(1);
    expect(text).toMatch(
      /missing: medalpaca\/medical_meadow_mediqa is not there \(404\).*; the mixture lacks MediQA, 1,950 of 706,713 samples \(0.28 %\), whose share goes to the other sources/,
    );
    expect(existsSync(join(folder, 'data/train/health_advice.jsonl'))).toBe(true);
  });

  test.each([
    [['--at-once', '0', 'mediqa'], '--at-once must be a whole number from 1 to 64, got "0"'],
    [[], 'names of sources, --all, --list, --model or --from must be given'],
    [['medqaa'], 'did you mean medqa?'],
    [['--all', 'medqa'], '--all takes no names'],
  ])('%j is refused before anything is asked for', async (args, message) => {
    const { status, text } = await fetchCommand(...args);
    expect(status).toBe(1);
    expect(text).toContain(message);
    expect(hub.requests).toEqual([]);
  });

  test('killed in the middle and started again, no byte comes twice; the token is nowhere', async () => {
    const key = 'org/llama/model.safetensors';
    hub.fault = ({ host, path }, times) =>
      host === 'cdn' && path.endsWith('model.safetensors') && times === 1 ? { stallAfter: 3_000_000 } : undefined;
    const first = start(['--model', 'org/llama']);
    const blobs = join(folder, 'cache/models--org--llama/blobs');
    await until(async () => {
      const names = await readdir(blobs).catch(() => []);
      const part = names.find((name) => name.endsWith('.incomplete'));
      return part !== undefined && (await stat(join(blobs, part)).catch(() => undefined))?.size === 3_000_000;
    });
    first.child.kill('SIGKILL');
    await first.ended;
    const { status, text } = await fetchCommand('--model', 'org/llama');
    expect(text).toContain('licence: llama2');
    expect(text).toContain(`3000000 of ${readFileSync(join(BASE, 'model.safetensors')).length} bytes are there`);
    expect(status).toBe(0);
    expect(hub.served.get(key)).toBe(readFileSync(join(BASE, 'model.safetensors')).length);
    expect([...hub.served.keys()].some((one) => /pickle|\.bin|\.pth/.test(one))).toBe(false);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
    expect(files).toHaveLength(6);
    for (const one of files) expect(readFileSync(join(one.parentPath, one.name)).includes(TOKEN), one.name).toBe(false);
    const snapshot = modelFolderOf('org/llama', folder, join(folder, 'cache'));
    expect((await openModelFolder(snapshot)).config.numHiddenLayers).toBeGreaterThan(0);
  });

  test('two at once into one cache and one folder: each file comes once', async () => {
    const results = await Promise.all([
      fetchCommand('medquad', '--out', 'data'),
      fetchCommand('medquad', '--out', 'data'),
    ]);
    expect(results.map(({ status }) => status)).toEqual([0, 0]);
    const path = 'data/train-00000-of-00001-e36383d177026d53.parquet';
    expect(hub.served.get(`lavita/MedQuAD/${path}`)).toBe(repos['lavita/MedQuAD']!.files[path]!.content.length);
  });

  test('a checkpoint of pickles alone, and one that is gated, are refused in plain words', async () => {
    const pickles = await fetchCommand('--model', 'org/pickles');
    expect(pickles.text).toContain(
      'org/pickles has no model.safetensors and no model.safetensors.index.json with its shards, only pickles (pytorch_model.bin)',
    );
    const gated = await start(['--model', 'org/llama'], { HF_TOKEN: 'hf_another' }).ended;
    expect([pickles.status, gated.status]).toEqual([1, 1]);
    expect(gated.text).toMatch(
      /org\/llama is gated or closed to you \(403\): ask for access on .*\/org\/llama, then set HF_TOKEN/,
    );
    expect(gated.text).not.toContain('hf_another');
  });
});

test('a model that the cache lacks: the command that brings it is named', () => {
  expect(() => modelFolderOf('org/none', folder, join(folder, 'cache'))).toThrow(
    /no folder .*org\/none, and the cache .* has no model org\/none; give a folder, or fetch it with `med42 fetch --model org\/none`/,
  );
  expect(modelFolderOf('./org/none', folder)).toBe(join(folder, 'org/none'));
});

describe.skipIf(!pythonReady)('huggingface_hub', () => {
  const python = async (code: string, more: Record<string, string> = {}) =>
    (await promisify(execFile)(PYTHON, ['-c', code], { env: environment(more) })).stdout.trim();
  const download = (path: string) =>
    `from huggingface_hub import hf_hub_download; print(hf_hub_download('lavita/MedQuAD', '${path}', repo_type='dataset'))`;
  const path = 'data/train-00000-of-00001-e36383d177026d53.parquet';

  test('finds what was fetched here, without a network', async () => {
    await fetchCommand('medquad', '--out', 'data');
    const found = await python(download(path), { HF_HUB_OFFLINE: '1' });
    expect(readFileSync(found).equals(repos['lavita/MedQuAD']!.files[path]!.content)).toBe(true);
  });

  test('and what it fetched is not fetched again', async () => {
    await python(download(path));
    const served = hub.served.get(`lavita/MedQuAD/${path}`);
    const { status, text } = await fetchCommand('medquad', '--out', 'data');
    expect([status, hub.served.get(`lavita/MedQuAD/${path}`)]).toEqual([0, served]);
    expect(text).toMatch(/0 bytes to fetch, \S+ kB in the cache/);
  });
});
