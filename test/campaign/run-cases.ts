import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { placePins } from './brought';
import type { Verdict } from './judge';
import { type Answer, type Case, READY, TARGETS } from './worker';

/** A case that computes longer hangs. The slowest good one takes a second or two. */
const HANG_MS = 30_000;
/** So long may one wait that computes nothing: on a busy machine its turn may come late. */
const PATIENCE_MS = 180_000;

export interface Finding extends Case, Answer {
  readonly name: string;
}

export interface Tally {
  readonly counts: Readonly<Record<string, Readonly<Partial<Record<Verdict, number>>>>>;
  /** Neither sane nor refused. */
  readonly findings: readonly Finding[];
}

/**
 * Judges `perTarget` cases of each target, in processes of their own: one that hangs is ended, one that aborts is noticed.
 *
 * @param only judges targets whose name contains it
 */
export async function runCases(
  { perTarget, seed, workers, only = '' }: { perTarget: number; seed: number; workers: number; only?: string },
  say: (line: string) => void = () => {},
): Promise<Tally> {
  placePins();
  const cases: Case[] = [];
  for (const [target, { name }] of TARGETS.entries()) {
    if (!name.includes(only)) continue;
    for (let i = 0; i < perTarget; i++) cases.push({ target, seed: seed + i });
  }
  const counts: Record<string, Partial<Record<Verdict, number>>> = {};
  const findings: Finding[] = [];
  let done = 0;
  const queue = cases.values();
  const work = async () => {
    let child = await startWorker();
    for (const one of queue) {
      const answer = await ask(child, one);
      if (answer.verdict === 'hang' || child.exitCode !== null || child.signalCode !== null) {
        child.kill('SIGKILL');
        child = await startWorker();
      }
      const { name } = TARGETS[one.target]!;
      counts[name] ??= {};
      counts[name][answer.verdict] = (counts[name][answer.verdict] ?? 0) + 1;
      if (answer.verdict !== 'sane' && answer.verdict !== 'refused') findings.push({ ...one, ...answer, name });
      if (++done % 500 === 0) say(`${done} of ${cases.length} cases, ${findings.length} findings`);
    }
    child.disconnect();
  };
  await Promise.all(Array.from({ length: workers }, work));
  return { counts, findings };
}

async function startWorker(): Promise<ChildProcess> {
  const child = fork(join(__dirname, 'worker.js'), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, MED42_THREADS: '1' },
  });
  const [said] = (await once(child, 'message')) as [unknown];
  if (said !== READY) throw new Error(`campaign: a worker began with ${JSON.stringify(said)}`);
  return child;
}

/** What a process has computed so far, in ms; of one that is gone 0. Source: proc(5), utime and stime, 100 a second. */
function computedMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0;
  }
}

function ask(child: ChildProcess, one: Case): Promise<Answer> {
  return new Promise((resolve) => {
    const end = (answer: Answer) => {
      clearInterval(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(answer);
    };
    const onMessage = (answer: unknown) => end(answer as Answer);
    const onExit = (code: number | null, signal: string | null) =>
      end({ what: '', verdict: 'crash', detail: `the process ended with ${signal ?? `status ${code}`}` });
    const began = { wall: performance.now(), computed: computedMs(child.pid!) };
    const timer = setInterval(() => {
      const waited = performance.now() - began.wall;
      const computed = computedMs(child.pid!) - began.computed;
      if (computed < HANG_MS && waited < PATIENCE_MS) return;
      end({ what: '', verdict: 'hang', detail: `no answer after ${computed} ms of computing, ${waited} ms in all` });
    }, 1000);
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(one);
  });
}
