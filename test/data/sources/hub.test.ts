import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blobPath, lockPath } from '../../../lib/data/sources/hub/cache';
import { partPath } from '../../../lib/data/sources/hub/download';
import { type ClientOptions, createClient } from '../../../lib/data/sources/hub/http';
import { openCachedRepo, openRepo, type RepoFile } from '../../../lib/data/sources/hub/repo';
import { fetchRepoFile, matching, noteRevision } from '../../../lib/data/sources/hub/snapshot';
import { type StubHub, type StubRepo, stubHub, TOKEN } from './stub-hub';

/** Fetching into the Hub's cache, from a Hub on loopback with every fault that a network has. */

const COMMIT = 'a'.repeat(40);
const big = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const REPOS: Readonly<Record<string, StubRepo>> = {
  'org/set': {
    type: 'dataset',
    commit: COMMIT,
    licence: 'mit',
    files: {
      'README.md': { content: Buffer.from('read me') },
      'data/train.parquet': { content: big, stored: 'lfs' },
      'data/more.bin': { content: big.subarray(0, 5000), stored: 'xet' },
      'data/a b.json': { content: Buffer.from('[1]') },
      'data/liar.bin': { content: Buffer.from('what comes'), stored: 'lfs', listed: { sha256: 'c'.repeat(64) } },
      'data/grown.bin': { content: Buffer.from('as listed, and more'), stored: 'lfs', listed: { size: 9 } },
    },
  },
  'org/closed': { type: 'dataset', commit: COMMIT, gated: true, files: { 'x.json': { content: Buffer.from('[]') } } },
  'org/escape': { type: 'dataset', commit: COMMIT, files: { '../../x.json': { content: Buffer.from('[]') } } },
};
const SET = { type: 'dataset', id: 'org/set' } as const;

let hub: StubHub;
let cache: string;
beforeEach(async () => {
  hub = await stubHub(REPOS);
  cache = await mkdtemp(join(tmpdir(), 'med42-hub-'));
});
afterEach(async () => {
  await hub.close();
  await rm(cache, { recursive: true });
});

const said: string[] = [];
const client = (options: ClientOptions = {}) => {
  said.length = 0;
  return createClient({ endpoint: hub.endpoint, token: TOKEN, pause: 1, say: (line) => said.push(line), ...options });
};

async function fetchOne(path: string, from = client()) {
  const repo = await openRepo(from, SET);
  const file = repo.files.find((one) => one.path === path)!;
  return { repo, file, ...(await fetchRepoFile(from, cache, repo, file, { say: (line) => said.push(line) })) };
}

/** Puts a part there, as a killed process leaves it. */
async function leavePart(file: RepoFile, bytes: Buffer): Promise<string> {
  const part = partPath(blobPath(cache, SET, file.etag));
  await mkdir(dirname(part), { recursive: true });
  writeFileSync(part, bytes);
  return part;
}

describe('a repository', () => {
  test('is listed at its commit with sizes, hashes and licence, page by page', async () => {
    const repo = await openRepo(client(), SET);
    expect([repo.commit, repo.licence, repo.files.length]).toEqual([COMMIT, 'mit', 6]);
    const sha256 = createHash('sha256').update(big).digest('hex');
    expect(matching(repo.files, 'data/*.parquet')).toEqual([
      { path: 'data/train.parquet', size: 300_000, etag: sha256, sha256, gitSha1: undefined },
    ]);
  });

  test.each([
    [
      'org/closed',
      undefined,
      /org\/closed is gated or closed to you \(401\): ask for access on .*datasets\/org\/closed, then set HF_TOKEN/,
    ],
    ['org/closed', 'hf_another', /org\/closed is gated or closed to you \(403\)/],
    [
      'org/gone',
      undefined,
      /org\/gone is refused \(401\): it is private, gated or not there, or HF_TOKEN is not valid/,
    ],
    ['org/gone', TOKEN, /org\/gone is not there \(404\)/],
    ['org/escape', TOKEN, /org\/escape names the file "..\/..\/x.json", which may not lie outside its folder/],
  ])('%s is refused in plain words', async (id, token, message) => {
    const refusal = await openRepo(client({ token }), { type: 'dataset', id }).catch((error: Error) => error);
    expect((refusal as Error).message).toMatch(message);
    expect((refusal as Error).message).not.toContain('hf_');
  });

  test('a revision that is not there is named', async () => {
    await expect(openRepo(client(), SET, 'v9')).rejects.toThrow('org/set has no revision v9 (404)');
  });
});

