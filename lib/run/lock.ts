import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describeWriteError, makeFolder } from '../files';

/** A claim's name: "4711-1234567@host.lock.json"; the second number is the process's start, for ids are used again. */
const CLAIM = /^(\d+)-(\d+)@(.+)\.lock\.json$/;

/** Whether a file of a folder is a claim to it. */
export const isLock = (name: string): boolean => CLAIM.test(name);

interface Holder {
  readonly pid: number;
  readonly started: string;
  /** As encodeURIComponent writes it. */
  readonly host: string;
}

/** How long a process is waited for that lost its parent and is about to notice. */
const PATIENCE_MS = 15_000;
/** Two that claim at one moment see each other, both step back, and try again at different moments. */
const SETTLE_MS = 300;

/** Claims of this very process. */
const held = new Set<string>();
process.once('exit', () => {
  for (const file of held) removeQuietly(file);
});

/**
 * Takes a folder for this process alone until `release`, or until the process ends in whatever way.
 *
 * Each process writes a claim of its own name, and only then looks for others: of two, the later one to write sees the
 * other's. So two never hold a folder at once, and the claim of a process that is gone may be deleted by anybody, for no
 * other process ever has its name.
 *
 * @param patience waits for a holder that is about to end, ms
 * @throws naming the process that holds it, or the file that cannot be written
 */
export async function lockFolder(folder: string, patience: number = 0): Promise<{ readonly release: () => void }> {
  await makeFolder(folder);
  const own: Holder = { pid: process.pid, started: startOf(process.pid) ?? OWN_START, host: HOST };
  const file = join(folder, nameOf(own));
  const last = performance.now() + Math.max(patience, SETTLE_MS);
  for (;;) {
    let other = held.has(file) ? own : findOther(folder, own);
    if (!other) {
      try {
        writeFileSync(file, `${JSON.stringify({ pid: own.pid, host: hostname() })}\n`);
      } catch (error) {
        throw describeWriteError(file, error);
      }
      held.add(file);
      other = findOther(folder, own);
      if (!other) return { release: () => held.delete(file) && removeQuietly(file) };
      held.delete(file);
      removeQuietly(file);
    }
    if (performance.now() > last || other === own) throw inUse(folder, other);
    await new Promise((resume) => setTimeout(resume, 5 + 45 * Math.random()));
  }
}

/** As `lockFolder`, but waits a little for a process that outlived its killed parent by one update. */
export const lockFolderPatiently = (folder: string): ReturnType<typeof lockFolder> => lockFolder(folder, PATIENCE_MS);

const HOST = encodeURIComponent(hostname());
/** Where the system does not say when a process began; whole ms. */
const OWN_START = String(Math.round(performance.timeOrigin));

const nameOf = ({ pid, started, host }: Holder): string => `${pid}-${started}@${host}.lock.json`;

function inUse(folder: string, holder: Holder): Error {
  const { pid, host } = holder;
  return new Error(
    `results: ${folder} is in use by process ${pid} on ${decodeURIComponent(host)}; wait for it to end, choose another ` +
      `--out, or, if there is no such process, delete ${join(folder, nameOf(holder))}`,
  );
}

/** Another process that claims the folder; claims of processes that are gone are deleted. */
function findOther(folder: string, own: Holder): Holder | undefined {
  let other: Holder | undefined;
  for (const name of readdirSync(folder)) {
    const [, pid, started, host] = CLAIM.exec(name) ?? [];
    if (pid === undefined || name === nameOf(own)) continue;
    const holder: Holder = { pid: Number(pid), started: started!, host: host! };
    if (isAlive(holder)) other ??= holder;
    else removeQuietly(join(folder, name));
  }
  return other;
}

/** A process of another machine cannot be asked: it counts as alive. */
function isAlive({ pid, started, host }: Holder): boolean {
  if (host !== HOST) return true;
  if (pid === process.pid) return false;
  const start = startOf(pid);
  if (start !== undefined) return start === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in the kernel's ticks since its own start; undefined where there is no such process or no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // A program's name may hold spaces and brackets; the start is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/**
 * The claim of a folder that vanished or is read-only now cannot be removed, and need not be: whoever finds it sees that
 * its process is gone. Why the work ended is to be shown, not that.
 */
function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // As said above.
  }
}
