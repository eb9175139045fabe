import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EvalItem, loadEvalItems } from '../../lib/data/examples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import type { BosPolicy } from '../../lib/eval/encode-request';
import { harnessName } from '../../lib/eval/harness-documents';
import { type ReadResults, readHarnessResults } from '../../lib/eval/harness-results';
import { type ReadSample, readHarnessSamples } from '../../lib/eval/harness-samples';
import { firstMaximum } from '../../lib/eval/metrics';
import { splitOverlong } from '../../lib/eval/overlong';
import { requestHash, requestsOf } from '../../lib/eval/requests';
import { scoringPlan } from '../../lib/eval/score';
import type { TaskVariant } from '../../lib/eval/tasks/definition';
import { TASKS, taskNameOf, taskOf } from '../../lib/eval/tasks/tasks';
import { openModelFolder } from '../../lib/model/folder';
import { scoreFolder } from '../../lib/run/score-folder';
import { pythonReady } from './python';

const ROOT = resolve(__dirname, '..', '..');
const DATA = resolve(ROOT, '../shared/data');
const modelFolder = (name: string) => resolve(ROOT, '../shared/models', name);

/**
 * MED42_HARNESS_ITEMS=all scores every item: half an hour on two cores, not for every change; a number scores as many of
 * each task. With MED42_HARNESS_KEEP=FOLDER what was scored stays there, and a run that was cut short goes on: ours item by
 * item, theirs task by task. MED42_HARNESS_MODEL=FOLDER compares on a model of one's own instead, MED42_HARNESS_SEED=N on the
 * items that a run of that seed draws.
 */
const { MED42_HARNESS_ITEMS: wanted, MED42_HARNESS_KEEP: keep, MED42_HARNESS_MODEL: own } = process.env;
const seed = Number(process.env.MED42_HARNESS_SEED ?? 1);
const everything = wanted === 'all';
const limitOr = (small: number) => (wanted === undefined || everything ? small : Number(wanted));
/** `batch` is of the harness: a large vocabulary makes large logits. */
const RUNS: readonly {
  readonly model: string;
  readonly bos: BosPolicy;
  readonly limit: number;
  readonly batch: number;
}[] =
  own === undefined
    ? [
        { model: 'stories260K', bos: 'never', limit: limitOr(8), batch: 64 },
        { model: 'baby-llama-tok361', bos: 'tokenizer', limit: limitOr(6), batch: 64 },
      ]
    : [{ model: resolve(ROOT, own), bos: 'never', limit: limitOr(8), batch: 8 }];

const ready = pythonReady && existsSync(DATA) && RUNS.every(({ model }) => existsSync(modelFolder(model)));
if (!ready)
  console.warn('parity with lm-evaluation-harness skipped: no .venv-parity, or no ../shared beside the repository');

type Side = 'ours' | 'theirs';
const quiet = { say: () => {}, at: () => {} };

