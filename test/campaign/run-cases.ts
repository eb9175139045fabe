import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Verdict } from './judge';
import { type Answer, type Case, READY, TARGETS } from './worker';

/** A case that takes longer hangs. The slowest good one takes a second or two. */
const HANG_MS = 30_000;

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

function ask(child: ChildProcess, one: Case): Promise<Answer> {
  return new Promise((resolve) => {
    const end = (answer: Answer) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(answer);
    };
    const onMessage = (answer: unknown) => end(answer as Answer);
    const onExit = (code: number | null, signal: string | null) =>
      end({ what: '', verdict: 'crash', detail: `the process ended with ${signal ?? `status ${code}`}` });
    const timer = setTimeout(
      () => end({ what: '', verdict: 'hang', detail: `no answer within ${HANG_MS} ms` }),
      HANG_MS,
    );
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(one);
  });
}
