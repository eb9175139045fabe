import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { StepRecord } from '../train/log';
import type { ModelJob } from './model-job';
import type { OpenProgress, Progress } from './progress';

/** What a model's process says. */
export type Message =
  | { readonly kind: 'say'; readonly label: string; readonly text: string }
  | {
      readonly kind: 'at';
      readonly label: string;
      readonly done: number;
      readonly total: number;
      readonly details: string;
    }
  | { readonly kind: 'record'; readonly label: string; readonly record: StepRecord }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string };

/** So often the caller, whose loop is free, looks whether the model's process was silent. */
const LOOK_MS = 1000;
/** A silence that a person would notice. */
const SILENT_MS = 3000;

/**
 * Makes one model in a process of its own: its memory is measured alone and given back whole, and the caller's event
 * loop stays free. Aborting stops it after the current update, with a checkpoint.
 *
 * @throws with the process's own message when it fails, when it ends without a word, and when it is aborted before it begins
 */
export async function runInProcess(job: ModelJob, openProgress: OpenProgress, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    throw new Error(`train: interrupted before ${job.plan.name} was begun; the same command carries on`);
  }
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, 'model-child.js'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const lines = new Map<string, Progress>();
    const progressOf = (label: string) => {
      const line = lines.get(label) ?? openProgress(label);
      lines.set(label, line);
      return line;
    };
    let current = job.label;
    let heard = performance.now();
    const looking = setInterval(() => {
      const silent = performance.now() - heard;
      if (silent > SILENT_MS) progressOf(current).waiting?.(silent / 1000);
    }, LOOK_MS);
    const hear = (label: string) => {
      heard = performance.now();
      if (label === current) return;
      lines.get(current)?.end?.();
      current = label;
    };
    const stop = () => child.connected && child.send({ abort: true });
    signal.addEventListener('abort', stop);
    let last: Extract<Message, { kind: 'done' | 'failed' }> | undefined;
    child.on('message', (message: Message) => {
      if ('label' in message) hear(message.label);
      if (message.kind === 'say') progressOf(message.label).say(message.text);
      else if (message.kind === 'at') progressOf(message.label).at(message.done, message.total, message.details);
      else if (message.kind === 'record') progressOf(message.label).record?.(message.record);
      else last = message;
    });
    child.on('error', reject);
    child.on('close', (code, killed) => {
      signal.removeEventListener('abort', stop);
      clearInterval(looking);
      for (const line of lines.values()) line.end?.();
      if (last?.kind === 'done') resolve();
      else if (last) reject(new Error(last.message));
      else {
        const how = killed ? `was ended by ${killed}` : `ended with status ${code}`;
        const hint = killed === 'SIGKILL' ? ' (out of memory?)' : '';
        reject(
          new Error(`reproduce: the process of ${job.plan.name} ${how}${hint}; the same command carries the run on`),
        );
      }
    });
    child.send({ job });
  });
}