describe('a file', () => {
  test('lies in the cache as huggingface_hub has it, and is not asked for again', async () => {
    const { repo, path, file, fetched } = await fetchOne('data/train.parquet');
    await noteRevision(cache, repo);
    expect(fetched).toBe(300_000);
    const root = join(cache, 'datasets--org--set');
    expect(path).toBe(join(root, 'snapshots', COMMIT, 'data/train.parquet'));
    expect(readlinkSync(path)).toBe(`../../../blobs/${file.etag}`);
    expect(readFileSync(path).equals(big)).toBe(true);
    expect(readFileSync(join(root, 'refs/main'), 'utf8')).toBe(COMMIT);
    expect(readdirSync(join(root, 'blobs'))).toEqual([file.etag]);
    expect((await fetchOne('data/train.parquet')).fetched).toBe(0);
    expect(hub.served.get('org/set/data/train.parquet')).toBe(300_000);
    expect((await openCachedRepo(cache, SET)).files).toEqual([{ path: 'data/train.parquet', size: 300_000 }]);
  });

  test.each(['data/more.bin', 'data/a b.json', 'README.md'])(
    '%s: Xet, a name with a space, git itself',
    async (path) => {
      expect(readFileSync((await fetchOne(path)).path).equals(REPOS['org/set']!.files[path]!.content)).toBe(true);
    },
  );

  test('the token goes to the endpoint alone, and is in no file and no line', async () => {
    await fetchOne('data/train.parquet');
    const to = (host: string) => hub.requests.filter((one) => one.host === host);
    expect(to('hub').every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(to('cdn').map(({ authorization }) => authorization)).toEqual([undefined]);
    const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    expect(files.length).toBeGreaterThan(0);
    for (const one of files) expect(readFileSync(join(one.parentPath, one.name)).includes(TOKEN)).toBe(false);
    expect(said.join('\n')).not.toContain(TOKEN);
  });

  test('what a killed process left is gone on from: no byte comes twice', async () => {
    const { files } = await openRepo(client(), SET);
    const file = files.find(({ path }) => path === 'data/train.parquet')!;
    await leavePart(file, big.subarray(0, 123_456));
    const { path, fetched } = await fetchOne('data/train.parquet');
    expect(fetched).toBe(300_000 - 123_456);
    expect(hub.served.get('org/set/data/train.parquet')).toBe(fetched);
    expect(said).toContain('org/set/data/train.parquet: 123456 of 300000 bytes are there; going on from them');
    expect(readFileSync(path).equals(big)).toBe(true);
  });

  test('a connection cut again and again is taken up again, at the byte where it broke', async () => {
    hub.fault = ({ host }, times) => (host === 'cdn' && times <= 7 ? { cutAfter: 40_000 } : undefined);
    const { path, fetched } = await fetchOne('data/train.parquet', client({ retries: 2 }));
    expect(readFileSync(path).equals(big)).toBe(true);
    expect([fetched, hub.served.get('org/set/data/train.parquet')]).toEqual([300_000, 300_000]);
    expect(hub.requests.filter(({ host }) => host === 'cdn').map(({ range }) => range)).toEqual([
      undefined,
      ...[40, 80, 120, 160, 200, 240, 280].map((thousand) => `bytes=${thousand}000-`),
    ]);
  });

  test('a host that falls silent is asked again', async () => {
    hub.fault = ({ host }, times) => (host === 'cdn' && times === 1 ? { stallAfter: 1000 } : undefined);
    const { path } = await fetchOne('data/train.parquet', client({ patience: 300 }));
    expect(readFileSync(path).equals(big)).toBe(true);
    expect(hub.served.get('org/set/data/train.parquet')).toBe(300_000);
  });

  test('one that only ever breaks is given up, and what came is kept', async () => {
    hub.fault = ({ host }, times) => (host === 'cdn' ? { cutAfter: times === 1 ? 1000 : 0 } : undefined);
    await expect(fetchOne('data/train.parquet', client({ retries: 2 }))).rejects.toThrow(
      /org\/set\/data\/train.parquet was cut off after 1000 of 300000 bytes .*3 times without one more; they are kept/,
    );
    hub.fault = () => undefined;
    expect((await fetchOne('data/train.parquet')).fetched).toBe(299_000);
  });

  test('a server that knows no Range sends all again, and the file is whole', async () => {
    hub.fault = ({ host }, times) =>
      host === 'cdn' ? (times === 1 ? { cutAfter: 1000 } : { noRange: true }) : undefined;
    expect(readFileSync((await fetchOne('data/train.parquet')).path).equals(big)).toBe(true);
  });

  test('429 with Retry-After and 500 are tried again, after the time asked for', async () => {
    hub.fault = ({ host }, times) =>
      host === 'cdn' ? [{ status: 429, retryAfter: '1' }, { status: 500 }, { status: 503 }][times - 1] : undefined;
    const began = performance.now();
    const { path } = await fetchOne('data/train.parquet');
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(readFileSync(path).equals(big)).toBe(true);
    expect(said[0]).toMatch(/data\/train.parquet answers 429; once more in 1.0 s$/);
    expect(said.join('\n')).not.toContain('Signature');
  });

  test('a pause longer than ten minutes is not waited for but said', async () => {
    hub.fault = ({ host }) => (host === 'cdn' ? { status: 429, retryAfter: '3600' } : undefined);
    await expect(fetchOne('data/train.parquet')).rejects.toThrow(/answers 429, and asks for a pause of 60 minutes/);
  });

  test('a 500 that stays ends with the number of tries', async () => {
    hub.fault = ({ host }) => (host === 'cdn' ? { status: 500 } : undefined);
    await expect(fetchOne('data/train.parquet', client({ retries: 2 }))).rejects.toThrow(/answers 500 in 3 tries/);
  });

  test('a damaged copy is fetched once more; one that stays wrong is thrown away', async () => {
    const wrong = Buffer.from(big).fill(0, 10, 20);
    hub.fault = ({ host }, times) => (host === 'cdn' && times === 1 ? { content: wrong } : undefined);
    const { path } = await fetchOne('data/train.parquet');
    expect(readFileSync(path).equals(big)).toBe(true);
    expect(said.join('\n')).toMatch(/sha256 must be \w{64}, got \w{64}; fetching it again/);
    hub.fault = () => undefined;
    const refused = await fetchOne('data/liar.bin').catch((error: Error) => error.message);
    expect(refused).toMatch(/org\/set\/data\/liar.bin came twice with another content: sha256 must be c{64}, got/);
    expect(existsSync(blobPath(cache, SET, 'c'.repeat(64)))).toBe(false);
    expect(existsSync(partPath(blobPath(cache, SET, 'c'.repeat(64))))).toBe(false);
  });

  test('a file in git is checked by its git hash', async () => {
    hub.fault = ({ path }, times) =>
      path.endsWith('README.md') && times === 1 ? { content: Buffer.from('read mE') } : undefined;
    expect(readFileSync((await fetchOne('README.md')).path, 'utf8')).toBe('read me');
    expect(said.join('\n')).toContain('git hash must be');
  });

  test('a file that grows while it is fetched is refused', async () => {
    await expect(fetchOne('data/grown.bin')).rejects.toThrow(
      'fetch: org/set/data/grown.bin must have 9 bytes as listed, got 19 bytes: it changed while it was fetched',
    );
    hub.fault = ({ host }, times) =>
      host === 'cdn' && times === 1
        ? { cutAfter: 1000 }
        : host === 'cdn'
          ? { content: Buffer.concat([big, big]) }
          : undefined;
    await expect(fetchOne('data/train.parquet')).rejects.toThrow('must have 300000 bytes as listed, got 600000 bytes');
  });

  test('two at once into one cache fetch it once', async () => {
    const results = await Promise.all([fetchOne('data/train.parquet'), fetchOne('data/train.parquet')]);
    expect(results.map(({ fetched }) => fetched).sort()).toEqual([0, 300_000]);
    expect(hub.served.get('org/set/data/train.parquet')).toBe(300_000);
  });

  test('a lock whose process is gone is taken over', async () => {
    const { files } = await openRepo(client(), SET);
    const lock = lockPath(cache, SET, files.find(({ path }) => path === 'README.md')!.etag);
    await mkdir(dirname(lock), { recursive: true });
    // A process's claim carries its id and start in its name.
    const { hostname } = await import('node:os');
    const gone = join(dirname(lock), `${2 ** 22 + 1}-1@${encodeURIComponent(hostname())}.${basename(lock)}`);
    writeFileSync(gone, '{}');
    expect((await fetchOne('README.md')).fetched).toBe(7);
    expect(existsSync(gone)).toBe(false);
  });

  test.skipIf(!existsSync('/dev/full'))('a disk that fills names the file and the bytes it needs', async () => {
    const { files } = await openRepo(client(), SET);
    const part = await leavePart(files.find(({ path }) => path === 'data/train.parquet')!, Buffer.alloc(0));
    await rm(part);
    symlinkSync('/dev/full', part);
    await expect(fetchOne('data/train.parquet')).rejects.toThrow(
      /no space for org\/set\/data\/train.parquet in .*blobs: 300000 bytes are needed \(ENOSPC\); free some, or set HF_HUB_CACHE/,
    );
  });
});

test('an endpoint that is no address is refused by name', () => {
  expect(() => createClient({ endpoint: 'hub.example' })).toThrow('HF_ENDPOINT must be an address like https://');
});

test('a token or an endpoint that may not be shown is refused without being shown', () => {
  const refusal = (options: ClientOptions) => {
    try {
      createClient(options);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  expect(refusal({ endpoint: 'https://hub.example', token: 'hf_secret\nhf_second' })).toMatch(
    /^fetch: HF_TOKEN must be one word/,
  );
  expect(refusal({ endpoint: 'https://hub.example', token: 'hf_secret\nhf_second' })).not.toContain('hf_se');
  expect(refusal({ endpoint: 'https://me:secret@hub.example' })).toBe(
    'fetch: HF_ENDPOINT must hold no user and password, use HF_TOKEN; got them before hub.example',
  );
});

test('nothing listens: the address and the tries are named', async () => {
  const nowhere = createClient({ endpoint: 'http://127.0.0.1:9', pause: 1, retries: 1, token: TOKEN });
  await expect(openRepo(nowhere, SET)).rejects.toThrow(/127.0.0.1:9\/api.* gives no answer \(.*\) in 2 tries/);
});
