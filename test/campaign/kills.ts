import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRandom } from '../../lib/random';
import { COMMANDS, type Command, type Given, makeGiven } from './commands';
import { ROOT } from './target';

/*
 * Commands that write, killed at any moment and started again: in the end the files of a run that was never killed, and no
 * other file. Of every two kills one takes the command's own process, the other those that it started too.
 */

export interface Killed {
  readonly command: string;
  readonly threads: number;
  readonly kills: number;
  /** Ends whose files differ from those of a run that was not killed, or that failed. */
  readonly differ: number;
  /** Files that such a run has not. */
  readonly stray: readonly string[];
  readonly differing: readonly string[];
  /** Files whose content differs between two runs that nobody killed. */
  readonly notCompared: readonly string[];
}

/** Kills before each end. */
const IN_A_ROW = 3;
/** A start that takes longer hangs. */
const HANG_MS = 600_000;

/**
 * @param kills in all, over the commands on one and on two threads
 * @param only kills commands whose name contains it
 */
export async function runKills(
  { kills, seed, only }: { readonly kills: number; readonly seed: number; readonly only: string },
  say: (line: string) => void,
): Promise<Killed[]> {
  const wanted = Object.entries(COMMANDS)
    .filter(([name]) => name.includes(only))
    .flatMap(([name, command]) =>
      (kills > IN_A_ROW ? (command.threads ?? [1]) : [1]).map((threads) => ({ name, command, threads })),
    );
  const each = Math.ceil(kills / IN_A_ROW / wanted.length);
  if (kills === 0 || wanted.length === 0) return [];
  const given = await makeGiven();
  try {
    const done: Killed[] = [];
    for (const { name, command, threads } of wanted) {
      done.push(await killOne(name, command, threads, each, seed, given));
      const { kills: count, differ, stray, differing, notCompared } = done.at(-1)!;
      say(`${name}, ${threads} threads: ${count} kills, ${differ} differ, ${stray.length} stray files`);
      for (const file of [...differing, ...stray]) say(`  ${file}`);
      if (notCompared.length > 0) say(`  not compared: ${notCompared.join(', ')}`);
    }
    return done;
  } finally {
    await given.close();
  }
}

async function killOne(
  name: string,
  command: Command,
  threads: number,
  ends: number,
  seed: number,
  given: Given,
): Promise<Killed> {
  const random = createRandom(seed, `${name} ${threads}`);
  const folder = (end: string | number) => join(given.work, `${name.replaceAll(' ', '-')}-${threads}-${end}`);
  const prepare = (out: string) => {
    mkdirSync(out, { recursive: true });
    command.prepare?.(given, out);
  };
  const [one, two] = [folder('one'), folder('two')];
  const took: number[] = [];
  for (const out of [one, two]) {
    prepare(out);
    const began = performance.now();
    const { code, said } = await start(command, given, out, threads);
    if (code !== 0) throw new Error(`campaign: ${name} ended with ${code}: ${said}`);
    took.push(performance.now() - began);
  }
  const [first, second] = [contentOf(one), contentOf(two)];
  const compared = Object.keys(first).filter((file) => first[file] === second[file]);
  let kills = 0;
  let differ = 0;
  const stray = new Set<string>();
  const differing = new Set<string>();
  for (let end = 0; end < ends; end++) {
    const out = folder(end);
    const wrong: string[] = [];
    prepare(out);
    for (let i = 0; i < IN_A_ROW; i++) {
      const kill = { after: Math.min(...took) * random.next(), all: random.next() < 0.5 };
      const { code, said } = await start(command, given, out, threads, kill);
      if (code === null) kills++;
      else if (command.isOnce) break;
      else if (code !== 0) wrong.push(`started again it ended with ${code}: ${said}`);
    }
    const { code, said } = await start(command, given, out, threads);
    const found = contentOf(out);
    const others = compared.filter((file) => found[file] !== first[file]);
    for (const file of others) keep(name, file, one, out);
    wrong.push(...others);
    if (code !== 0 && (!command.isOnce || wrong.length > 0)) {
      wrong.push(`started again it ended with ${code}: ${said}`);
    }
    if (wrong.length > 0) differ++;
    for (const fault of wrong) differing.add(fault);
    for (const file of Object.keys(found)) if (!(file in first)) stray.add(file);
    rmSync(out, { recursive: true });
  }
  for (const out of [one, two]) rmSync(out, { recursive: true });
  const notCompared = Object.keys(first).filter((file) => !compared.includes(file));
  return { command: name, threads, kills, differ, stray: [...stray], differing: [...differing], notCompared };
}

/** What differs is kept beside the table, as a run that was never killed wrote it and as this one did. */
function keep(command: string, file: string, good: string, other: string): void {
  const to = join(ROOT, 'results', 'campaign', command.replaceAll(' ', '-'), file);
  mkdirSync(dirname(to), { recursive: true });
  for (const [folder, end] of [
    [good, 'good'],
    [other, 'other'],
  ] as const) {
    const from = join(folder, file);
    if (lstatSync(from, { throwIfNoEntry: false })) cpSync(from, `${to}.${end}`);
  }
}

interface Kill {
  /** ms */
  readonly after: number;
  /** Also the processes that it started. */
  readonly all: boolean;
}

/** @returns the exit status, null when it was killed, and the end of what it said */
function start(
  command: Command,
  given: Given,
  out: string,
  threads: number,
  kill?: Kill,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const { INIT_CWD: _, ...env } = process.env;
  const program = join(command.isCopied ? given.copy : ROOT, 'dist', 'cli', 'med42.js');
  const child = spawn(process.execPath, [program, ...command.args(given, out)], {
    env: {
      ...env,
      MED42_THREADS: String(threads),
      XDG_CACHE_HOME: env.XDG_CACHE_HOME ?? join(ROOT, '.cache'),
      ...command.env?.(given, out),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (piece) => {
    said = (said + piece).slice(-500);
  });
  let isHung = false;
  const end = () => {
    if (kill === undefined) isHung = true;
    if (kill?.all === false) child.kill('SIGKILL');
    else process.kill(-child.pid!, 'SIGKILL');
  };
  const timer = setTimeout(end, kill?.after ?? HANG_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // Not 'close': what it started holds its pipes for as long as it goes on.
    child.on('exit', (code) => {
      clearTimeout(timer);
      if (isHung) reject(new Error(`campaign: ${command.args(given, out).join(' ')} took longer than ${HANG_MS} ms`));
      resolve({ code, said });
    });
  });
}

const CLOCK = /"(?:seconds|peakMemoryBytes|date|total_evaluation_time_seconds|start_time|end_time)":\s*"?[\d.e+-]+"?/g;

/** A hash of each file below a folder, by its path, without dates and times; of a link where it leads. */
function contentOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    let name = path.slice(folder.length + 1).replace(/\d{4}-\d\d-\d\dT[\d.-]+\d/, 'DATE');
    // A second file of one name apart from its date is one too many.
    while (name in found) name += ' again';
    const text = entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'latin1');
    const plain = /\.jsonl?$/.test(entry.name) ? text.replace(CLOCK, '') : text;
    found[name] = createHash('sha256').update(plain.replaceAll(folder, '')).digest('hex');
  }
  return found;
}
