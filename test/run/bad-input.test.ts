import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI, type Ended, filesBelow, MINIATURE, reproduceCli } from './child';

/** What a person meets who gives the command line something wrong. */

const work = mkdtempSync(join(tmpdir(), 'bad input '));
afterAll(() => rmSync(work, { recursive: true }));

let made = 0;
const newPath = (): string => join(work, `${made++}`);
const smoke = (out: string, ...more: string[]) => ['--preset', 'smoke', '--limit', '2', '--out', out, ...more];

/** One paragraph that says `message` and, after a semicolon, what to do; no stack, no JavaScript. */
function expectRefusal({ code, stdout, stderr }: Ended, message: string | RegExp): void {
  expect(code, stderr).toBe(1);
  expect(stdout).toBe('');
  const paragraph = stderr.trimEnd().split('\n').at(-1)!;
  if (typeof message === 'string') expect(paragraph).toContain(message);
  else expect(paragraph).toMatch(message);
  expect(paragraph).toMatch(/^[a-z]+: .+; .+/);
  expect(stderr).not.toMatch(/^\s+at |\.js:\d+|node:internal|TypeError|Error:/m);
}

describe.concurrent('options', () => {
  test.for<readonly [string, readonly string[], string]>([
    [
      'an unknown preset',
      ['--preset', 'huge'],
      '--preset must be one of smoke, miniature, controlled, real, smollm2, paper-lora, paper-full, llama2, got "huge"',
    ],
    [
      'an unknown option',
      ['--smaples', '5'],
      "reproduce: unknown option '--smaples', did you mean --samples; --help lists",
    ],
    ['an option without its value', ['--seed'], "reproduce: option '--seed <n>' argument missing"],
    ['a word too many', ['smoke'], 'reproduce: too many arguments'],
    ['no samples', ['--samples', '0'], 'reproduce: --samples must be a whole number of 1 or more, or all, got "0"'],
    ['samples that are no number', ['--samples', 'many'], '--samples must be a whole number of 1 or more, or all, got'],
    ['half an epoch', ['--epochs', '0.5'], '--epochs must be a whole number of 1 or more, got "0.5"'],
    ['a negative seed', ['--seed=-1'], '--seed must be a whole number from 0 to 4294967295, got "-1"'],
    ['a seed of more than 32 bits', ['--seed', '4294967296'], 'from 0 to 4294967295, got "4294967296"'],
    [
      'seeds that reach beyond',
      ['--seed', '4294967295', '--seeds', '2'],
      'seed + seeds - 1 must be a whole number from 0 to 4294967295, got',
    ],
    [
      'an unknown device',
      ['--device', 'gpu'],
      'settings: --device: "device" must be "cpu" or "webgpu" or "cuda" or "tfjs" or "xla"',
    ],
    ['data without a model', ['--data', 'rows'], '--preset real needs --model, the folder of a Hugging Face Llama'],
    ['no such model', ['--model', 'nowhere'], 'config.json (ENOENT); give the folder of a Hugging Face model'],
    ['no such data', ['--preset', 'smoke', '--data', 'nowhere'], 'nowhere; pass a folder that holds eval/ and train/'],
    ['fewer samples than subsets', ['--samples', '3'], 'mixture: total must be an integer from 17 (one row for each'],
  ])('%s', async ([, args, message]) => {
    const out = newPath();
    const ended = await reproduceCli([...args, '--out', out]);
    expectRefusal(ended, message);
    expect(existsSync(out)).toBe(false);
  });

  test('a device that is not there', async ({ skip }) => {
    const out = newPath();
    const ended = await reproduceCli(smoke(out, '--device', 'cuda'), {
      // Where there is one, the run begins.
      when: () => existsSync(join(out, 'config.json')),
      signal: 'SIGKILL',
    });
    if (ended.code === null) skip('this machine has CUDA');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/\ndevice: cuda is not available here \(.+\); .*or use --device cpu\n$/);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(out)).toBe(false);
  });

  test('--help tells the options', async () => {
    const { code, stdout } = await reproduceCli(['--help']);
    expect(code).toBe(0);
    for (const option of ['preset', 'data', 'model', 'out', 'device', 'samples', 'limit', 'epochs', 'seed', 'fresh']) {
      expect(stdout).toContain(`--${option}`);
    }
  });
});

