import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRecord } from '../../lib/compare/run-record';
import { readSafetensorsHeader } from '../../lib/model/safetensors';
import { type Ended, filesBelow, linesOf, reproduceCli, type Watched } from '../run/child';

/** Real processes, killed at real moments; the same command afterwards must not be tellable from one that ran through. */

const work = mkdtempSync(join(tmpdir(), 'resume-'));
afterAll(() => rmSync(work, { recursive: true }));

const whole = join(work, 'whole');
const commandFor = (out: string, ...more: string[]) => ['--preset', 'smoke', '--limit', '3', '--out', out, ...more];

/** What a run computed, file by file: no times, no folders. */
function numbersOf(out: string): Record<string, string> {
  const numbers: Record<string, string> = {};
  for (const file of filesBelow(out)) {
    if (file.endsWith('.tmp')) continue;
    const path = join(out, file);
    if (file.endsWith('train.jsonl')) {
      const records = linesOf(path).map((line) => ({ ...JSON.parse(line), seconds: 0 }));
      numbers[file] = records.map((record) => JSON.stringify(record)).join('\n');
    } else if (file === 'run.json') {
      numbers[file] = withoutClock(JSON.parse(readFileSync(path, 'utf8')));
    } else if (/^scores\/|^mixture\.json$|^packing\.json$/.test(file)) {
      numbers[file] = readFileSync(path, 'utf8');
    } else if (file.endsWith('.safetensors')) {
      numbers[file] = createHash('sha256').update(readFileSync(path)).digest('hex');
    }
  }
  return numbers;
}

/** A run's record apart from time and memory. */
function withoutClock(record: RunRecord): string {
  return JSON.stringify(record, (key, value) => (/^(seconds|peakMemoryBytes)$/.test(key) ? 0 : value));
}

let uninterrupted: Record<string, string>;
beforeAll(async () => {
  const { code, stderr } = await reproduceCli(commandFor(whole));
  expect(stderr).not.toContain('carried on');
  expect(code).toBe(0);
  uninterrupted = numbersOf(whole);
});

test('the run that is compared with holds everything', () => {
  const scores = ['base', 'full-42', 'lora-42'].flatMap((name) => ['csv', 'jsonl'].map((e) => `scores/${name}.${e}`));
  const training = ['full-42', 'lora-42'].flatMap((m) => [`train/${m}/state-6.safetensors`, `train/${m}/train.jsonl`]);
  const models = ['models/full-42/model.safetensors', 'models/lora-42/adapter_model.safetensors'];
  const inputs = ['inputs/HASH/train.safetensors', 'inputs/HASH/held-out.safetensors'];
  const names = [...inputs, ...models, 'mixture.json', 'packing.json', 'run.json', ...scores, ...training];
  const found = Object.keys(uninterrupted).map((name) => name.replace(/[0-9a-f]{64}/, 'HASH'));
  expect(found.sort()).toEqual(names.sort());
  for (const name of ['lora-42', 'full-42']) {
    // Held-out loss before and after, six updates.
    expect(linesOf(join(whole, 'train', name, 'train.jsonl'))).toHaveLength(8);
  }
  expect(filesBelow(whole).filter((file) => /\.tmp$|lock\.json$/.test(file))).toEqual([]);
});

/** What of a killed run can be opened is whole, and its checkpoint names a file that is. */
async function expectNothingTorn(out: string): Promise<void> {
  for (const file of filesBelow(out)) {
    if (file.endsWith('.safetensors')) await readSafetensorsHeader(join(out, file));
    if (file.endsWith('.json')) JSON.parse(readFileSync(join(out, file), 'utf8'));
  }
  for (const name of ['lora-42', 'full-42']) {
    const folder = join(out, 'train', name);
    if (!existsSync(join(folder, 'checkpoint.json'))) continue;
    const { stateFile } = JSON.parse(readFileSync(join(folder, 'checkpoint.json'), 'utf8'));
    expect(existsSync(join(folder, stateFile))).toBe(true);
  }
}

interface Moment {
  readonly label: string;
  readonly when: (out: string) => boolean;
  /** What the next start says. */
  readonly next?: string;
  /** The method in training then, and the update of its checkpoint. */
  readonly checkpoint?: readonly [method: string, step: number];
}

const logged = (method: string, count: number) => (out: string) =>
  linesOf(join(out, 'train', method, 'train.jsonl')).length >= count;
const writing = (folder: string, pattern: RegExp) => (out: string) => {
  const path = join(out, folder);
  return existsSync(path) && readdirSync(path).some((file) => pattern.test(file));
};

/** One folder, killed again and again: each start comes a little further. Checkpoints are due after updates 4 and 6. */
const MOMENTS: readonly Moment[] = [
  { label: 'the base, while its scores are written', when: writing('scores', /^base\.jsonl/) },
  {
    label: 'LoRA, before its first checkpoint',
    when: logged('lora-42', 3),
    next: 'base  was done; its record is used',
  },
  {
    label: 'LoRA, after its first checkpoint',
    when: logged('lora-42', 6),
    next: 'LoRA, seed 42  training was carried on from step 4',
    checkpoint: ['lora-42', 4],
  },
  {
    label: 'LoRA, while it is saved',
    when: writing('models/lora-42', /tmp$/),
    next: 'LoRA, seed 42  training was done; its checkpoint is used',
  },
  { label: 'full, while its first checkpoint is written', when: writing('train/full-42', /^state-4\..*tmp$/) },
  { label: 'full, after its first checkpoint', when: logged('full-42', 6), checkpoint: ['full-42', 4] },
  { label: 'full, while its last checkpoint is written', when: writing('train/full-42', /^state-6\..*tmp$/) },
  { label: 'while the report is written', when: writing('records', /^full-42\.json$/) },
];

