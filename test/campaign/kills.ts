import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveAdapterFolder } from '../../lib/model/adapter-folder';
import { openModelFolder } from '../../lib/model/folder';
import { createRandom } from '../../lib/random';
import { LORA_TARGETS, loraOf } from './lora';
import { DATA, ROOT } from './target';

/*
 * Commands that write, killed at any moment and started again: in the end the files of a run that was never killed, and no
 * other file.
 */

export interface Killed {
  readonly command: string;
  readonly threads: number;
  readonly kills: number;
  /** Ends whose files differ from those of a run that was not killed. */
  readonly differ: number;
  /** Files that such a run has not. */
  readonly stray: readonly string[];
  readonly differing: readonly string[];
}

/** Its arguments, but for --out. */
const COMMANDS: Readonly<Record<string, (adapter: string) => readonly string[]>> = {
  reproduce: () => ['--preset', 'smoke', '--limit', '2'],
  train: () => ['--preset', 'smoke'],
  score: (adapter) => ['--adapter', adapter, '--limit', '2', '--tasks', 'medqa_4options,headqa_en'],
  decontaminate: () => ['--tf-idf'],
  export: () => ['--run', join(ROOT, 'results', 'recorded', 'miniature')],
  merge: (adapter) => ['--adapter', adapter],
  packing: () => ['--preset', 'smoke'],
};

/** Kills before each end. */
const IN_A_ROW = 3;

/**
 * @param kills in all, over the commands on one and on two threads
 * @param only kills commands whose name contains it
 */
export async function runKills(
  { kills, seed, only }: { readonly kills: number; readonly seed: number; readonly only: string },
  say: (line: string) => void,
): Promise<Killed[]> {
  const names = Object.keys(COMMANDS).filter((name) => name.includes(only));
  const threadCounts = kills > IN_A_ROW ? [1, 2] : [1];
  const each = Math.ceil(kills / IN_A_ROW / names.length / threadCounts.length);
  if (kills === 0 || names.length === 0) return [];
  const work = mkdtempSync(join(tmpdir(), 'kills-'));
  try {
    const adapter = join(work, 'adapter');
    const base = await openModelFolder(join(DATA, 'base'));
    await saveAdapterFolder(adapter, LORA_TARGETS, base.folder, loraOf(base.config), {
      title: 'A LoRA adapter',
      details: '',
    });
    const done: Killed[] = [];
    for (const name of names) {
      for (const threads of threadCounts) {
        const args = [name, ...COMMANDS[name]!(adapter)];
        done.push(await killOne(name, args, threads, each, seed, work));
        const { kills: count, differ, stray } = done.at(-1)!;
        say(`${name}, ${threads} threads: ${count} kills, ${differ} differ, ${stray.length} stray files`);
      }
    }
    return done;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function killOne(
  name: string,
  args: string[],
  threads: number,
  ends: number,
  seed: number,
  work: string,
): Promise<Killed> {
  const random = createRandom(seed, `${name} ${threads}`);
  const whole = async (folder: string) => {
    const began = performance.now();
    const code = await start([...args, '--out', folder], threads);
    if (code !== 0) throw new Error(`campaign: ${args.join(' ')} ended with ${code}`);
    return performance.now() - began;
  };
  const [one, two] = ['one', 'two'].map((end) => join(work, `${name}-${threads}-${end}`)) as [string, string];
  const took = Math.min(await whole(one), await whole(two));
  const [first, second] = [contentOf(one), contentOf(two)];
  // Times and memory stand in some files: what differs between two runs that nobody killed is not compared.
  const compared = Object.keys(first).filter((file) => first[file] === second[file]);
  let kills = 0;
  let differ = 0;
  const stray = new Set<string>();
  const differing = new Set<string>();
  for (let end = 0; end < ends; end++) {
    const out = join(work, `${name}-${threads}-${end}`);
    for (let i = 0; i < IN_A_ROW; i++) {
      if ((await start([...args, '--out', out], threads, took * random.next())) === null) kills++;
    }
    await whole(out);
    const found = contentOf(out);
    const wrong = compared.filter((file) => found[file] !== first[file]);
    if (wrong.length > 0) differ++;
    for (const file of wrong) differing.add(file);
    for (const file of Object.keys(found)) if (!(file in first)) stray.add(file);
    rmSync(out, { recursive: true });
  }
  for (const folder of [one, two]) rmSync(folder, { recursive: true });
  return { command: name, threads, kills, differ, stray: [...stray], differing: [...differing] };
}

/** @returns the exit status, or null when it was killed */
function start(args: readonly string[], threads: number, killAfter?: number): Promise<number | null> {
  const env: NodeJS.ProcessEnv = { ...process.env, MED42_THREADS: String(threads) };
  delete env.INIT_CWD;
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'cli', 'med42.js'), ...args], { env, stdio: 'ignore' });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

const CLOCK = /"(?:seconds|peakMemoryBytes|date|total_evaluation_time_seconds|start_time|end_time)":\s*"?[\d.e+-]+"?/g;

/** A hash of each file below a folder, by its path, without dates and times. */
function contentOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    let name = path.slice(folder.length + 1).replace(/\d{4}-\d\d-\d\dT[\d.-]+\d/, 'DATE');
    // A second file of one name apart from its date is one too many.
    while (name in found) name += ' again';
    const text = readFileSync(path, 'latin1');
    const plain = /\.jsonl?$/.test(entry.name) ? text.replace(CLOCK, '') : text;
    found[name] = createHash('sha256').update(plain.replaceAll(folder, '')).digest('hex');
  }
  return found;
}
