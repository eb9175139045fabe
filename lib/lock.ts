import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { makeFolder } from './files';

/** The process that holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
}

export interface Lock {
  readonly release: () => void;
}

/** Locks of this very process: a process id alone may be a former process's. */
const held = new Set<string>();

/**
 * Takes a lock file for this process alone until `release`, or until the process ends in whatever way: a lock whose
 * holder is gone is taken over.
 *
 * @param patience waits for the holder, ms
 * @param busy the error for a holder that does not let go
 * @param onWait told once, where there is a wait
 */
export async function lockFile(
  file: string,
  patience: number,
  busy: (holder: Holder) => Error,
  onWait?: (holder: Holder) => void,
): Promise<Lock> {
  const own: Holder = { pid: process.pid, host: hostname() };
  await makeFolder(dirname(file));
  for (let waited = 0; ; waited += 100) {
    try {
      // 'wx' fails where the file is there: of two that try at once, one gets it.
      writeFileSync(file, JSON.stringify(own), { flag: 'wx' });
      held.add(file);
      const release = () => {
        process.removeListener('exit', release);
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
    if (waited >= patience) throw busy(holder);
    if (waited === 0) onWait?.(holder);
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

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
