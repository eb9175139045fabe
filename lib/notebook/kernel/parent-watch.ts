import { Worker } from 'node:worker_threads';

/**
 * Ends this process when the one that started it is gone: a kernel whose Jupyter was killed would stay for ever. The
 * watch is a thread of its own, so that a cell that never yields does not keep it from looking.
 *
 * @param parent process id
 */
export function endWithParent(parent: number): void {
  const watch = `
    const { parent, own } = require('node:worker_threads').workerData;
    setInterval(() => {
      try { process.kill(parent, 0); } catch (error) {
        if (error.code === 'ESRCH') process.kill(own, 'SIGKILL');
      }
    }, 500);`;
  const thread = new Worker(watch, { eval: true, workerData: { parent, own: process.pid } });
  thread.unref();
}
