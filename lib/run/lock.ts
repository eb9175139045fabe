import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../files';

/** The lock's name in its folder. */
export const LOCK = 'lock.json';

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** How long a process is waited for that lost its parent and is about to notice. */
const PATIENCE_MS = 15_000;

/** Locks of this very process: a process id alone may be a former process's. */
const held = new Set<string>();

/**
 * Takes a folder for this process alone until `release`, or until the process ends in whatever way: a lock whose holder
 * is gone is taken over.
 *
 * @param patience waits for a holder that is about to end, ms
 * @throws naming the process that holds it
 */
export async function lockFolder(folder: string, patience: number = 0): Promise<{ readonly release: () => void }> {
  const file = join(folder, LOCK);
  const own: Holder = { pid: process.pid, host: hostname() };
  await makeFolder(folder);
  for (let waited = 0; ; waited += 100) {
    try {
      // 'wx' fails where the file is there: of two that try at once, one gets it.
      writeFileSync(file, JSON.stringify(own), { flag: 'wx' });
      held.add(file);
      const release = () => {
        process.off('exit', release);
        if (held.delete(file)) rmSync(file, { force: true });
      };
      process.once('exit', release);
      return { release };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(file);
    if (holder === undefined || !isAlive(holder, file)) {
      rmSync(file, { force: true });
      continue;
    }
    if (waited >= patience) {
      throw new Error(
        `reproduce: ${folder} is in use by process ${holder.pid} on ${holder.host}; wait for it to end, choose another --out, ` +
          `or, if there is no such process, delete ${file}`,
      );
    }
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

/** As `lockFolder`, but waits a little for a process that outlived its killed parent by one update. */
export const lockFolderPatiently = (folder: string): ReturnType<typeof lockFolder> => lockFolder(folder, PATIENCE_MS);

function readHolder(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Holder;
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another machine cannot be asked: it counts as alive. */
function isAlive({ pid, host }: Holder, file: string): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(file);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