test('kill -9 at eight moments, then the same command: the same numbers, bit for bit', async () => {
  const out = join(work, 'killed');
  let expected: string | undefined;
  for (const { label, when, next, checkpoint } of MOMENTS) {
    const { code, stderr } = await reproduceCli(commandFor(out), { when: () => when(out), signal: 'SIGKILL' });
    expect(code, `${label}: killed\n${stderr}`).toBe(null);
    if (expected) expect(stderr, label).toContain(expected);
    await expectNothingTorn(out);
    if (checkpoint) {
      const file = join(out, 'train', checkpoint[0], 'checkpoint.json');
      expect(JSON.parse(readFileSync(file, 'utf8')).step, label).toBe(checkpoint[1]);
    }
    expected = next;
  }
  const { code, stderr } = await reproduceCli(commandFor(out));
  expect(stderr).toContain('LoRA, seed 42  was done; its record is used');
  expect(code).toBe(0);
  expect(numbersOf(out)).toEqual(uninterrupted);
});

test('Ctrl-C stops after an update, with a checkpoint, and says how to go on; scoring stops too', async () => {
  const out = join(work, 'interrupted');
  const interrupt = (when: () => boolean): Promise<Ended> => reproduceCli(commandFor(out), { when, signal: 'SIGINT' });

  const training = await interrupt(() => logged('lora-42', 3)(out));
  expect(training.code).toBe(1);
  expect(training.stderr).toContain('stopping after this update, with a checkpoint');
  const [, step] = /train: interrupted after step (\d) of 6; the same command carries on/.exec(training.stderr) ?? [];
  expect(Number(step), training.stderr).toBeGreaterThanOrEqual(2);
  expect(training.stderr).not.toMatch(/^ {4}at /m);
  const position = JSON.parse(readFileSync(join(out, 'train', 'lora-42', 'checkpoint.json'), 'utf8'));
  expect(position.step).toBe(Number(step));
  expect(filesBelow(out).filter((file) => file.endsWith('.tmp'))).toEqual([]);

  const scoring = await interrupt(() => existsSync(join(out, 'models', 'lora-42', 'adapter_config.json')));
  expect(scoring.stderr).toContain(`LoRA, seed 42  training was carried on from step ${step}`);
  expect(scoring.stderr).toMatch(/score: interrupted after row \d+ of \d+; the same command goes on from there/);
  expect(scoring.code).toBe(1);

  const rest = await reproduceCli(commandFor(out));
  expect(rest.stderr).toContain('LoRA, seed 42  training was done; its checkpoint is used');
  expect(rest.code).toBe(0);
  expect(numbersOf(out)).toEqual(uninterrupted);
});

test('models made side by side, killed and carried on: the numbers of those made one after another', async () => {
  const out = join(work, 'side-by-side');
  const start = (watched?: Watched) => reproduceCli(commandFor(out), watched, undefined, 3);
  const bothTrain = () => logged('lora-42', 3)(out) && logged('full-42', 2)(out);
  const interrupted = await start({ when: bothTrain, signal: 'SIGINT' });
  expect(interrupted.code, interrupted.stderr).toBe(1);
  expect(interrupted.stderr).toMatch(/train: interrupted after step \d of 6; the same command carries on/);

  const saved = () => existsSync(join(out, 'models', 'lora-42', 'adapter_config.json'));
  const killed = await start({ when: saved, signal: 'SIGKILL' });
  expect(killed.code, killed.stderr).toBe(null);
  await expectNothingTorn(out);

  const rest = await start();
  expect(rest.code, rest.stderr).toBe(0);
  expect(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')).timings.atOnce).toBe(3);
  expect(numbersOf(out)).toEqual(uninterrupted);
});

test('two runs from scratch give the same numbers, --fresh or not; a stale file does not survive --fresh', async () => {
  const out = join(work, 'interrupted');
  const before = statSync(join(out, 'models', 'full-42', 'model.safetensors')).mtimeMs;
  const { code, stderr } = await reproduceCli(commandFor(out, '--fresh'));
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/was done|was carried on/);
  expect(statSync(join(out, 'models', 'full-42', 'model.safetensors')).mtimeMs).toBeGreaterThan(before);
  expect(numbersOf(out)).toEqual(uninterrupted);
});

test('a finished run started again computes nothing anew', async () => {
  const logs = ['lora-42', 'full-42'].map((name) => join(whole, 'train', name, 'train.jsonl'));
  const before = logs.map((file) => readFileSync(file, 'utf8'));
  const { code, stdout, stderr } = await reproduceCli(commandFor(whole));
  expect(code).toBe(0);
  for (const done of ['base', 'LoRA, seed 42', 'full, seed 42']) expect(stderr).toContain(`${done}  was done`);
  expect(stderr).not.toMatch(/held-out loss|\d+\/\d+ {2}rows/);
  // Times of updates too: they were read, not taken again.
  expect(logs.map((file) => readFileSync(file, 'utf8'))).toEqual(before);
  expect(numbersOf(whole)).toEqual(uninterrupted);
  expect(stdout).toContain('Research only, not for clinical decisions.');
});
