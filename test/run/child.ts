import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');
export const CLI = join(ROOT, 'dist', 'cli', 'med42.js');
export const MINIATURE = join(ROOT, 'data', 'miniature');

export interface Ended {
  /** Exit status; null when a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Watched {
  /** Asked every few milliseconds; the signal is sent when it first says yes. */
  readonly when: () => boolean;
  readonly signal: NodeJS.Signals;
}

/**
 * The command line as a person starts it, in a process of its own: dist/cli/med42.js, which `npm test` builds.
 *
 * @param shell a line of bash to run before, in the same process (`ulimit`)
 * @param threads with one, the smoke preset's models are made one after another
 */
export async function reproduceCli(
  args: readonly string[],
  watched?: Watched,
  shell?: string,
  threads = 1,
): Promise<Ended> {
  const env: NodeJS.ProcessEnv = { ...process.env, MED42_THREADS: String(threads) };
  delete env.INIT_CWD;
  const line = [process.execPath, CLI, 'reproduce', ...args];
  const child =
    shell === undefined
      ? spawn(line[0]!, line.slice(1), { env })
      : spawn('bash', ['-c', `${shell}; exec "$@"`, 'bash', ...line], { env });
  const timer = watched && setInterval(() => watched.when() && stop(child, watched.signal, () => timer), 2);
  const read = (stream: NodeJS.ReadableStream) => {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (piece: string) => {
      text += piece;
    });
    return () => text;
  };
  const [stdout, stderr] = [read(child.stdout), read(child.stderr)];
  const code = await new Promise<number | null>((done, failed) => {
    child.on('error', failed);
    child.on('close', done);
  });
  clearInterval(timer);
  return { code, stdout: stdout(), stderr: stderr() };
}

function stop(child: ChildProcess, signal: NodeJS.Signals, timer: () => NodeJS.Timeout | undefined): void {
  clearInterval(timer());
  child.kill(signal);
}

/** Whole lines of a file that may not be there yet. */
export function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

/** Every file below a folder, by its path inside. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
