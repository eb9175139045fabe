import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { saveAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder } from '../../lib/model/folder';
import { nativeRepos } from '../data/sources/native-files';
import { type StubRepo, stubHub, TOKEN } from '../data/sources/stub-hub';
import { writeStatic } from '../decontaminate/small-encoders';
import { LORA_TARGETS, loraOf } from './lora';
import { DATA, ROOT } from './target';

/* Every command that writes, so that all it writes goes into one folder. */

/** What the commands read beside the workbook's own data. */
export interface Given {
  readonly work: string;
  readonly adapter: string;
  readonly encoder: string;
  /** The folder of a finished run. */
  readonly run: string;
  /** A folder that `mix` wrote. */
  readonly mixed: string;
  /** Of a training. */
  readonly settings: string;
  /** Of a Hub on loopback. */
  readonly hub: string;
  /** A copy of the built workbook whose results/ is the folder that is written. */
  readonly copy: string;
  close(): Promise<void>;
}

export interface Command {
  readonly args: (given: Given, out: string) => readonly string[];
  readonly env?: (given: Given, out: string) => Readonly<Record<string, string>>;
  /** What lies in the folder before the first start. */
  readonly prepare?: (given: Given, out: string) => void;
  /** Starts the copy of the workbook. */
  readonly isCopied?: boolean;
  /** Refuses a folder where its own result lies whole. */
  readonly isOnce?: boolean;
  readonly threads?: readonly number[];
}

const MED42 = join(ROOT, 'dist', 'cli', 'med42.js');
const RECORDED = join(ROOT, 'results', 'recorded');
const to = (out: string) => ['--out', out];
const hubEnv = ({ hub }: Given, out: string) => ({
  HF_ENDPOINT: hub,
  HF_HOME: join(out, 'home'),
  HF_HUB_CACHE: join(out, 'cache'),
  HF_TOKEN: TOKEN,
});

/** The copy's results/ is this folder, which has a part of what was recorded. */
function ownResults({ copy }: Given, out: string): void {
  mkdirSync(out, { recursive: true });
  rmSync(join(copy, 'results'), { force: true });
  symlinkSync(out, join(copy, 'results'));
}

/** All trials but the last two: whatever the grid's length, two trainings are left to do. */
function mostTrials(given: Given, out: string): void {
  ownResults(given, out);
  mkdirSync(join(out, 'tune'), { recursive: true });
  const trials = JSON.parse(readFileSync(join(RECORDED, 'tune', 'trials.json'), 'utf8')) as unknown[];
  writeFileSync(join(out, 'tune', 'trials.json'), JSON.stringify(trials.slice(0, -2)));
}

/** The same, and what it keeps between runs is there as well. */
function ownCache(given: Given, out: string): void {
  ownResults(given, out);
  mkdirSync(join(out, 'cache'), { recursive: true });
  rmSync(join(given.copy, '.cache'), { force: true });
  symlinkSync(join(out, 'cache'), join(given.copy, '.cache'));
}

