import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_SOURCES } from '../../../lib/data/sources/catalogue/catalogue';
import { planFetch, runFetch } from '../../../lib/data/sources/fetch';
import { createClient } from '../../../lib/data/sources/hub/http';
import { SUBSETS } from '../../../lib/paper/table-a1';
import { NATIVE_PLAIN, nativeRepos } from './native-files';
import { type StubHub, type StubRepo, stubHub } from './stub-hub';

/** The paper's line, command after command, from the Hub's own files to a comparison: on small files and a tiny model. */

const ROOT = resolve(__dirname, '../../..');
const BASE = join(ROOT, 'data/miniature/base');
const folder = mkdtempSync(join(tmpdir(), 'paper-line-'));
const data = join(folder, 'data');
let hub: StubHub;
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true });
});

/** The bundled base, as a repository of the Hub. */
function tinyModel(): StubRepo {
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  const files = names.map((name) => [name, { content: readFileSync(join(BASE, name)) }] as const);
  return { type: 'model', commit: 'c'.repeat(40), licence: 'llama2', files: Object.fromEntries(files) };
}

beforeAll(async () => {
  hub = await stubHub({ ...(await nativeRepos()), 'org/tiny': tinyModel() }, NATIVE_PLAIN);
  const client = createClient({ endpoint: hub.endpoint, pause: 1 });
  const plan = await planFetch(ALL_SOURCES, {
    client,
    cache: join(folder, 'cache'),
    raw: join(folder, 'raw'),
    github: hub.endpoint,
    archives: hub.endpoint,
    offline: false,
  });
  await runFetch(plan, data, { atOnce: 4 });
});

function med42(...args: string[]) {
  const env = {
    ...process.env,
    INIT_CWD: folder,
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: join(folder, 'cache'),
    HF_HOME: folder,
  };
  const child = spawn(process.execPath, [join(ROOT, 'lib/cli/bin.js'), ...args], { env });
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  child.stderr.on('data', (piece) => (text += piece));
  return new Promise<{ status: number | null; text: string }>((done) =>
    child.on('close', (status) => done({ status, text })),
  );
}
const json = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));

describe('what was fetched', () => {
  const small = ['--method', 'lora', '--max-seq-len', '128', '--epochs', '1', '--limit', '1'];

  test('is mixed, trained and scored by one command', async () => {
    const { status, text } = await med42(
      ...['reproduce', '--preset', 'llama2', '--data', 'data', '--model', 'org/tiny', '--out', 'out', ...small],
    );
    expect(status, text).toBe(0);
    expect(text).toMatch(/org\/tiny at ccccccc, licence: llama2\n4 files/);
    expect(text).toMatch(/mixing the rows of .*data/);
    const { mixture, models, standIns } = json('out/run.json');
    // Every set of table A1 has rows in the small files; fewer than it counts, so that all are drawn.
    expect(mixture.rows.map((row: { subset: string }) => row.subset)).toEqual(SUBSETS.map(({ key }) => key));
    expect(mixture.rows.every(({ drawn, available }: Record<string, number>) => drawn === available)).toBe(true);
    expect([mixture.shares, standIns]).toEqual(['paper', []]);
    expect(models.map(({ name }: { name: string }) => name)).toEqual(['base', 'lora-42']);
    expect(models[0].scores.tasks.map(({ task }: { task: string }) => task)).toContain('usmle_self_assessment');
    expect(existsSync(join(folder, 'out/report.html'))).toBe(true);
    expect(text).toMatch(/read: 43 rows of the form .*: eval\/headqa_test\.jsonl/);
  });

  test('trains one update, from the mixture that was made before', async () => {
    const { status, text } = await med42(
      ...[
        'train',
        '--preset',
        'llama2',
        '--data',
        'data',
        '--model',
        'org/tiny',
        '--out',
        'trained',
        '--method',
        'lora',
      ],
      ...['--max-steps', '1', '--max-seq-len', '128'],
    );
    expect(status, text).toBe(0);
    expect(text).not.toMatch(/mixing the rows|licence: llama2/);
    expect(text).toContain('1 updates;');
    expect(readdirSync(join(folder, 'trained/models/lora'))).toContain('adapter_model.safetensors');
  });

  test('is mixed by hand, with its items beside the rows, and looked through for items', async () => {
    expect((await med42('mix', '--data', 'data', '--out', 'mixed')).status).toBe(0);
    expect(readdirSync(join(folder, 'mixed/eval'))).toEqual(readdirSync(join(data, 'eval')));
    expect(json('mixed/mixture.json').report).toMatchObject({ total: 150, missing: [] });
    const { status, text } = await med42('decontaminate', '--tf-idf', '--data', 'mixed', '--out', 'near');
    expect(status, text).toBe(0);
    expect(text).toMatch(/read: 150 rows of the form .*, Parquet: train\/mixture\.parquet/);
  });
});