describe.concurrent('rows', () => {
  /** The miniature with one line of one file changed. */
  function dataWith(file: string, line: number, change: (row: Record<string, unknown>) => unknown): string {
    const folder = newPath();
    for (const half of ['eval', 'train']) cpSync(join(MINIATURE, half), join(folder, half), { recursive: true });
    const path = join(folder, file);
    const lines = readFileSync(path, 'utf8').split('\n');
    const changed = change(JSON.parse(lines[line - 1]!));
    lines[line - 1] = typeof changed === 'string' ? changed : JSON.stringify(changed);
    writeFileSync(path, lines.join('\n'));
    return folder;
  }
  const TRAIN = 'train/medmcqa_miniature.jsonl';
  const EVAL = 'eval/medqa.jsonl';

  test.for<readonly [string, () => string, string | RegExp]>([
    [
      'a row without a response',
      () => dataWith(TRAIN, 7, ({ response: _, ...row }) => row),
      /^examples: train\/medmcqa_miniature\.jsonl line 7 \(id "\S+"\): "response" must be a non-empty string, got nothing; fix or delete the row, or leave such rows out with --skip-bad-rows$/,
    ],
    [
      'a response of nothing but spaces',
      () => dataWith(TRAIN, 2, (row) => ({ ...row, response: ' \n' })),
      `${TRAIN} line 2 (id "`,
    ],
    [
      'an answer that is none of the choices',
      () => dataWith(EVAL, 3, (row) => ({ ...row, answer: 4 })),
      /^examples: eval\/medqa\.jsonl line 3 \(id "\S+"\): "answer" must be an integer from 0 to 3, a letter or the text of one choice \(places are counted from 0\), got 4; fix or delete the row, or leave such rows out with --skip-bad-rows$/,
    ],
    [
      'an answer of text',
      () => dataWith(EVAL, 3, (row) => ({ ...row, answer: 'E' })),
      '"answer" must be an integer from 0 to 3, a letter or the text of one choice, got "E"',
    ],
    [
      'a line that is no JSON',
      () => dataWith(EVAL, 5, () => '{"id": "x",'),
      'examples: eval/medqa.jsonl line 5: invalid JSON (',
    ],
    [
      'a line cut short',
      () => dataWith(TRAIN, 5, (row) => JSON.stringify(row).slice(0, 60)),
      `${TRAIN} line 5: invalid JSON (`,
    ],
    ['a task that cannot be', () => dataWith(EVAL, 1, (row) => ({ ...row, task: 'pub quiz' })), '"pub quiz"'],
    ['an unknown source', () => dataWith(TRAIN, 1, (row) => ({ ...row, source: 'somewhere' })), 'somewhere'],
    [
      'two items of one id',
      () => dataWith(EVAL, 2, (row) => ({ ...row, id: JSON.parse(firstOf(EVAL)).id })),
      '"id" must be unique',
    ],
    [
      'evaluation alone',
      () => {
        const folder = newPath();
        cpSync(join(MINIATURE, 'eval'), join(folder, 'eval'), { recursive: true });
        return folder;
      },
      /holds eval\/ but no file of rows in train\/ .*; add the train files/,
    ],
  ])('%s', async ([, make, message]) => {
    const out = newPath();
    expectRefusal(await reproduceCli(smoke(out, '--data', make())), message);
    // The folder is free for the same command with good rows.
    expect(existsSync(out)).toBe(false);
  });

  const firstOf = (file: string) => readFileSync(join(MINIATURE, file), 'utf8').split('\n')[0]!;
});

describe('the results folder', () => {
  /** A killed run's lock stays until the next start takes it over. */
  const resultsIn = (folder: string) => filesBelow(folder).filter((file) => !file.endsWith('lock.json'));
  const out = join(work, 'results');
  let before: string[];
  beforeAll(async () => {
    // A run that was stopped early.
    const stop = { when: () => existsSync(join(out, 'records', 'base.json')), signal: 'SIGKILL' } as const;
    await reproduceCli(smoke(out), stop);
    before = resultsIn(out);
    expect(before).toContain('config.json');
  });

  test('of another run is not continued, nor touched', async () => {
    const other = await reproduceCli(smoke(out, '--seed', '7'));
    expectRefusal(other, `results: ${out} holds a run with other settings, data or model (seed was 42, is 7; `);
    expect(resultsIn(out)).toEqual(before);
  });

  test('of another form is not continued', async () => {
    const file = join(out, 'config.json');
    const text = readFileSync(file, 'utf8');
    for (const [other, form] of [
      [JSON.stringify({ ...JSON.parse(text), version: 99 }), '99'],
      [text.slice(0, 30), 'nothing'],
    ] as const) {
      writeFileSync(file, other);
      const message = `results: ${out} holds results of form ${form}, this library writes 4 (config.json); choose another --out or add --fresh`;
      expectRefusal(await reproduceCli(smoke(out)), message);
      expect(readFileSync(file, 'utf8')).toBe(other);
    }
    writeFileSync(file, text);
    expect(resultsIn(out)).toEqual(before);
  });

  test('--fresh with bad data leaves the old results be', async () => {
    expectRefusal(await reproduceCli(smoke(out, '--fresh', '--data', 'nowhere')), 'examples: no folder');
    expect(resultsIn(out)).toEqual(before);
  });

  test('--fresh deletes no folder that holds no results', async () => {
    const folder = newPath();
    mkdirSync(folder);
    writeFileSync(join(folder, 'thesis.txt'), 'years of work');
    const message = `results: --fresh would delete ${folder}, which holds no results; choose another --out`;
    expectRefusal(await reproduceCli(smoke(folder, '--fresh')), message);
    expect(filesBelow(folder)).toEqual(['thesis.txt']);
  });

  test('is one run’s at a time: the second start names the process of the first', async () => {
    const busy = newPath();
    let second: Ended | undefined;
    let started = false;
    const untilRefused = () => {
      if (!started && existsSync(join(busy, 'mixture.json'))) {
        started = true;
        void reproduceCli(smoke(busy)).then((ended) => {
          second = ended;
        });
      }
      return second !== undefined;
    };
    await reproduceCli(smoke(busy), { when: untilRefused, signal: 'SIGKILL' });
    expectRefusal(second!, /^results: .* is in use by process \d+ on .*; wait for it to end, choose another --out/);
  });

  test('that cannot be, below a file', async () => {
    const file = newPath();
    writeFileSync(file, 'a file');
    expectRefusal(
      await reproduceCli(smoke(join(file, 'results'))),
      `files: cannot write ${join(file, 'results')}: a folder it would lie in is a file`,
    );
    expect(readFileSync(file, 'utf8')).toBe('a file');
  });
});