function oneNotebook(_: Given, out: string): void {
  mkdirSync(join(out, 'notebooks'), { recursive: true });
  cpSync(join(ROOT, 'notebooks', '01-data-mixing.ipynb'), join(out, 'notebooks', '01-data-mixing.ipynb'));
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  reproduce: { args: (_, out) => ['reproduce', '--preset', 'smoke', '--limit', '2', ...to(out)], threads: [1, 2] },
  train: { args: (_, out) => ['train', '--preset', 'smoke', ...to(out)], threads: [1, 2] },
  'train on mixed rows': {
    args: ({ mixed }, out) => [...['train', '--preset', 'smoke', '--data', mixed], ...to(join(out, 'run'))],
    prepare: ownCache,
    isCopied: true,
  },
  'run of a settings file': {
    args: ({ settings }, out) => ['run', settings, ...to(out)],
  },
  'train on two devices of XLA': {
    args: (_, out) => ['train', '--preset', 'smoke', '--device', 'xla:cpu', '--devices', '2', ...to(out)],
  },
  score: {
    args: ({ adapter }, out) => [
      ...['score', '--adapter', adapter, '--limit', '2', '--tasks', 'medqa_4options,headqa_en'],
      ...to(out),
    ],
    threads: [1, 2],
  },
  'decontaminate by TF-IDF': { args: (_, out) => ['decontaminate', '--tf-idf', ...to(out)] },
  'decontaminate by an encoder': {
    args: ({ encoder }, out) => [
      ...['decontaminate', '--encoder', encoder, '--cache', join(out, 'vectors')],
      ...to(join(out, 'pairs')),
    ],
  },
  export: { args: (_, out) => ['export', '--run', join(RECORDED, 'miniature'), ...to(out)] },
  report: { args: (_, out) => ['report', out], prepare: ({ run }, out) => cpSync(run, out, { recursive: true }) },
  merge: { args: ({ adapter }, out) => ['merge', '--adapter', adapter, ...to(out)], isOnce: true },
  packing: { args: (_, out) => ['packing', '--preset', 'smoke', ...to(out)] },
  mix: { args: (_, out) => ['mix', '--data', DATA, '--shares', 'all', ...to(out)] },
  bundle: { args: (_, out) => ['bundle', ...to(join(out, 'bundle.tar.xz'))] },
  handoff: { args: (_, out) => ['handoff', '--preset', 'smoke', ...to(out)], isOnce: true },
  'build-miniature': { args: (_, out) => ['build-miniature', '--data', out] },
  'fetch rows': {
    args: (_, out) => ['fetch', 'medmcqa', 'medquad', ...to(join(out, 'rows'))],
    env: hubEnv,
  },
  'fetch a model': { args: () => ['fetch', '--model', 'org/llama'], env: hubEnv },
  notebooks: { args: (_, out) => ['notebooks', '--folder', join(out, 'notebooks'), '01'], prepare: oneNotebook },
  tune: { args: () => ['tune'], prepare: mostTrials, isCopied: true },
  record: { args: ({ run }) => ['record', run], prepare: ownResults, isCopied: true },
  kernel: { args: () => ['kernel', 'install'], env: (_, out) => ({ JUPYTER_DATA_DIR: out }) },
};

export async function makeGiven(): Promise<Given> {
  const work = mkdtempSync(join(tmpdir(), 'kills-'));
  const [adapter, copy, run] = ['adapter', 'copy', 'run'].map((name) => join(work, name)) as [string, string, string];
  const base = await openModelFolder(join(DATA, 'base'));
  await saveAdapterFolder(adapter, LORA_TARGETS, base.folder, loraOf(base.config), {
    title: 'A LoRA adapter',
    details: '',
  });
  cpSync(join(RECORDED, 'miniature'), run, { recursive: true });
  for (const name of ['run.json', 'decontamination.json']) {
    writeFileSync(join(run, name), gunzipSync(readFileSync(join(run, `${name}.gz`))));
  }
  mkdirSync(copy);
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  for (const name of ['data', 'node_modules', 'lib', 'notebooks']) symlinkSync(join(ROOT, name), join(copy, name));
  const mixed = join(work, 'mixed');
  execFileSync(process.execPath, [MED42, 'mix', '--data', DATA, '--shares', 'all', '--out', mixed], { stdio: 'pipe' });
  const settings = join(work, 'settings.json');
  writeFileSync(settings, JSON.stringify({ extends: 'smoke', command: 'train', method: 'lora' }));
  const encoder = await writeStatic(join(work, 'encoder'));
  const hub = await stubHub({ ...(await nativeRepos()), 'org/llama': checkpoint() });
  return {
    ...{ work, adapter, encoder, copy, run, mixed, settings, hub: hub.endpoint },
    close: async () => {
      await hub.close();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

function checkpoint(): StubRepo {
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  const files = names.filter((name) => existsSync(join(DATA, 'base', name)));
  return {
    type: 'model',
    commit: 'd'.repeat(40),
    licence: 'llama2',
    files: Object.fromEntries(
      files.map((name) => [name, { content: readFileSync(join(DATA, 'base', name)), stored: 'lfs' as const }]),
    ),
  };
}
