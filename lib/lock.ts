import { readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describeWriteError, isRunning, makeFolder } from './files';

/** The process that holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
}

export interface Lock {
  readonly release: () => void;
}

/** What a process writes beside the file that it locks: its name is no other process's, for ids are used again. */
interface Claim extends Holder {
  /** When the process began. */
  readonly started: string;
}

/** Two that claim at one moment see each other, both step back, and try again at different moments. */
const SETTLE_MS = 300;

/** Claims of this very process. */
const held = new Set<string>();
process.once('exit', () => {
  for (const file of held) removeQuietly(file);
});

/**
 * Takes a lock for this process alone until `release`, or until the process ends in whatever way.
 *
 * Each process writes a claim of its own name beside `file`, "4711-1234567@host.FILE", and only then looks for others: of
 * two, the later one to write sees the other's. So two never hold a lock at once. The claim of a process that is gone may
 * be deleted by anybody, for no other process ever has its name.
 *
 * @param file what the claims are named for; it is never written itself
 * @param patience waits for the holder, ms
 * @param busy the error for a holder that does not let go; `claim` is its file
 * @param onWait told once, where there is a wait
 * @throws naming the file that cannot be written
 */
export async function lockFile(
  file: string,
  patience: number,
  busy: (holder: Holder, claim: string) => Error,
  onWait?: (holder: Holder) => void,
): Promise<Lock> {
  const own: Claim = { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? OWN_START };
  const claim = pathOf(file, own);
  await makeFolder(dirname(file));
  const began = performance.now();
  for (let told = false; ; ) {
    let other = held.has(claim) ? own : findOther(file, own);
    if (!other) {
      try {
        writeFileSync(claim, `${JSON.stringify({ ...own, folder: realpathSync(dirname(file)) })}\n`);
      } catch (error) {
        throw describeWriteError(claim, error);
      }
      held.add(claim);
      other = findOther(file, own);
      if (!other) return { release: () => held.delete(claim) && removeQuietly(claim) };
      held.delete(claim);
      removeQuietly(claim);
    }
    if (performance.now() - began > Math.max(patience, SETTLE_MS)) throw busy(other, pathOf(file, other));
    if (!told && patience > 0) onWait?.(other);
    told = true;
    await new Promise((resume) => setTimeout(resume, 5 + 45 * Math.random()));
  }
}

/** What the locks of folders are named for. */
export const FOLDER_LOCK = 'lock.json';

/** Whether a file of a folder is a process's claim to that folder. */
export const isFolderLock = (name: string): boolean => claimOf(name, FOLDER_LOCK) !== undefined;

/** Where the system does not say when a process began: whole ms. */
const OWN_START = String(Math.round(performance.timeOrigin));

const pathOf = (file: string, { pid, started, host }: Claim): string =>
  join(dirname(file), `${pid}-${started}@${encodeURIComponent(host)}.${basename(file)}`);

function claimOf(name: string, of: string): Claim | undefined {
  if (!name.endsWith(`.${of}`)) return undefined;
  const [, pid, started, host] = /^(\d+)-(\d+)@(.+)$/.exec(name.slice(0, -of.length - 1)) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), started: started!, host: decodeURIComponent(host!) };
}

/** Another process that claims the file; claims of processes that are gone are deleted. */
function findOther(file: string, own: Claim): Claim | undefined {
  let other: Claim | undefined;
  const mine = pathOf(file, own);
  for (const name of readdirSync(dirname(file))) {
    const claim = claimOf(name, basename(file));
    if (!claim || pathOf(file, claim) === mine) continue;
    const path = join(dirname(file), name);
    if (isAlive(claim) && !isCopy(path)) other ??= claim;
    else removeQuietly(path);
  }
  return other;
}

/** A process of another machine cannot be asked: it counts as alive. */
function isAlive({ pid, started, host }: Claim): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false;
  const start = startOf(pid);
  if (start !== undefined) return start === started;
  return isRunning(pid);
}

/** Whether a claim came with a copy of its folder: the claim itself lies where the folder was. */
function isCopy(path: string): boolean {
  try {
    const { folder } = JSON.parse(readFileSync(path, 'utf8')) as { readonly folder: string };
    const file = (one: string) => {
      const { dev, ino } = statSync(one, { bigint: true });
      return `${dev}:${ino}`;
    };
    return file(join(folder, basename(path))) !== file(path);
  } catch {
    // Not yet written whole, or the folder was moved: it holds.
    return false;
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
