import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { CATALOGUE } from '../../lib/data/sources/catalogue/catalogue';
import { stubHub } from '../data/sources/stub-hub';

/** What a run would do, said without doing it: with a network, without one, and without the model. */

const ROOT = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'dry-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

function med42(args: readonly string[], env: Record<string, string> = { HF_HUB_OFFLINE: '1' }) {
  const child = spawn(process.execPath, [join(ROOT, 'lib/cli/bin.js'), ...args], {
    env: { ...process.env, INIT_CWD: folder, HF_HUB_CACHE: join(folder, 'cache'), HF_HOME: folder, ...env },
  });
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  child.stderr.on('data', (piece) => (text += piece));
  return new Promise<{ status: number | null; text: string }>((done) =>
    child.on('close', (status) => done({ status, text })),
  );
}
const PAPER = [
  'reproduce',
  '--preset',
  'llama2',
  '--model',
  'meta-llama/Llama-2-7b-hf',
  '--device',
  'xla',
  '--devices',
  '8',
  '--dry-run',
];

test('the paper’s command says what it would fetch, need and take, without a network and without the weights', async () => {
  const { status, text } = await med42(PAPER);
  expect([status, readdirSync(folder)]).toEqual([0, []]);
  for (const { name } of CATALOGUE.filter(({ alternativeTo }) => !alternativeTo))
    expect(text).toMatch(new RegExp(`^${name} `, 'm'));
  expect(text).toContain('openorca_t0              about 4.1 GB           licence: mit');
  expect(text).toContain('openorca_cot             with openorca_t0       licence: mit');
  expect(text).toMatch(/usmle_sample_exam +cannot be had: .*325 items of Sample Exam cannot be scored/);
  expect(text).toContain('model: meta-llama/Llama-2-7b-hf, about 13.5 GB in 16 bits; gated:');
  // Eight epochs and three of 706,713 rows without the held-out twentieth, by 213 tokens.
  expect(text).toContain('1,144,027,008 tokens in 34,920 updates, 8 epochs');
  expect(text).toContain('429,010,128 tokens in 13,095 updates, 3 epochs');
  expect(text.match(/bf16, recomputation by layer, on 8 x H100 80 GB/g)).toHaveLength(2);
  expect(text.match(/in all, of 80.0: fits/g)).toHaveLength(2);
  expect(text).toMatch(/about \d\.\d hours for 2 trainings/);
  expect(text).toContain("47 % of the card's data sheet");
});

test('with a network the Hub is asked: sizes, licences, what is gated and what is gone', async () => {
  const content = Buffer.from('{"a":1}');
  const hub = await stubHub({
    'medalpaca/medical_meadow_mediqa': {
      type: 'dataset',
      commit: 'a'.repeat(40),
      licence: 'cc0-1.0',
      files: { 'medical_meadow_mediqa.json': { content } },
    },
    'meta-llama/Llama-2-7b-hf': { type: 'model', commit: 'b'.repeat(40), gated: true, files: {} },
  });
  const { status, text } = await med42(PAPER, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_of_another' });
  await hub.close();
  expect(status).toBe(0);
  expect(text).toMatch(/mediqa +1 files, 7 bytes +licence: none stated; on the card: cc0-1.0/);
  expect(text).toMatch(
    /missing: medalpaca\/medical_meadow_cord19 is not there \(404\).*; the mixture lacks CORD-19, 17,721 of 706,713/,
  );
  expect(text).toMatch(/model: meta-llama\/Llama-2-7b-hf is gated or closed to you \(403\)/);
  expect(hub.served.size).toBe(0);
  expect(text).not.toContain('hf_of_another');
});

test('one’s own rows: tokens by the size of the files; a model that nobody knows is named', async () => {
  mkdirSync(join(folder, 'rows/train'), { recursive: true });
  writeFileSync(
    join(folder, 'rows/train/a.jsonl'),
    `${JSON.stringify({ prompt: 'q', response: 'a'.repeat(1971) })}\n`.repeat(200),
  );
  const own = ['train', '--data', 'rows', '--dry-run'];
  const known = await med42([...own, '--model', join(ROOT, 'data/miniature/base')]);
  expect(known.status).toBe(0);
  // 200 rows of 2,000 bytes, four a token, without the held-out twentieth, eight times.
  expect(known.text).toMatch(/rows and items: in rows, 400\.0 kB/);
  expect(known.text).toContain('760,000 tokens in');
  expect(known.text).toMatch(/memory on this machine: about 0\.\d GB at its peak/);
  const unknown = await med42([...own, '--model', 'org/unheard']);
  expect(unknown.status).toBe(0);
  expect(unknown.text).toContain('model: org/unheard, size not known');
  expect(unknown.text).toContain('not known before org/unheard has its config.json here');
});
