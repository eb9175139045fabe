import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvalItem, loadEvalItems } from '../../lib/data/examples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import type { BosPolicy } from '../../lib/eval/encode-request';
import { harnessName } from '../../lib/eval/harness-documents';
import { type ReadResults, readHarnessResults } from '../../lib/eval/harness-results';
import { type ReadSample, readHarnessSamples } from '../../lib/eval/harness-samples';
import { splitOverlong } from '../../lib/eval/overlong';
import { requestHash, requestsOf } from '../../lib/eval/requests';
import { scoringPlan } from '../../lib/eval/score';
import type { TaskVariant } from '../../lib/eval/task-definition';
import { TASKS, taskNameOf, taskOf } from '../../lib/eval/tasks';
import { openModelFolder } from '../../lib/model/folder';
import { scoreFolder } from '../../lib/reproduce/score-folder';
import { pythonReady } from './python';

const ROOT = resolve(__dirname, '..', '..');
const DATA = resolve(ROOT, '../shared/data');
const modelFolder = (name: string) => resolve(ROOT, '../shared/models', name);

/** MED42_HARNESS_ITEMS=all scores every item: an hour on two cores, not for every change. */
const everything = process.env.MED42_HARNESS_ITEMS === 'all';
const RUNS: readonly { readonly model: string; readonly bos: BosPolicy; readonly limit: number }[] = [
  { model: 'stories260K', bos: 'never', limit: 8 },
  { model: 'baby-llama-tok361', bos: 'tokenizer', limit: 6 },
];

const ready = pythonReady && existsSync(DATA) && RUNS.every(({ model }) => existsSync(modelFolder(model)));
if (!ready)
  console.warn('parity with lm-evaluation-harness skipped: no .venv-parity, or no ../shared beside the repository');

const quiet = { say: () => {}, at: () => {} };

