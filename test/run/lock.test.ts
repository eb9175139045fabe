import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { isFolderLock } from '../../lib/lock';
import { lockFolder } from '../../lib/run/lock';

const work = mkdtempSync(join(tmpdir(), 'lock-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const LOCK = resolve(__dirname, '..', '..', 'dist', 'run', 'lock.js');
/** By hand: MED42_LOCK_TRIES=1000 npx vitest run test/run/lock.test.ts */
const TRIES = Number(process.env.MED42_LOCK_TRIES ?? 60);

const newFolder = (name: string): string => {
  const folder = join(work, name);
  mkdirSync(folder);
  return folder;
};
const locksIn = (folder: string) => readdirSync(folder).filter(isFolderLock);

/** The claim of a process that is gone: no system gives out such an id. */
const staleClaim = (folder: string, host = hostname()): string => {
  const file = join(folder, `999999999-1@${encodeURIComponent(host)}.lock.json`);
  writeFileSync(file, '');
  return file;
};

const answer = (child: ChildProcess): Promise<unknown> => new Promise((got) => child.once('message', got));

describe('a folder', () => {
  test('is held until it is released, and the claim goes with it', async () => {
    const folder = newFolder('one');
    const lock = await lockFolder(folder);
    expect(locksIn(folder)).toHaveLength(1);
    await expect(lockFolder(folder)).rejects.toThrow(
      new RegExp(
        `^results: ${folder} is in use by process ${process.pid} on .*; wait for it to end, choose another --out`,
      ),
    );
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    (await lockFolder(folder)).release();
  });

  test('whose holder is gone is taken over; a process of another machine counts as alive', async () => {
    const folder = newFolder('stale');
    staleClaim(folder);
    // This very process, before it was started: an id that was used again.
    writeFileSync(join(folder, `${process.pid}-1@${encodeURIComponent(hostname())}.lock.json`), '');
    const lock = await lockFolder(folder);
    expect(locksIn(folder)).toHaveLength(1);
    lock.release();
    const foreign = staleClaim(folder, 'another.machine');
    await expect(lockFolder(folder)).rejects.toThrow(`in use by process 999999999 on another.machine; `);
    await expect(lockFolder(folder)).rejects.toThrow(`delete ${foreign}`);
    expect(locksIn(folder)).toHaveLength(1);
  });

  test('that vanished or is a file: the first error is the one shown', async () => {
    const folder = newFolder('vanished');
    const work = async () => {
      const lock = await lockFolder(folder);
      try {
        rmSync(folder, { recursive: true });
        // The way of a folder that is no folder any more: removing a claim below it is an error of its own.
        writeFileSync(folder, 'a file');
        throw new Error('score: the first error');
      } finally {
        lock.release();
      }
    };
    await expect(work()).rejects.toThrow('score: the first error');
    await expect(lockFolder(folder)).rejects.toThrow(
      /^files: cannot write .*vanished: a folder it would lie in is a file/,
    );
  });

  const readOnly = `mount -t tmpfs none "$0" && mount -o remount,ro "$0"`;
  const mountable = spawnSync('unshare', ['-m', 'bash', '-c', readOnly, newFolder('probe')]).status === 0;
  if (!mountable) console.warn('lock.test.ts: nothing can be mounted here; a read-only folder is not tested');
  test.skipIf(!mountable)('that became read-only: the first error is the one shown', () => {
    const program = `require(process.argv[1]).lockFolder(process.argv[2]).then(async (lock) => {
      require('node:child_process').execFileSync('mount', ['-o', 'remount,ro', process.argv[2]]);
      try { throw new Error('the first error'); } finally { lock.release(); }
    }).catch((error) => console.log(error.message)).then(() => require(process.argv[1]).lockFolder(process.argv[2]))
      .catch((error) => console.log(error.message))`;
    const script = 'mount -t tmpfs none "$0" && exec "$@"';
    const folder = newFolder('read-only');
    const line = ['-m', 'bash', '-c', script, folder, process.execPath, '-e', program, LOCK, folder];
    const { stdout } = spawnSync('unshare', line, { encoding: 'utf8' });
    const [first, second] = stdout.split('\n');
    expect(first).toBe('the first error');
    expect(second).toMatch(/^files: may not write .*lock\.json \(EROFS\); make its folder writable/);
  });
});

test(`two processes at a stale lock, ${TRIES} tries: never two holders`, async () => {
  const marks = newFolder('marks');
  const script = join(__dirname, 'lock-contender.cjs');
  const contenders = ['a', 'b'].map((own, i) => fork(script, [LOCK, marks, own, ['b', 'a'][i]!]));
  try {
    await Promise.all(contenders.map(answer));
    const seen = { held: 0, twoHolders: 0 };
    for (let i = 0; i < TRIES; i++) {
      const folder = newFolder(`try-${i}`);
      staleClaim(folder);
      const at = Date.now() + 3;
      const said = await Promise.all(
        contenders.map((child) => {
          const heard = answer(child) as Promise<{ both?: boolean; failed?: string }>;
          child.send({ folder, at, holdMs: 2 });
          return heard;
        }),
      );
      for (const { both, failed } of said) {
        expect(failed).toBeUndefined();
        seen.held++;
        if (both) seen.twoHolders++;
      }
      expect(readdirSync(folder)).toEqual([]);
      rmSync(folder, { recursive: true });
    }
    expect(seen).toEqual({ held: 2 * TRIES, twoHolders: 0 });
    expect(existsSync(join(marks, 'a')) || existsSync(join(marks, 'b'))).toBe(false);
  } finally {
    for (const child of contenders) child.kill();
  }
});
