import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelFolderOf } from '../../lib/data/sources/model';
import { newCommand, readArguments } from '../../lib/run/arguments';
import { lockFolder } from '../../lib/run/lock';
import { parseOptions } from '../../lib/run/options';
import { runDifferences } from '../../lib/run/run-differences';
import { CLI, MINIATURE } from './child';

/* A run, its data, its model and its settings file, each moved, linked, or spelt otherwise. */

const work = mkdtempSync(join(tmpdir(), 'moved ü '));
afterAll(() => rmSync(work, { recursive: true }));

/** @returns what was said; of a failure too */
function med42(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { INIT_CWD: _, ...own } = process.env;
  try {
    return execFileSync(process.execPath, [CLI, ...args], {
      cwd,
      env: { ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
  } catch (error) {
    return String((error as { stderr: string }).stderr);
  }
}

describe('a training that was done', () => {
  const home = join(work, 'home');
  const adapter = (out: string) => readFileSync(join(out, 'models', 'lora', 'adapter_model.safetensors'));
  let made: Buffer;
  /** Its record gone, the training's end is made anew from the last checkpoint. */
  const forget = (out: string) => rmSync(join(out, 'records'), { recursive: true });
  const settings = {
    extends: 'smoke',
    command: 'train',
    method: 'lora',
    model: 'model',
    data: { folder: 'data', samples: 20 },
    training: { maxSteps: 2 },
    output: { folder: 'out' },
  };

  beforeAll(() => {
    mkdirSync(home);
    cpSync(MINIATURE, join(home, 'data'), { recursive: true });
    renameSync(join(home, 'data', 'base'), join(home, 'model'));
    writeFileSync(join(home, 's.json'), `\ufeff${JSON.stringify(settings, null, 2)}`.replaceAll('\n', '\r\n'));
    const said = med42(home, ['train', '--settings', 's.json']);
    expect(said).toContain('Research only');
    made = adapter(join(home, 'out'));
  });

  test('goes on where its folder was moved, with data and model named', () => {
    const moved = join(home, 'x', 'y', 'moved');
    mkdirSync(join(home, 'x', 'y'), { recursive: true });
    renameSync(join(home, 'out'), moved);
    forget(moved);
    const file = join(moved, 'settings.json');
    const lost = med42(home, ['run', file]);
    expect(lost).toContain(`settings: ${file}: "data.folder" must be a folder, and ${join(home, 'x', 'y', 'data')} is`);
    expect(lost).toContain('correct it, or give --data');
    const said = med42(home, ['run', file, '--data', 'data/', '--model', './model/', '--threads', '2']);
    expect(said).toContain('Research only');
    // The checkpoint's state, whatever the threads that would have gone on.
    expect(adapter(moved).equals(made)).toBe(true);
    rmSync(join(home, 'out'), { recursive: true, force: true });
    renameSync(moved, join(home, 'out'));
  });

  test('goes on with data behind a link, and paths below ~', () => {
    renameSync(join(home, 'data'), join(work, 'elsewhere'));
    symlinkSync(join(work, 'elsewhere'), join(home, 'data'));
    forget(join(home, 'out'));
    const of = ['--settings=~/s.json', '--data=~/data', '--model', '~/model', '--out', '~/out'];
    expect(med42(work, ['train', ...of], { HOME: home })).toContain('Research only');
    expect(adapter(join(home, 'out')).equals(made)).toBe(true);
  });

  test('is not gone on with what is another run, and the difference is named', () => {
    const refused = (...args: string[]) => med42(home, ['train', '--settings', 's.json', ...args]);
    expect(refused('--rank', '2')).toContain(
      'holds a run with other settings, data or model (lora.rank was 8, is 2); choose another --out',
    );
    writeFileSync(join(home, 'data', 'train', 'more.jsonl'), '{"prompt":"a","response":"b","source":"medquad"}\n');
    expect(refused()).toContain('holds a run with other settings, data or model (train/more.jsonl is new); choose');
  });
});

test('differences between two runs, in words', () => {
  const begun = {
    config: { lora: { rank: 8 }, seed: 1 },
    device: 'cpu',
    files: [
      { path: 'train/a.jsonl', sha256: '1' },
      { path: 'train/b.jsonl', sha256: '2' },
    ],
    modelHash: 'x',
  };
  const files = [
    { path: 'train/a.jsonl', sha256: '3' },
    { path: 'train/c.jsonl', sha256: '2' },
  ];
  const now = { ...begun, config: { lora: { rank: 4 }, seed: 1 }, device: 'xla:cpu', files, modelHash: 'y' };
  expect(runDifferences(begun, begun)).toBe('');
  expect(runDifferences(begun, now)).toBe(
    'lora.rank was 8, is 4; device was "cpu", is "xla:cpu"; train/a.jsonl is changed; train/b.jsonl is gone; 2 more',
  );
  // A run of before, or a file that somebody changed.
  expect(runDifferences({}, { config: {}, files: [], modelHash: 'y' })).toBe('');
  expect(runDifferences({ config: 3, files: 'x' }, { config: {}, files: [], modelHash: 'y' })).toBe('');
});

test('settings in another order are the same settings', () => {
  const config = (settings: object) => {
    const file = join(work, 'order.json');
    writeFileSync(file, JSON.stringify({ extends: 'smoke', ...settings }));
    return JSON.stringify(parseOptions(['--settings', file], work, work).config);
  };
  const one = config({
    lora: { targetModules: ['v_proj', 'q_proj'], rank: 2 },
    data: { mixture: { b: 1, a: 2 }, fields: { response: 'R', prompt: 'P' } },
  });
  const other = config({
    data: { fields: { prompt: 'P', response: 'R' }, mixture: { a: 2, b: 1 } },
    lora: { rank: 2, targetModules: ['q_proj', 'v_proj'] },
  });
  expect(one).toBe(other);
});

test('paths: ~ is the home folder, a text is not; a missing ../model is no name of the Hub', () => {
  const command = () =>
    newCommand('x', 'x').option('--out <folder>', '').option('--prompt <text>', '').argument('[run]');
  const { options, words } = readArguments(command(), ['--out=~/a', '--prompt', '~/b', '~']);
  expect([options, words]).toEqual([{ out: join(homedir(), 'a'), prompt: '~/b' }, [homedir()]]);
  expect(modelFolderOf('../model', work, join(work, 'cache'))).toBe(resolve(work, '../model'));
  expect(() => modelFolderOf('org/model', work, join(work, 'cache'))).toThrow('fetch it with `med42 fetch --model');
});

test('a folder that was copied while a process held it is free; one that was renamed is not', async () => {
  const held = join(work, 'held');
  mkdirSync(held);
  const program = `require(process.argv[1]).lockFolder(process.argv[2]).then(() => { console.log('held'); setInterval(() => {}, 1000); });`;
  const lock = resolve(CLI, '..', '..', 'run', 'lock.js');
  const child = spawn(process.execPath, ['-e', program, lock, held], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((said) => child.stdout.once('data', said));
    cpSync(held, join(work, 'copied'), { recursive: true });
    (await lockFolder(join(work, 'copied'))).release();
    const busy = new RegExp(`is in use by process ${child.pid} on ${hostname()}`);
    await expect(lockFolder(held)).rejects.toThrow(busy);
    symlinkSync(held, join(work, 'linked'));
    await expect(lockFolder(join(work, 'linked'))).rejects.toThrow(busy);
    renameSync(held, join(work, 'renamed'));
    await expect(lockFolder(join(work, 'renamed'))).rejects.toThrow(busy);
  } finally {
    child.kill('SIGKILL');
  }
});
