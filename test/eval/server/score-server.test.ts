import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { loadEvalItems } from '../../../lib/data/examples';
import { loadTokenizer } from '../../../lib/data/tokenizer';
import { type ItemResult, type ScoreOptions, scoreItems } from '../../../lib/eval/score';
import { selectItems } from '../../../lib/eval/select-items';
import { BASE, knownScorer, type StubOptions, type StubServer, stubServer } from './stub-server';

/** `npx med42 score --server`, as a person starts it: dist/cli/med42.js, which `npm test` builds. */

const ROOT = resolve(__dirname, '..', '..', '..');
const CLI = join(ROOT, 'dist', 'cli', 'med42.js');
const MINIATURE = join(ROOT, 'data', 'miniature');
const KEY = 'sk-nobodyMayKeepThis123';
const root = mkdtempSync(join(tmpdir(), 'score server '));
afterAll(() => rmSync(root, { recursive: true }));

const open: StubServer[] = [];
afterEach(async () => {
  for (const stub of open.splice(0)) await stub.close();
});
async function serve(options?: StubOptions): Promise<StubServer> {
  const stub = await stubServer(options);
  open.push(stub);
  return stub;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function score(args: readonly string[], env: NodeJS.ProcessEnv = {}, killWhen?: () => boolean): Promise<Ended> {
  const { OPENAI_API_KEY: _, ...rest } = process.env;
  const child = spawn(process.execPath, [CLI, 'score', ...args], { env: { ...rest, INIT_CWD: root, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  const timer = killWhen && setInterval(() => killWhen() && child.kill('SIGKILL'), 2);
  return new Promise((done) =>
    child.on('close', (code) => {
      clearInterval(timer);
      done({ code, stdout, stderr });
    }),
  );
}

let made = 0;
const newOut = (): string => join(root, `out-${made++}`);
const to = (stub: { readonly url: string }, out: string, ...more: readonly string[]) => [
  ...['--server', stub.url, '--model', 'known', '--tokenizer', BASE, '--out', out, '--limit', '2', ...more],
];

const linesOf = (out: string): string[] => {
  const file = join(out, 'items.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(1, -1) : [];
};
const sorted = (items: readonly ItemResult[]) =>
  [...items].sort((a, b) => `${a.task} ${a.id}`.localeCompare(`${b.task} ${b.id}`));
/** Without the check that each line carries. */
const itemsOf = (out: string) =>
  sorted(
    linesOf(out).map((line) => {
      const { check: _, ...item } = JSON.parse(line) as ItemResult & { readonly check: string };
      return item;
    }),
  );
const resultsOf = (out: string) => {
  const folder = join(out, 'known');
  const file = readdirSync(folder).find((name) => name.startsWith('results_'))!;
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
};

/** What scoring here, with the same model as a local scorer, comes to. */
async function locally(options: ScoreOptions = {}, maxLength = 1022, data = MINIATURE) {
  const tokenizer = await loadTokenizer(BASE);
  const { items } = selectItems((await loadEvalItems(data)).items, ['all'], options.variant ?? 'present', data);
  const result = await scoreItems(items, knownScorer(maxLength, tokenizer.vocabSize), tokenizer, {
    limitPerTask: 2,
    ...options,
  });
  return { ...result, items: sorted(result.items) };
}

/** Every byte that lies in a folder. */
const wholeText = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name), 'utf8'))
    .join('\n');

describe('npx med42 score --server', () => {
  it.each<readonly [string, StubOptions, readonly string[], ScoreOptions]>([
    ['of vLLM’s form', {}, [], {}],
    ['of vLLM’s form, with a BOS before texts', { bos: true }, ['--bos'], { bos: 'tokenizer' }],
    ['of OpenAI’s form, without a list of models', { form: 'openai', models: null }, [], {}],
    [
      'of OpenAI’s form, whole answers',
      { form: 'openai', bos: true },
      ['--variant', 'continuation'],
      { variant: 'continuation' },
    ],
  ])('scores by a server %s as here', async (_, options, args, same) => {
    const stub = await serve(options);
    const out = newOut();
    const { code, stderr, stdout } = await score(to(stub, out, '--at-once', '3', ...args));
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(options.form ? /same texts as ours/ : /same ids as ours/),
    ]);
    const here = await locally(same);
    expect(itemsOf(out)).toEqual(here.items);
    const { workbook, config, model_name } = resultsOf(out);
    expect(workbook.tasks).toEqual(JSON.parse(JSON.stringify(here.tasks)));
    expect(model_name).toBe('known');
    const sent = stub.asked.filter(({ body }) => body.logprobs === 1);
    expect(config).toMatchObject({ model: 'local-completions', device: null, model_dtype: null });
    expect(workbook.server).toEqual({
      url: `${stub.url}/v1`,
      tokenizer: 'base',
      tokenizerChecked: options.form ? 'texts' : 'ids',
      atOnce: 3,
      requests: sent.length,
      promptTokens: sent.reduce((sum, { prompt }) => sum + prompt.length, 0),
      retried: 0,
    });
    expect(stub.most()).toBeLessThanOrEqual(3);
    expect(stderr).toMatch(new RegExp(`asked: ${sent.length} requests, `));
    for (const { task, n } of here.tasks) expect(stdout).toMatch(new RegExp(`${task} +${n} `));
    expect(readdirSync(join(out, 'known')).filter((name) => name.startsWith('samples_'))).toHaveLength(
      here.tasks.length,
    );
  });

  it('cuts contexts as a local run does, and says so', async () => {
    const data = join(root, 'long');
    mkdirSync(join(data, 'eval'), { recursive: true });
    const long = {
      id: 'l',
      task: 'medqa',
      question: 'Why is the sky blue? '.repeat(50),
      choices: ['a', 'b', 'c', 'd'],
      answer: 1,
    };
    const rows = [long, { ...long, id: 's', question: 'Why?' }];
    writeFileSync(join(data, 'eval', 'x.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const stub = await serve();
    const out = newOut();
    const { code, stdout } = await score(to(stub, out, '--data', data, '--max-length', '60', '--variant', 'chat'));
    const here = await locally({ variant: 'chat' }, 60, data);
    expect([code, itemsOf(out)]).toEqual([0, here.items]);
    expect(here.tasks[0]!.truncatedItems).toBeGreaterThan(0);
    expect(stdout).toMatch(/cut: \d of 2 items are longer than the model's 60 tokens/);
    expect(Math.max(...stub.asked.map(({ prompt }) => (typeof prompt === 'string' ? 0 : prompt.length)))).toBe(61);
  });

  it('killed with SIGKILL, carries on and asks for no finished item again', async () => {
    const stub = await serve({ delay: 15 });
    const out = newOut();
    const killed = await score(to(stub, out), {}, () => linesOf(out).length > 5);
    expect(killed.code).toBeNull();
    const kept = linesOf(out);
    const before = stub.asked.splice(0);
    const again = await score(to(stub, out));
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(`${kept.length} of \\d+ items were done`)),
    ]);
    const here = await locally();
    expect(itemsOf(out)).toEqual(here.items);
    expect(linesOf(out).slice(0, kept.length)).toEqual(kept);
    const scored = (asked: typeof before) =>
      asked.filter(({ body }) => body.logprobs === 1).map(({ prompt }) => String(prompt));
    // What was under way when the kill came is asked again, and nothing else.
    const twice = scored(stub.asked).filter((prompt) => scored(before).includes(prompt));
    expect(twice.length).toBeLessThanOrEqual(8 + 4);
    const open = new Set(here.items.slice().map(({ task, id }) => `${task} ${id}`));
    for (const line of kept) open.delete(`${JSON.parse(line).task} ${JSON.parse(line).id}`);
    const requests = here.items
      .filter(({ task, id }) => open.has(`${task} ${id}`))
      .flatMap((item) => item.logLikelihoods);
    expect(scored(stub.asked)).toHaveLength(requests.length);

    stub.asked.splice(0);
    const third = await score(to(stub, out));
    expect([third.code, third.stdout]).toEqual([0, again.stdout]);
    expect(scored(stub.asked)).toEqual([]);
  });

  it('keeps what is done when the server fails for good, and when it is away for a while goes on by itself', async () => {
    const stub = await serve();
    const out = newOut();
    stub.fault = (_, count) => (count > 40 ? { status: 400, message: 'no more' } : undefined);
    const failed = await score(to(stub, out));
    expect([failed.code, failed.stderr]).toEqual([
      1,
      expect.stringMatching(/answers 400 \(no more\); it must take token ids/),
    ]);
    const kept = linesOf(out).length;
    expect(kept).toBeGreaterThan(2);
    stub.fault = ({ body }, count) =>
      body.logprobs === 1 && count % 7 === 0
        ? ([{ status: 500 }, { cut: 'within' }, { status: 429, retryAfter: '0' }] as const)[count % 3]
        : undefined;
    const again = await score(to(stub, out));
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/[1-9]\d* asked once more/)]);
    expect(itemsOf(out)).toEqual((await locally()).items);
  });

  it('takes the key from the environment, and leaves it nowhere', async () => {
    const stub = await serve();
    const out = newOut();
    stub.fault = (_, count) =>
      count === 20 ? { status: 429, retryAfter: '1', message: `slow down, ${KEY}` } : undefined;
    const { code, stdout, stderr } = await score(to(stub, out), { OPENAI_API_KEY: KEY });
    expect(code, stderr).toBe(0);
    expect(new Set(stub.asked.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${KEY}`]));
    expect(stderr).toMatch(/slow down, \[the key\]/);
    expect(stdout + stderr + wholeText(out)).not.toContain(KEY);
    stub.fault = () => ({ status: 401, message: `Incorrect API key provided: ${KEY}` });
    const refused = await score(to(stub, newOut()), { OPENAI_API_KEY: KEY });
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/provided: \[the key\]\); the key in OPENAI_API_KEY was sent; set it to one/);
    expect(refused.stderr).not.toContain(KEY);
  });

  it.each<readonly [string, StubOptions, readonly string[], RegExp]>([
    [
      'a model that is not served',
      { models: [{ id: 'a' }, { id: 'b' }] },
      [],
      /serves no model "known"; it serves a, b: give its name with --model$/,
    ],
    [
      'llama.cpp’s server',
      { form: 'llama.cpp' },
      [],
      /answers 500 \(Only no echo is supported\); this server does not give .*llama\.cpp’s server does not, vLLM’s does \(`vllm serve MODEL`\)$/,
    ],
    ['no log-probabilities of the prompt', { form: 'silent' }, [], /answers without log-probabilities .*as vLLM does$/],
    [
      'a tokenizer with other ids',
      { spoil: (ids) => ids.map((id, i) => (i === 3 ? id + 1 : id)) },
      [],
      /the server's tokenizer is not the one given: its token 4 is \d+, ours \d+ \(".+"\), in the text of item .*--tokenizer, or serve/,
    ],
    [
      'a tokenizer with other texts',
      { form: 'openai', spoil: (ids) => ids.map((id, i) => (i === 3 ? id + 1 : id)) },
      [],
      /tokenizer is not the one given: its token 4 is ".*", and our id stands for ".*", in the text/,
    ],
    [
      'a tokenizer of longer texts',
      { spoil: (ids) => [...ids, 5, 5] },
      [],
      /it makes \d+ tokens where ours makes \d+, in the text/,
    ],
    [
      'no length of context',
      { models: [{ id: 'known' }] },
      ['--tokenizer', 'bare'],
      /bare\/config\.json \(max_position_embeddings\) nor the server .*--max-length$/,
    ],
  ])('refuses %s, and writes nothing', async (_, options, args, message) => {
    if (args.includes('bare')) {
      mkdirSync(join(root, 'bare'), { recursive: true });
      for (const file of ['tokenizer.json', 'tokenizer_config.json'])
        writeFileSync(join(root, 'bare', file), readFileSync(join(BASE, file)));
    }
    const stub = await serve(options);
    const out = newOut();
    const { code, stdout, stderr } = await score(to(stub, out, ...args));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(out)).toBe(false);
  });
});
