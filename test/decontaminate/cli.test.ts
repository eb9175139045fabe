import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDecontamination } from '../../lib/decontaminate/result-file';
import { MINIATURE } from '../run/child';
import { writeStatic } from './small-encoders';

/** `npx med42 decontaminate`, as a person starts it: dist/cli/med42.js, which `npm test` builds. */

const CLI = resolve(__dirname, '..', '..', 'dist', 'cli', 'med42.js');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'decontaminate-cli-'));
});
afterAll(() => rm(root, { recursive: true }));

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}, killWhen?: () => Promise<boolean>) {
  const child = spawn(process.execPath, [CLI, 'decontaminate', ...args], {
    env: { ...process.env, INIT_CWD: root, ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (piece: string) => {
      text += piece;
    });
  }
  const timer = killWhen && setInterval(async () => (await killWhen()) && child.kill('SIGKILL'), 2);
  return new Promise<{ code: number | null; text: string }>((done) =>
    child.on('close', (code) => {
      clearInterval(timer);
      done({ code, text });
    }),
  );
}

describe('npx med42 decontaminate', () => {
  it('falls back on TF-IDF where there is no network, and says so', async () => {
    const { code, text } = await start(['--out', 'out'], { HF_ENDPOINT: 'http://127.0.0.1:9' });
    expect([code, text]).toEqual([0, expect.stringMatching(/Falling back on TF-IDF, which is not the paper's method/)]);
    expect(text).toMatch(/Not the paper's method: word statistics/);
    const result = (await readDecontamination(join(root, 'out')))!.methods[0]!;
    const exact = result.truth!.find(({ threshold }) => threshold === result.threshold)!.kinds[0]!;
    expect([result.kind, exact.rate]).toEqual(['tf-idf', 1]);
    expect(await readFile(join(root, 'out', 'pairs.md'), 'utf8')).toMatch(/Against the planted pairs/);
  });

  it('carries a killed run on, to the same result', async () => {
    const encoder = await writeStatic(join(root, 'static'));
    const args = (name: string) => ['--encoder', encoder, '--cache', `${name}-cache`, '--out', `${name}-out`];
    const vectors = join(root, 'killed-cache', 'vectors.bin');
    const some = async () => (await stat(vectors).catch(() => undefined))?.size !== undefined;
    const killed = await start(args('killed'), {}, some);
    expect(killed.code).toBeNull();
    const again = await start(args('killed'));
    const whole = await start(args('whole'));
    expect([again.code, whole.code]).toEqual([0, 0]);
    const read = (name: string) => readFile(join(root, `${name}-out`, 'decontamination.json'), 'utf8');
    expect(await read('killed')).toBe(await read('whole'));
  });

  it.each([
    [['--view', 'stem'], /unknown view "stem"; use one of question,/],
    [['--threshold', 'high'], /--threshold must be a number, got "high"/],
    [['--threshold', '1.5', '--tf-idf'], /the threshold must lie between 0 and 1, got 1.5/],
    [['--colour', 'red'], /unknown option '--colour'.*--help lists the options/],
    [['--encoder', join(MINIATURE, 'base')], /it is a LlamaForCausalLM, no sentence encoder/],
    [['--data', 'nowhere'], /no folder .*nowhere/],
    [['--top-k', '0', '--tf-idf'], /topK must be a whole number of 1 or more, got 0/],
  ])('refuses %o', async (args, message) => {
    const { code, text } = await start(['--out', 'refused', ...args]);
    expect([code, text]).toEqual([1, expect.stringMatching(message)]);
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });

  it.each([
    [
      '{"name":"other","dimension":768,"sha256":"00"}',
      /cache holds vectors of 768 numbers \(other\), static makes \d+; give/,
    ],
    ['{"name":"other","dim', /encoder\.json is damaged .*; give another folder with --cache, or delete this one/],
    ['{"version":7}', /encoder\.json: "name" must be text, got nothing; give another folder/],
  ])('refuses a cache of %s, and leaves it as it is', async (owner, message) => {
    const encoder = await writeStatic(join(root, 'static'));
    const cache = join(root, 'others-cache');
    await mkdir(cache, { recursive: true });
    await writeFile(join(cache, 'encoder.json'), owner);
    const { code, text } = await start(['--encoder', encoder, '--cache', cache, '--out', 'refused']);
    expect([code, text]).toEqual([1, expect.stringMatching(message)]);
    expect([await readFile(join(cache, 'encoder.json'), 'utf8'), await readdir(cache)]).toEqual([
      owner,
      ['encoder.json'],
    ]);
    expect(existsSync(join(root, 'refused'))).toBe(false);
  });

  it('refuses data with only one half, and two items of one id', async () => {
    const half = join(root, 'half');
    await mkdir(join(half, 'eval'), { recursive: true });
    await copyFile(join(MINIATURE, 'eval', 'medqa.jsonl'), join(half, 'eval', 'medqa.jsonl'));
    expect((await start(['--data', half, '--tf-idf'])).text).toMatch(/holds eval\/ but no file of rows in train/);
    await mkdir(join(half, 'train'));
    await writeFile(
      join(half, 'train', 'a.jsonl'),
      '{"id": "a", "source": "medquad", "prompt": "p", "response": "r"}\n',
    );
    await copyFile(join(MINIATURE, 'eval', 'medqa.jsonl'), join(half, 'eval', 'again.jsonl'));
    expect((await start(['--data', half, '--tf-idf'])).text).toMatch(/"id" must be unique among evaluation items/);
  });
});
