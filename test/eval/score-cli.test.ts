import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readHarnessResults } from '../../lib/eval/harness-results';
import type { ItemResult } from '../../lib/eval/score';

/** `npx med42 score`, as a person starts it: dist/cli/med42.js, which `npm test` builds. */

const CLI = resolve(__dirname, '..', '..', 'dist', 'cli', 'med42.js');
const root = mkdtempSync(join(tmpdir(), 'score cli '));
afterAll(() => rmSync(root, { recursive: true }));

function score(args: readonly string[], killWhen?: () => boolean) {
  const child = spawn(process.execPath, [CLI, 'score', ...args], {
    env: { ...process.env, INIT_CWD: root, MED42_THREADS: '2' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    stdout += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  const timer = killWhen && setInterval(() => killWhen() && child.kill('SIGKILL'), 2);
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
    child.on('close', (code) => {
      clearInterval(timer);
      done({ code, stdout, stderr });
    }),
  );
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

const resultsOf = (out: string) => {
  const folder = join(root, out, 'base');
  const file = readdirSync(folder).find((name) => name.startsWith('results_'))!;
  return readHarnessResults(readFileSync(join(folder, file), 'utf8'), file);
};

/** Results by task and id; every line after the first. */
const itemsOf = (out: string) => {
  const items = linesOf(join(root, out, 'items.jsonl'))
    .slice(1)
    .map((line) => JSON.parse(line) as ItemResult);
  return new Map(items.map((item) => [`${item.task} ${item.id}`, item]));
};

const ITEM = { id: 'q1', task: 'medqa', question: 'Which?', choices: ['a', 'b', 'c', 'd'], answer: 1 };

let made = 0;
/** A data folder with these evaluation rows. */
function dataOf(...rows: readonly unknown[]): string {
  const folder = join(root, `data-${made++}`);
  mkdirSync(join(folder, 'eval'), { recursive: true });
  const text = rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
  writeFileSync(join(folder, 'eval', 'x.jsonl'), text);
  return folder;
}

describe('npx med42 score', () => {
  it('killed with SIGKILL, carries on to equal results, and a third start finds them done', async () => {
    const args = (out: string) => ['--limit', '40', '--out', out];
    const file = join(root, 'killed', 'items.jsonl');
    const killed = await score(args('killed'), () => linesOf(file).length > 8);
    expect(killed.code).toBeNull();
    const kept = linesOf(file).length - 1;
    expect(kept).toBeGreaterThan(7);
    expect(readdirSync(join(root, 'killed')).sort()).toEqual([expect.stringMatching(/lock\.json$/), 'items.jsonl']);
    const again = await score(args('killed'));
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^${kept} of \\d+ items were done`, 'm')),
    ]);
    const whole = await score(args('whole'));
    expect(whole.code, whole.stderr).toBe(0);

    const [resumed, straight] = [itemsOf('killed'), itemsOf('whole')];
    expect(kept).toBeLessThan(straight.size);
    expect(linesOf(file)).toHaveLength(straight.size + 1);
    expect([...resumed.keys()].sort()).toEqual([...straight.keys()].sort());
    for (const [key, item] of straight) {
      const other = resumed.get(key)!;
      expect({ ...other, logLikelihoods: [] }).toEqual({ ...item, logLikelihoods: [] });
      for (const [i, value] of item.logLikelihoods.entries()) expect(other.logLikelihoods[i]).toBeCloseTo(value, 4);
    }
    expect(resultsOf('killed')).toEqual(resultsOf('whole'));
    expect(again.stdout.split('\n\n')[0]).toBe(whole.stdout.split('\n\n')[0]);

    const third = await score(args('killed'));
    expect(third.stdout).toBe(again.stdout);
    expect(readdirSync(join(root, 'killed', 'base'))).toHaveLength(readdirSync(join(root, 'whole', 'base')).length);
  });

  it.each<readonly [string, () => readonly string[], RegExp]>([
    [
      'two items of one id',
      () => ['--data', dataOf(ITEM, ITEM)],
      /eval\/x\.jsonl line 2 \(id "q1"\): "id" must be unique .* got the id of eval\/x\.jsonl line 1; rename or delete one$/,
    ],
    [
      'one option',
      () => ['--data', dataOf({ ...ITEM, choices: ['a'], answer: 0 })],
      /x\.jsonl line 1 \(id "q1"\): "choices" must be an array of two choices or more, got \["a"\]; fix or delete the row, or .*$/,
    ],
    [
      'fewer options than the task has',
      () => ['--data', dataOf({ ...ITEM, choices: ['a', 'b', 'c'] })],
      /medqa_4options: item q1 has 3 options, the task needs 4; use another task for it \(items of .*data-\d+\/eval\)$/,
    ],
    [
      'an answer beyond the options',
      () => ['--data', dataOf({ ...ITEM, answer: 4 })],
      /x\.jsonl line 1 \(id "q1"\): "answer" must be an integer from 0 to 3, .*got 4; fix or delete the row, or leave such rows out with --skip-bad-rows$/,
    ],
    [
      'an empty question',
      () => ['--data', dataOf({ ...ITEM, question: ' \n' })],
      /x\.jsonl line 1 \(id "q1"\): "question" must be a non-empty string, got " \\n"; fix or delete the row, or .*$/,
    ],
    [
      'a task that cannot be',
      () => ['--data', dataOf({ ...ITEM, task: 'the boards' })],
      /item q1: "task" must be letters, digits, .*got "the boards"; rename the file, .*; listed ones: .*medqa.*\(items of .*eval\)$/,
    ],
    [
      'MMLU without a subject',
      () => ['--data', dataOf({ ...ITEM, task: 'mmlu' })],
      /item q1: of task "mmlu", "subject" must be one of clinical_knowledge, .*, got none; mend or remove it/,
    ],
    [
      'PubMedQA with answers of its own',
      () => ['--data', dataOf({ ...ITEM, task: 'pubmedqa', choices: ['yes', 'no', 'perhaps'] })],
      /pubmedqa: item q1 has the options \["yes","no","perhaps"\], required yes, no, maybe/,
    ],
    [
      'answers longer than the model alone',
      () => ['--data', dataOf({ ...ITEM, task: 'headqa', choices: ['a', 'x y z '.repeat(3000)] })],
      /score: every item of .* has an answer longer than the model's \d+ tokens \(q1\); use a model with a longer context$/,
    ],
    ['a task without items', () => ['--data', dataOf(ITEM), '--tasks', 'pubmedqa'], /"choices" \(yes, no, maybe\)/],
    [
      'an unknown device',
      () => ['--data', dataOf(ITEM), '--device', 'tpu'],
      /device: unknown device "tpu"; use one of/,
    ],
    ['an unknown model', () => ['--model', 'nowhere'], /nowhere\/config\.json \(ENOENT\); give the folder of/],
    ['an unknown adapter', () => ['--adapter', 'nowhere'], /adapter_config\.json \(ENOENT\); give the folder/],
  ])('refuses %s, and writes nothing', async (_, args, message) => {
    const out = join(root, `refused-${made++}`);
    const { code, stdout, stderr } = await score([...args(), '--out', out]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(out)).toBe(false);
  });

  it('says what guessing gets, and an accuracy that comes from one answer to every question', async () => {
    const same = Array.from({ length: 10 }, (_, i) => ({ ...ITEM, id: `q${i}`, task: 'exam', answer: i % 4 }));
    const { stdout, stderr } = await score(['--data', dataOf(...same), '--out', 'constant']);
    expect(stderr).toMatch(/^reading the items and the model\n/);
    expect(stderr).toMatch(/^building the graph$/m);
    expect(stdout).toMatch(/^task .* chance /m);
    expect(stdout).toMatch(/^exam +10 +[23]0\.0 .* to .* 25\.0 /m);
    expect(stdout).toMatch(
      /\nexam: the model answers [A-D] in 10 of 10 items, of which always [A-D] would get [23]0\.0 % right: .*\(--variant continuation/,
    );
    const few = await score(['--data', dataOf(...same.slice(0, 4)), '--out', 'few']);
    expect(few.stdout).not.toContain('the model answers');
  });

  it('cuts a context longer than the model, and says how much', async () => {
    const data = dataOf({ ...ITEM, question: 'Why is the sky blue? '.repeat(3000) });
    const { code, stdout } = await score(['--data', data, '--out', 'cut']);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /cut: 1 of 1 items are longer than the model's \d+ tokens; the beginning .* \d+ tokens in all/,
      ),
    ]);
  });

  it('does not take an answer for right that was right before the file was mended, nor results of another version', async () => {
    const data = dataOf(ITEM);
    expect((await score(['--data', data, '--out', 'mended'])).code).toBe(0);
    const file = join(root, 'mended', 'items.jsonl');
    const before = readFileSync(file, 'utf8');
    writeFileSync(join(data, 'eval', 'x.jsonl'), `${JSON.stringify({ ...ITEM, answer: 2 })}\n`);
    const other = await score(['--data', data, '--out', 'mended']);
    expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/holds the results of .*other items/)]);
    expect(readFileSync(file, 'utf8')).toBe(before);

    const newer = before.replace('"format":2', '"format":9');
    writeFileSync(file, newer);
    const version = await score(['--data', data, '--out', 'mended']);
    expect(version.stderr).toMatch(
      /items\.jsonl line 1 must have "format" 2, got 9: another version .*choose another --out/,
    );
    expect(readFileSync(file, 'utf8')).toBe(newer);
  });

  it('does not take results for those of a model whose settings, or whose BOS, are told otherwise beside its weights', async () => {
    const model = join(root, 'told-otherwise');
    cpSync(resolve(__dirname, '..', '..', 'data', 'miniature', 'base'), model, { recursive: true });
    const args = ['--data', dataOf(ITEM), '--model', model, '--bos', '--out', 'beside'];
    expect((await score(args)).code).toBe(0);
    for (const [name, field, value] of [
      ['config.json', 'rope_theta', 5e5],
      ['tokenizer_config.json', 'add_bos_token', false],
    ] as const) {
      const file = join(model, name);
      const before = readFileSync(file, 'utf8');
      const json = JSON.parse(before);
      expect(json[field]).not.toBe(value);
      writeFileSync(file, JSON.stringify({ ...json, [field]: value }));
      const other = await score(args);
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('holds the results of another model')]);
      writeFileSync(file, before);
    }
  });
});