describe.skipIf(!ready)('lm-evaluation-harness 0.4.13', () => {
  const out = mkdtempSync(join(tmpdir(), 'harness-'));
  afterAll(() => rmSync(out, { recursive: true }));
  const only = (folder: string, start: string) => join(folder, readdirSync(folder).find((f) => f.startsWith(start))!);
  const inside = (folder: string) => join(folder, readdirSync(folder).find((name) => !name.includes('.'))!);

  let items: readonly EvalItem[];
  let requests: Record<string, { hash: string; count: number }>;
  let read: { table: string; recomputed: Record<string, Record<string, unknown>> }[];

  beforeAll(async () => {
    items = (await loadEvalItems(DATA)).items;
    const scores = [];
    for (const [i, { model, bos, limit }] of RUNS.entries()) {
      const tokenizer = await loadTokenizer(modelFolder(model));
      const { maxPositionEmbeddings } = (await openModelFolder(modelFolder(model))).config;
      const { scorable } = await splitOverlong(items, tokenizer, maxPositionEmbeddings, bos);
      const sample = everything ? {} : { limitPerTask: limit, seed: 1 };
      const ids = scoringPlan(scorable, sample).map(({ task, chosen }) => [task.name, chosen.map(({ id }) => id)]);
      const folder = join(out, `theirs-${i}`);
      scores.push({ model: modelFolder(model), bos: bos === 'tokenizer', ids: Object.fromEntries(ids), folder });
      const command = { ...RUNS[i]!, model: modelFolder(model), adapter: null, data: DATA, tasks: ['all'], seed: 1 };
      const rest = { variant: 'present', out: join(out, `ours-${i}`), device: 'cpu', showRequests: null } as const;
      await scoreFolder({ ...command, ...rest, limit: everything ? null : limit }, new AbortController().signal, quiet);
    }
    const job = join(out, 'job.json');
    const ours = RUNS.map((_, i) => join(out, `ours-${i}`, RUNS[i]!.model));
    writeFileSync(job, JSON.stringify({ data: DATA, out, requests: true, scores, read: ours }));
    const python = resolve(ROOT, '.venv-parity', 'bin', 'python');
    await promisify(execFile)(python, [resolve(__dirname, 'harness_scores.py'), job], { maxBuffer: 1e9 });
    const { version, tasks } = JSON.parse(readFileSync(join(out, 'requests.json'), 'utf8'));
    expect(version).toBe('0.4.13');
    requests = tasks;
    read = JSON.parse(readFileSync(join(out, 'read.json'), 'utf8'));
  }, 7_200_000);

  it.each(['present', 'continuation'] as const)('asks the same strings of every item, %s', (variant: TaskVariant) => {
    const own = TASKS.filter((task) => task.variant === variant && !task.name.startsWith('usmle'));
    for (const task of own) {
      const strings = items
        .filter((item) => taskNameOf(item) === task.name)
        .flatMap((item) => requestsOf(item, taskOf(item, variant)));
      const expected = requests[harnessName(task)];
      expect([task.name, strings.length, requestHash(strings)]).toEqual([task.name, expected?.count, expected?.hash]);
    }
  });

  describe.each(RUNS.map((run, i) => ({ ...run, i })))('$model, bos $bos', ({ i, limit }) => {
    const results = (side: string): ReadResults => {
      const file = only(inside(join(out, `${side}-${i}`)), 'results_');
      return readHarnessResults(readFileSync(file, 'utf8'), file);
    };
    const samples = (side: string, task: string): ReadSample[] => {
      const file = only(inside(join(out, `${side}-${i}`)), `samples_${task}_`);
      return readHarnessSamples(readFileSync(file, 'utf8'), file);
    };

    it('gives each item the same log-likelihoods and decisions', () => {
      let largest = 0;
      let count = 0;
      for (const task of Object.keys(results('theirs').tasks)) {
        const [ours, theirs] = [samples('ours', task), samples('theirs', task)];
        if (!everything) expect(theirs).toHaveLength(limit);
        expect(ours.map(({ docHash }) => docHash)).toEqual(theirs.map(({ docHash }) => docHash));
        for (const [k, one] of ours.entries()) {
          const other = theirs[k]!;
          expect(one.requests).toEqual(other.requests);
          for (const [c, logLikelihood] of one.logLikelihoods.entries()) {
            const difference = Math.abs(logLikelihood - other.logLikelihoods[c]!);
            largest = Math.max(largest, difference);
            // A token is at least a byte of the continuation.
            const tokens = Buffer.byteLength(one.requests[c]!.continuation);
            expect(difference, `${task} ${k} ${c}`).toBeLessThan(1e-4 + 1e-6 * tokens);
          }
          const [best, second] = [...other.logLikelihoods].sort((a, b) => b - a) as [number, number];
          if (best - second > 1e-4) expect([task, k, one.acc]).toEqual([task, k, other.acc]);
          count++;
        }
      }
      console.log(`${RUNS[i]!.model}: ${count} items, largest difference ${largest.toExponential(1)}`);
    });

    it('reports the same acc, acc_norm, standard errors and task hashes', () => {
      const [ours, theirs] = [results('ours'), results('theirs')];
      expect(ours.writtenBy).toBe('med42-workbook');
      expect(theirs.writtenBy).toBe('lm_eval 0.4.13');
      expect(Object.keys(ours.tasks)).toEqual(Object.keys(theirs.tasks));
      expect(ours.taskHashes).toEqual(theirs.taskHashes);
      for (const [task, { acc, accStderr, accNorm, accNormStderr, n }] of Object.entries(theirs.tasks)) {
        const own = ours.tasks[task]!;
        expect([task, own.n]).toEqual([task, n]);
        expect(own.acc).toBeCloseTo(acc, 12);
        expect(own.accStderr).toBeCloseTo(accStderr!, 12);
        expect([task, own.accNorm === null]).toEqual([task, accNorm === null]);
        if (accNorm !== null) expect(own.accNorm).toBeCloseTo(accNorm, 12);
        if (accNormStderr !== null) expect(own.accNormStderr).toBeCloseTo(accNormStderr, 12);
      }
    });

    it("writes files that the harness's own tools find, open, and compute the same metrics from", () => {
      const { table, recomputed } = read[i]!;
      const ours = results('ours');
      for (const [task, { acc, accStderr, accNorm, n }] of Object.entries(ours.tasks)) {
        expect(table).toContain(`|${task}`);
        const theirs = recomputed[task] as { acc: [number, number]; acc_norm?: [number, number] };
        expect(theirs).toMatchObject({ rows: n, datetime: true, taskHash: ours.taskHashes[task] });
        expect(theirs.acc[0]).toBeCloseTo(acc, 12);
        expect(theirs.acc[1]).toBeCloseTo(accStderr!, 12);
        if (accNorm !== null) expect(theirs.acc_norm![0]).toBeCloseTo(accNorm, 12);
      }
    });
  });
});
