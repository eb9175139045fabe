import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mixFolder } from '../../../lib/data/mixing/mix';
import { readMixed } from '../../../lib/data/mixing/mixed-folder';
import { sourceNamed } from '../../../lib/data/sources/catalogue/catalogue';
import { planFetch, runFetch } from '../../../lib/data/sources/fetch';
import { createClient } from '../../../lib/data/sources/hub/http';
import { readSources, SOURCES_FILE } from '../../../lib/data/sources/record';
import { nativeRepos, parquet } from './native-files';
import { type StubHub, type StubRepo, stubHub } from './stub-hub';

/** Sources that are not as they were, records that are damaged, and disks that fill. */

const ROOT = resolve(__dirname, '../../..');
const CLI = join(ROOT, 'lib/cli/bin.js');
const mountable = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', tmpdir()]).status === 0;
if (!mountable) console.warn('damage.test.ts: no small tmpfs can be mounted here; full disks are not tested');

let repos: Record<string, StubRepo>;
let hub: StubHub;
let folder: string;
beforeAll(async () => {
  repos = await nativeRepos();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'damage-'));
});
afterEach(async () => {
  await hub?.close();
  rmSync(folder, { recursive: true });
});
afterAll(() => {
  repos = {};
});

const file = (content: Buffer) => ({ content, stored: 'lfs' as const });
async function fetchNamed(names: readonly string[], change: Record<string, Record<string, Buffer>> = {}) {
  const changed = Object.entries(change).map(([id, files]) => {
    const all = {
      ...repos[id]!.files,
      ...Object.fromEntries(Object.entries(files).map(([path, content]) => [path, file(content)])),
    };
    return [id, { ...repos[id]!, files: all }] as const;
  });
  hub = await stubHub({ ...repos, ...Object.fromEntries(changed) });
  const client = createClient({ endpoint: hub.endpoint, pause: 1, retries: 1 });
  const where = {
    client,
    cache: join(folder, 'cache'),
    raw: join(folder, 'raw'),
    github: hub.endpoint,
    archives: hub.endpoint,
    offline: false,
  };
  return runFetch(await planFetch(names.map(sourceNamed), where), join(folder, 'out'), { atOnce: 2 });
}

describe('a source that changed', () => {
  test('a Parquet file with a renamed column: the columns that it must have, lacks and has', async () => {
    const path = 'data/train-00000-of-00001-e36383d177026d53.parquet';
    const renamed = await parquet([
      { document_id: '1', question_id: '1-1', question: 'What is moss?', Answer: 'A plant.' },
    ]);
    const { fetched, refused } = await fetchNamed(['medquad', 'mediqa'], { 'lavita/MedQuAD': { [path]: renamed } });
    expect(fetched.map(({ name }) => name)).toEqual(['mediqa']);
    expect(refused.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(
        /medquad: lavita\/MedQuAD\/.*parquet must have the columns document_id, question_id, question, answer, lacks answer, has document_id, question_id, question, Answer; its owner may have changed it/,
      ),
    ]);
    expect(existsSync(join(folder, 'out/train/medquad.jsonl'))).toBe(false);
  });

  test('five options where four are meant: the row is skipped, counted and placed', async () => {
    const options = { A: 'flint', B: 'chalk', C: 'slate', D: 'marl' };
    const row = { question: 'Which stone?', answer: 'flint', options, meta_info: 'step1', answer_idx: 'A' };
    const five = { ...row, question: 'Which of five?', options: { ...options, E: 'loam' } };
    const rows = Buffer.from([row, five].map((one) => JSON.stringify(one)).join('\n'));
    const parts = { 'phrases_no_exclude_train.jsonl': rows, 'phrases_no_exclude_test.jsonl': rows };
    const { fetched } = await fetchNamed(['medqa', 'medqa_test'], { 'GBaker/MedQA-USMLE-4-options': parts });
    for (const { rows: kept, raw, skipped } of fetched) {
      expect(raw - kept).toBe(1);
      expect(Object.entries(skipped)).toEqual([
        [
          '"options" must be 4 choices',
          { count: 1, first: expect.stringMatching(/phrases_no_exclude_(train|test)\.jsonl line 2/) },
        ],
      ]);
    }
    expect(fetched).toHaveLength(2);
  });
});