describe('a disk that is full', () => {
  test('the largest file allowed: says so, keeps the last checkpoint, and carries on', async () => {
    const out = newPath();
    // 4 MiB: the adapter's state fits, the whole model's does not.
    const ended = await reproduceCli(smoke(out), undefined, 'ulimit -f 4096');
    expectRefusal(
      ended,
      /^files: .*state-4\.safetensors grew past the largest file allowed here \(EFBIG\); raise `ulimit -f`/,
    );
    expect(filesBelow(join(out, 'train', 'full-42'))).toEqual(['train.jsonl']);
    expect(filesBelow(join(out, 'train', 'lora-42'))).toContain('checkpoint.json');
    expect(filesBelow(out).filter((file) => file.endsWith('.tmp'))).toEqual([]);

    const again = await reproduceCli(smoke(out));
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain('LoRA, seed 42  was done; its record is used');

    // A start that finds everything done keeps the times of those that did it.
    const timings = () => JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')).timings;
    const { all, ...models } = timings().seconds;
    expect(Object.keys(models)).toEqual(['base', 'lora-42', 'full-42']);
    await reproduceCli(smoke(out));
    const { all: allAgain, ...modelsAgain } = timings().seconds;
    expect(modelsAgain).toEqual(models);
    expect(allAgain).toBeGreaterThan(models.base + models['lora-42'] + models['full-42']);
    expect(all).toBeGreaterThan(models['full-42']);
  });

  const probe = 'mount -t tmpfs -o size=1m none "$0" && touch "$0/x"';
  const mountable = spawnSync('unshare', ['-m', 'bash', '-c', probe, work]).status === 0;
  if (!mountable)
    console.warn('bad-input.test.ts: no small tmpfs can be mounted here; only a file-size limit is tested');

  test.skipIf(!mountable)('no space left: says so, and leaves nothing torn', () => {
    const out = newPath();
    mkdirSync(out);
    const script = `
      mount -t tmpfs -o size=3m none "$0"
      "$@" > /dev/null; echo "status $?"
      find "$0" -type f -printf '%P\\n'`;
    const line = [process.execPath, CLI, 'reproduce', ...smoke(out)];
    const env = { ...process.env, MED42_THREADS: '1' };
    const { stdout, stderr } = spawnSync('unshare', ['-m', 'bash', '-c', script, out, ...line], {
      encoding: 'utf8',
      env,
    });
    const said = stderr.split('\n').filter((text) => text.startsWith('files: '));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /^files: no space left to write .*state-4\.safetensors; free some and run the same command/,
    );
    expect(stderr).not.toMatch(/^\s+at /m);
    const files = stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .sort()
      .map((file) => file.replace(/[0-9a-f]{64}/, 'HASH'));
    expect(stdout).toMatch(/^status 1\n/);
    expect(files).toEqual([
      'config.json',
      'decontamination.json',
      'inputs/HASH/held-out.safetensors',
      'inputs/HASH/inputs.json',
      'inputs/HASH/train.safetensors',
      'mixture.json',
      'packing.json',
      'records/base.json',
      'scores/base.csv',
      'scores/base.jsonl',
      'settings.json',
      'train/lora-42/train.jsonl',
    ]);
  });
});