describe.skipIf(!ready)('lm-evaluation-harness 0.4.13', () => {
  const out = keep ? resolve(ROOT, keep) : mkdtempSync(join(tmpdir(), 'harness-'));
  mkdirSync(out, { recursive: true });
  afterAll(() => {
    if (!keep) rmSync(out, { recursive: true });
  });
  const only = (folder: string, start: string) => join(folder, readdirSync(folder).find((f) => f.startsWith(start))!);
  const inside = (folder: string) => join(folder, readdirSync(folder).find((name) => !name.includes('.'))!);

  let items: readonly EvalItem[];
  let requests: Record<string, { hash: string; count: number }>;
  /** By run and task: the continuations' token counts of each item, in the order of the samples. */
  const tokenCounts: Record<string, (readonly number[])[]>[] = [];
  let read: { table: string; recomputed: Record<string, Record<string, unknown>> }[];

  beforeAll(async () => {
    items = (await loadEvalItems(DATA)).items;
    const scores = [];
    for (const [i, { model, bos, limit, batch }] of RUNS.entries()) {
      const tokenizer = await loadTokenizer(modelFolder(model));
      const { maxPositionEmbeddings } = (await openModelFolder(modelFolder(model))).config;
      const { scorable } = await splitOverlong(items, tokenizer, maxPositionEmbeddings, bos);
      const sample = everything ? {} : { limitPerTask: limit, seed };
      const ids = scoringPlan(scorable, sample).map(({ task, chosen }) => [task.name, chosen.map(({ id }) => id)]);
      const folder = join(out, `theirs-${i}`);
      scores.push({ model: modelFolder(model), bos: bos === 'tokenizer', batch, ids: Object.fromEntries(ids), folder });
      const command = {
        ...RUNS[i]!,
        model: modelFolder(model),
        adapter: null,
        data: DATA,
        rows: {},
        tasks: ['all'],
        seed,
      };
      const rest = { variant: 'present', out: join(out, `ours-${i}`), device: 'cpu', showRequests: null } as const;
      const whole = { ...command, ...rest, limit: everything ? null : limit };
      const { result } = await scoreFolder(whole, new AbortController().signal, quiet);
      tokenCounts[i] = {};
      for (const item of result.items) {
        tokenCounts[i]![item.task] ??= [];
        tokenCounts[i]![item.task]!.push(item.tokenCounts);
      }
    }
    const job = join(out, 'job.json');
    const ours = RUNS.map((_, i) => join(out, `ours-${i}`, basename(RUNS[i]!.model)));
    writeFileSync(job, JSON.stringify({ data: DATA, out, requests: own === undefined, scores, read: ours }));
    const python = resolve(ROOT, '.venv-parity', 'bin', 'python');
    await promisify(execFile)(python, [resolve(__dirname, 'harness_scores.py'), job], { maxBuffer: 1e9 });
    if (own === undefined) {
      const { version, tasks } = JSON.parse(readFileSync(join(out, 'requests.json'), 'utf8'));
      expect(version).toBe('0.4.13');
      requests = tasks;
    }
    read = JSON.parse(readFileSync(join(out, 'read.json'), 'utf8'));
  }, 7_200_000);

  // They do not depend on the model.
  it.skipIf(own !== undefined).each(['present', 'continuation'] as const)(
    'asks the same strings of every item, %s',
    (variant: TaskVariant) => {
      const listed = TASKS.filter((task) => task.variant === variant && !task.name.startsWith('usmle'));
      for (const task of listed) {
        const strings = items
          .filter((item) => taskNameOf(item) === task.name)
          .flatMap((item) => requestsOf(item, taskOf(item, variant)));
        const expected = requests[harnessName(task)];
        expect([task.name, strings.length, requestHash(strings)]).toEqual([task.name, expected?.count, expected?.hash]);
      }
    },
  );

  describe.each(RUNS.map((run, i) => ({ ...run, i })))('$model, bos $bos', ({ i, limit }) => {
    /** Theirs is a folder for each task, ours one for all. */
    const folderOf = (side: Side, task: string) =>
      inside(side === 'ours' ? join(out, `ours-${i}`) : join(out, `theirs-${i}`, task));
    const results = (side: Side): Omit<ReadResults, 'model'> => {
      const read = Object.keys(tokenCounts[i]!).map((task) => {
        const file = only(folderOf(side, task), 'results_');
        return readHarnessResults(readFileSync(file, 'utf8'), file);
      });
      return {
        writtenBy: read[0]!.writtenBy,
        tasks: Object.assign({}, ...read.map(({ tasks }) => tasks)),
        taskHashes: Object.assign({}, ...read.map(({ taskHashes }) => taskHashes)),
      };
    };
    const samples = (side: Side, task: string): ReadSample[] => {
      const file = only(folderOf(side, task), `samples_${task}_`);
      return readHarnessSamples(readFileSync(file, 'utf8'), file);
    };

    it('gives each item the same log-likelihoods and decisions', () => {
      const seen: string[] = [];
      for (const task of Object.keys(results('theirs').tasks)) {
        const [ours, theirs] = [samples('ours', task), samples('theirs', task)];
        let [largest, largestShare, ties] = [0, 0, 0];
        if (!everything) expect(theirs).toHaveLength(limit);
        expect(ours.map(({ docHash }) => docHash)).toEqual(theirs.map(({ docHash }) => docHash));
        for (const [k, one] of ours.entries()) {
          const other = theirs[k]!;
          expect(one.requests).toEqual(other.requests);
          const allowed = tokenCounts[i]![task]![k]!.map((tokens) => 1e-4 + 1e-6 * tokens);
          for (const [c, logLikelihood] of one.logLikelihoods.entries()) {
            const difference = Math.abs(logLikelihood - other.logLikelihoods[c]!);
            largest = Math.max(largest, difference);
            largestShare = Math.max(largestShare, difference / allowed[c]!);
            expect(difference, `${task} ${k} ${c}`).toBeLessThanOrEqual(allowed[c]!);
          }
          const [chosen, their] = [firstMaximum(one.logLikelihoods).index, firstMaximum(other.logLikelihoods).index];
          if (chosen === their) expect([task, k, one.acc]).toEqual([task, k, other.acc]);
          else {
            ties++;
            const apart = other.logLikelihoods[their]! - other.logLikelihoods[chosen]!;
            expect(apart, `${task} ${k}: another answer`).toBeLessThanOrEqual(allowed[chosen]! + allowed[their]!);
          }
        }
        const { acc, accNorm, n } = results('ours').tasks[task]!;
        const share = `${(100 * largestShare).toFixed(1)} % of what is allowed`;
        const norm = accNorm === null ? '' : `, acc_norm ${accNorm.toFixed(6)}`;
        seen.push(
          `${task}: ${n} items, largest difference ${largest.toExponential(1)} (${share}), ` +
            `${ties} tied answers that differ, acc ${acc.toFixed(6)}${norm}`,
        );
      }
      console.log(`${RUNS[i]!.model}\n  ${seen.join('\n  ')}`);
    });

    it('reports the same acc, acc_norm, standard errors and task hashes', () => {
      const [ours, theirs] = [results('ours'), results('theirs')];
      expect(ours.writtenBy).toBe('med42-workbook');
      expect(theirs.writtenBy).toBe('lm_eval 0.4.13');
      expect(Object.keys(ours.tasks)).toEqual(Object.keys(theirs.tasks));
      expect(ours.taskHashes).toEqual(theirs.taskHashes);
      for (const [task, { acc, accStderr, accNorm, accNormStderr, n }] of Object.entries(theirs.tasks)) {
        const mine = ours.tasks[task]!;
        expect([task, mine.n]).toEqual([task, n]);
        expect(mine.acc).toBeCloseTo(acc, 12);
        expect(mine.accStderr).toBeCloseTo(accStderr!, 12);
        expect([task, mine.accNorm === null]).toEqual([task, accNorm === null]);
        if (accNorm !== null) expect(mine.accNorm).toBeCloseTo(accNorm, 12);
        if (accNormStderr !== null) expect(mine.accNormStderr).toBeCloseTo(accNormStderr, 12);
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