describe('a record', () => {
  const rows = () => {
    mkdirSync(join(folder, 'given/train'), { recursive: true });
    const lines = Array.from({ length: 30 }, (_, i) =>
      JSON.stringify({ source: i % 2 ? 'medqa' : 'mmlu', prompt: `${i}?`, response: 'yes' }),
    );
    writeFileSync(join(folder, 'given/train/a.jsonl'), lines.join('\n'));
    return mixFolder(join(folder, 'given'), join(folder, 'mixed'), { seed: 1 });
  };

  const other = (change: object) => (mixed: object) => ({ ...mixed, ...change });
  const report = (change: object) => (mixed: object) => ({
    ...mixed,
    report: { ...(mixed as { report: object }).report, ...change },
  });
  test.each<readonly [string, (mixed: object) => object, RegExp]>([
    [
      'without its rows',
      other({ report: undefined }),
      /mixture\.json: "report" must be there, got nothing; delete the folder/,
    ],
    ['of half a row', other({ blank: 1.5 }), /"blank" must be a whole number from 0 to \d+, got 1\.5/],
    ['of more rows than its sets', report({ total: 31 }), /"report" must be a report whose "drawn" add up to "total"/],
    ['of unheard shares', report({ shares: 'most' }), /"report\.shares" must be one of paper, all, given, got "most"/],
    [
      'with a hash that is none',
      other({ contentMd5: '../x' }),
      /"contentMd5" must be 32 hexadecimal digits, got "\.\.\/x"/,
    ],
    ['of sources that are no list', other({ sources: {} }), /"sources" must be a list, got \{\}/],
    [
      'of another form',
      other({ version: 7 }),
      /is of form 7, this library reads 2; delete the folder and mix the rows again/,
    ],
  ])('of a mixture, %s, is refused', async (_, damage, message) => {
    await rows();
    const path = join(folder, 'mixed/mixture.json');
    expect(await readMixed(join(folder, 'mixed'))).toMatchObject({ seed: 1 });
    writeFileSync(path, JSON.stringify(damage(JSON.parse(readFileSync(path, 'utf8')))));
    await expect(readMixed(join(folder, 'mixed'))).rejects.toThrow(message);
  });

  test('of a mixture that tells of other rows than lie there is refused before anything is trained', async () => {
    await rows();
    const path = join(folder, 'mixed/mixture.json');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    json.report.rows[0].drawn++;
    json.report.total++;
    writeFileSync(path, JSON.stringify(json));
    const base = join(ROOT, 'data/miniature/base');
    const args = [
      'train',
      '--data',
      join(folder, 'mixed'),
      '--model',
      base,
      '--method',
      'lora',
      '--out',
      join(folder, 't'),
    ];
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/must have the 31 rows that its mixture\.json tells of, has 30; delete the folder/);
  });

  test('of fetched sources: cut short, and of a source without rows', async () => {
    mkdirSync(join(folder, 'out'));
    const path = join(folder, 'out', SOURCES_FILE);
    writeFileSync(path, '{"version": 1, "sources": {"medqa"');
    await expect(readSources(join(folder, 'out'))).rejects.toThrow(
      /fetch: .*sources\.json is damaged .*; delete it, and `med42 fetch`/,
    );
    writeFileSync(
      path,
      JSON.stringify({ version: 1, sources: { medqa: { name: 'medqa', file: 'train/medqa.jsonl', identity: 'x' } } }),
    );
    await expect(readSources(join(folder, 'out'))).rejects.toThrow(/"sources\.medqa\.\w+" must be/);
  });
});

test('two fetches of different sources at once into one folder: both are in its record', async () => {
  await fetchNamed(['mediqa']);
  rmSync(join(folder, 'out'), { recursive: true });
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: join(folder, 'cache'),
    HF_HOME: folder,
    INIT_CWD: folder,
  };
  const names = ['mediqa', 'health_advice', 'medmcqa'];
  const ended = names.map(
    (name) =>
      new Promise((done) =>
        spawn(process.execPath, [CLI, 'fetch', name, '--out', 'out'], { env, stdio: 'ignore' }).on('close', done),
      ),
  );
  expect(await Promise.all(ended)).toEqual([0, 0, 0]);
  expect(Object.keys(await readSources(join(folder, 'out'))).sort()).toEqual([...names].sort());
  expect(readdirSync(join(folder, 'out/train')).sort()).toEqual(names.map((name) => `${name}.jsonl`).sort());
});

describe.skipIf(!mountable)('a disk that fills', () => {
  const onSmallDisk = (disk: string, ...args: string[]) => {
    const script = 'mount -t tmpfs -o size=1m none "$0"; "$@"; echo "status $?"; find "$0" -type f -printf "%P\\n"';
    return spawnSync('unshare', ['-m', 'bash', '-c', script, disk, process.execPath, CLI, ...args], {
      encoding: 'utf8',
    });
  };

  test('while rows are mixed: says so, and leaves nothing', () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const { stdout, stderr } = onSmallDisk(
      disk,
      'mix',
      '--data',
      join(ROOT, 'data/miniature'),
      '--out',
      join(disk, 'mixed'),
    );
    expect(stderr).toMatch(
      /mixture: no space for the rows in .*mixed \(No space left on device\).*run the same command again/,
    );
    expect(stdout).toMatch(/status 1\n$/);
  });

  test('while fetched rows are written: the source is named, and no half of it stays', () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const from = join(folder, 'from/train');
    mkdirSync(from, { recursive: true });
    const lines = Array.from({ length: 4000 }, (_, i) =>
      JSON.stringify({ source: 'medqa', prompt: `${i} ${'x'.repeat(400)}`, response: 'yes' }),
    );
    writeFileSync(join(from, 'a.jsonl'), lines.join('\n'));
    const { stdout, stderr } = onSmallDisk(disk, 'fetch', '--from', join(folder, 'from'), '--out', join(disk, 'out'));
    expect(stderr).toMatch(/files: no space left to write .*medqa\.jsonl; free some and run the same command again/);
    expect(stdout).toMatch(/status 1\n$/);
  });
});
