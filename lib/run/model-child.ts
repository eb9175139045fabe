import { type ModelJob, runModelJob } from './model-job';
import type { Message } from './model-process';
import type { OpenProgress } from './progress';

/** The other end of `runInProcess`: a process that makes one model and goes. */

const abort = new AbortController();
// A terminal's Ctrl-C reaches parent and child; the parent says what it means.
process.on('SIGINT', () => {});
// The parent is gone: nobody waits for this model, and the next start may want the folder.
process.on('disconnect', () => process.exit(1));

const send = (message: Message): void => {
  process.send?.(message);
};
const progress: OpenProgress = (label) => ({
  say: (text) => send({ kind: 'say', label, text }),
  at: (done, total, details = '') => send({ kind: 'at', label, done, total, details }),
  record: (record) => send({ kind: 'record', label, record }),
});

process.on('message', (message: { readonly job?: ModelJob; readonly abort?: boolean }) => {
  if (message.abort) abort.abort();
  if (!message.job) return;
  runModelJob(message.job, progress, abort.signal)
    .then(
      (): Message => ({ kind: 'done' }),
      (error: unknown): Message => ({
        kind: 'failed',
        message: error instanceof Error ? error.message : String(error),
      }),
    )
    .then((last) => process.send?.(last, undefined, {}, () => process.disconnect()));
});
