import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { readRun } from '../../lib/compare/read-run';
import { RUN_RECORD_VERSION, type RunRecord } from '../../lib/compare/run-record';
import { WORKBOOK_ROOT } from '../../lib/files';
import { requireRun } from '../../lib/notebook/cell/require-run';
import { sampleDecontamination, sampleRecord } from '../report/fixture';

const work = mkdtempSync(join(tmpdir(), 'read-run-'));
afterAll(() => rmSync(work, { recursive: true }));

const RECORD = sampleRecord();
const FOUND = { version: 1, identity: 'x', methods: [sampleDecontamination(RECORD)] };

/** A folder of results with these files. */
function results(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

/** One model's items under other names. */
const renamedAt =
  (place: number) =>
  <M extends RunRecord['models'][number]>(model: M, i: number): M =>
    i === place
      ? {
          ...model,
          scores: { ...model.scores, items: model.scores.items.map((one) => ({ ...one, id: `${one.id}x` })) },
        }
      : model;

describe('a saved run', () => {
  const run = JSON.stringify(RECORD);
  const found = JSON.stringify(FOUND);

  test('is read plain or gzipped, with or without decontamination', async () => {
    const plain = await readRun(results('plain', { 'run.json': run, 'decontamination.json': found }));
    expect(plain).toEqual({ record: RECORD, decontamination: FOUND.methods });
    const packed = { 'run.json.gz': gzipSync(run), 'decontamination.json.gz': gzipSync(found) };
    expect(await readRun(results('packed', packed))).toEqual(plain);
    expect((await readRun(results('bare', { 'run.json': run }))).decontamination).toEqual([]);
  });

  test.each([
    ['not finished', {}, /^results: .*unfinished holds no finished run \(run\.json\); run `npm run reproduce`/],
    ['damaged', { 'run.json': run.slice(0, 20) }, /^results: .*run\.json is damaged \(.*\); delete it/],
    [
      'of another form',
      { 'run.json': JSON.stringify({ ...RECORD, version: 1 }) },
      `run.json is of form 1, this library reads ${RUN_RECORD_VERSION}; make the run anew`,
    ],
    [
      'with a number that JSON could not hold',
      { 'run.json': JSON.stringify(RECORD, (key, value) => (key === 'tokenCount' ? Number.NaN : value)) },
      /run\.json: "models\.0\.scores\.tokenCount" must be a whole number from 0 to \d+, got null; the file is not as a run wrote it/,
    ],
    [
      'with a training whose log is cut',
      { 'run.json': JSON.stringify(RECORD, (key, value) => (key === 'log' ? value.slice(2) : value)) },
      /run\.json: "models\.\d\.training" must be a training whose "(log" has a line for each|tokens" are those of its)/,
    ],
    [
      'with scores of other items',
      { 'run.json': JSON.stringify(RECORD, (key, value) => (key === 'items' ? value.slice(1) : value)) },
      /run\.json: "models\.0\.scores" must be scores whose "tasks" count their "items"/,
    ],
    [
      'with a quiz of other items',
      {
        'run.json': JSON.stringify(RECORD, (key, value) =>
          key === 'quiz' && value ? { ...value, items: value.items.slice(1) } : value,
        ),
      },
      /run\.json: "models\.0\.quiz" must be a quiz whose "n" and "correct" count its "items"/,
    ],
    [
      'with models of other items',
      { 'run.json': JSON.stringify({ ...RECORD, models: RECORD.models.map(renamedAt(1)) }) },
      'run.json: "models" must be models that are scored on the same items',
    ],
    [
      'without its models',
      { 'run.json': JSON.stringify({ ...RECORD, models: undefined }) },
      'run.json: "models" must be there, got nothing; ',
    ],
    [
      'nested too deep',
      { 'run.json': run.replace('"version"', `"x":${'['.repeat(1e5)}${']'.repeat(1e5)},"version"`) },
      'run.json is damaged (it nests more than 100 levels); delete it',
    ],
    [
      'with pairs that lack a number',
      { 'run.json': run, 'decontamination.json': found.replace('"threshold":', '"limit":') },
      'decontamination.json: "methods.0.threshold" must be there, got nothing; ',
    ],
    [
      'with pairs whose truth has a text for a number',
      {
        'run.json': run,
        'decontamination.json': found.replace(/"precisionUntaught":[^,]+/, '"precisionUntaught":"$x$"'),
      },
      'precisionUntaught" must be ',
    ],
    [
      'with pairs of another form',
      { 'run.json': run, 'decontamination.json': '{"version": 0}' },
      'decontamination.json is of form 0, this library reads 1',
    ],
  ])('%s is refused', async (name, files, message) => {
    await expect(readRun(results(name === 'not finished' ? 'unfinished' : name, files))).rejects.toThrow(message);
  });

  test('that is a folder or a pipe is refused, not waited for', async () => {
    const folder = results('pipe', {});
    execFileSync('mkfifo', [join(folder, 'run.json')]);
    await expect(readRun(folder)).rejects.toThrow(/^results: .*run\.json is a FIFO; put the file itself there/);
    const other = results('folder', {});
    mkdirSync(join(other, 'run.json'));
    await expect(readRun(other)).rejects.toThrow(/^results: .*run\.json is a folder; put the file itself there/);
  });

  test('of the recorded results is read', async () => {
    const { record, decontamination } = await readRun(join(WORKBOOK_ROOT, 'results', 'recorded', 'miniature'));
    expect([record.models.length, decontamination.length]).toEqual([12, 1]);
  });
});

describe('a notebook’s run', () => {
  test('is the reader’s own, else the recorded one, else named with what to run first', async () => {
    const root = join(work, 'results');
    await expect(requireRun('miniature', '05', root)).rejects.toThrow(
      'notebook: there is no finished run in results/miniature; run notebook 05 first, or `npm run reproduce -- --preset miniature`',
    );
    results('results/recorded/miniature', { 'run.json.gz': gzipSync(JSON.stringify(RECORD)) });
    expect((await requireRun('miniature', '05', root)).recorded).toBe(true);
    results('results/miniature', { 'run.json': JSON.stringify({ ...RECORD, preset: 'own' }) });
    const own = await requireRun('miniature', '05', root);
    expect([own.recorded, own.record.preset]).toEqual([false, 'own']);
  });
});
