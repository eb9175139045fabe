import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { BROUGHT_TARGETS } from './brought';
import { ENCODER_TARGETS } from './encoders';
import { FETCHED_TARGETS } from './fetched';
import { type Judged, judgeError, judgeResult } from './judge';
import { MODEL_TARGETS } from './models';
import { PREPARED_TARGETS } from './prepared';
import { RESULT_TARGETS } from './results';
import { ROW_TARGETS } from './rows';
import { SERVED_TARGETS } from './served';
import type { Target } from './target';

export const TARGETS: readonly Target[] = [
  ...ROW_TARGETS,
  ...RESULT_TARGETS,
  ...MODEL_TARGETS,
  ...BROUGHT_TARGETS,
  ...PREPARED_TARGETS,
  ...FETCHED_TARGETS,
  ...ENCODER_TARGETS,
  ...SERVED_TARGETS,
];

/** A case to judge: the same target and seed give the same case. */
export interface Case {
  readonly target: number;
  readonly seed: number;
}

export interface Answer extends Judged {
  readonly what: string;
}

/** What a worker says once it is loaded: that takes no time of its first case. */
export const READY = 'ready';

const PLACES = ['folder', 'FIFO', 'device', 'broken link'] as const;

/** A good folder of each target, and what it gives. */
interface Good {
  readonly folder: string;
  /** Of the file that is changed. */
  readonly path: string;
  readonly content: Buffer;
  readonly before: unknown;
}
const good = new Map<Target, Good>();
const work = mkdtempSync(join(tmpdir(), 'campaign-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));

async function goodOf(target: Target): Promise<Good> {
  const known = good.get(target);
  if (known) return known;
  const folder = join(work, String(good.size));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, (await target.prepare(folder)) ?? target.file);
  const content = readFileSync(path);
  const before = await target.run(folder);
  const wrong = target.wrong(before, before);
  if (wrong !== undefined) throw new Error(`campaign: the good ${target.name} is judged wrong: ${wrong}`);
  const made = { folder, path, content, before };
  good.set(target, made);
  return made;
}

/** Changes the target's file, reads the folder, and says what became of it. */
export async function judgeCase({ target: number, seed }: Case): Promise<Answer> {
  const target = TARGETS[number]!;
  const { folder, path, content, before } = await goodOf(target);
  rmSync(path, { recursive: true, force: true });
  // One case in fifty has something else in the file's place.
  const place = seed % 50 === 7 && !target.isAlwaysFile ? PLACES[Math.floor(seed / 50) % PLACES.length] : undefined;
  let what = `${place} in its place`;
  if (place === 'folder') mkdirSync(path);
  else if (place === 'FIFO') execFileSync('mkfifo', [path]);
  else if (place === 'device') symlinkSync('/dev/zero', path);
  else if (place === 'broken link') symlinkSync(join(folder, 'nowhere'), path);
  else {
    const mutated = target.mutate(content, seed);
    what = mutated.what;
    writeFileSync(path, mutated.bytes);
  }
  try {
    return { what, ...judgeResult(target.wrong(await target.run(folder), before)) };
  } catch (error) {
    return { what, ...judgeError(error, target.calledAs ?? basename(path)) };
  } finally {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, content);
  }
}

if (process.send) {
  process.on('message', async (one: Case) => {
    const answer = await judgeCase(one).catch((error: Error) => ({
      what: 'the case itself',
      verdict: 'crash' as const,
      detail: String(error.stack),
    }));
    process.send?.(answer);
  });
  process.on('disconnect', () => process.exit(0));
  process.send(READY);
}
