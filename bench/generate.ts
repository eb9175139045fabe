import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../lib/files';

/**
 * Greedy generation against transformers' `generate`: npm run bench -- generate [model folder] [rounds] [tokens] [threads]
 *
 * Each round starts every peer's process anew, one after the other: what counts is the whole command, from its start to
 * its end, and beside it the generation alone, a token. All generate the same number of tokens, whatever they are.
 */
const ROOT = resolve(__dirname, '..', '..', '..');
const PROMPT = 'The heart pumps blood through';

interface Told {
  readonly versions: Readonly<Record<string, string>>;
  /** Seconds until the first token could be asked for. */
  readonly ready: number;
  /** Seconds of the generation. */
  readonly speaking: number;
  /** Seconds of the processor, of all threads. */
  readonly cpu: number;
  readonly ids: readonly number[];
}

interface Round extends Told {
  /** Seconds from the process's start to its end. */
  readonly whole: number;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function once(command: string, args: readonly string[]): Promise<Round> {
  const began = performance.now();
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (part: Buffer) => {
    text += part;
  });
  const status = await new Promise((done) => child.once('close', done));
  if (status !== 0) throw new Error(`bench: ${command} ${args.join(' ')} ended with status ${status}; run it alone`);
  return { ...JSON.parse(text), whole: (performance.now() - began) / 1000 };
}

async function main(): Promise<void> {
  const folder = resolve(process.env.INIT_CWD ?? '.', process.argv[2] ?? join(ROOT, 'data', 'miniature', 'base'));
  const [rounds, tokens, threads] = [3, 100, cpus().length].map((fallback, i) =>
    Number(process.argv[3 + i] ?? fallback),
  ) as [number, number, number];
  const python = join(ROOT, '.venv-parity', 'bin', 'python');
  const script = join(ROOT, 'bench', 'peers', 'generate.py');
  const peers = [
    { name: 'workbook', command: process.execPath, script: join(__dirname, 'peers', 'generate.js'), dtype: 'float32' },
    { name: 'transformers, float32', command: python, script, dtype: 'float32' },
    { name: 'transformers, bfloat16', command: python, script, dtype: 'bfloat16' },
  ].map((peer) => ({ ...peer, rounds: [] as Round[] }));
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      const args = [peer.script, folder, peer.dtype, String(tokens), String(threads), PROMPT];
      peer.rounds.push(await once(peer.command, args));
    }
    console.log(`round ${round + 1}/${rounds}: ${peers.map((p) => p.rounds.at(-1)!.whole.toFixed(2)).join('  ')}`);
  }
  const of = (peer: (typeof peers)[number], field: 'whole' | 'ready' | 'speaking' | 'cpu') =>
    median(peer.rounds.map((round) => round[field]));
  const ours = peers[0]!;
  const first = ours.rounds[0]!.ids;
  const rows = peers.map((peer) => {
    const differs = peer.rounds[0]!.ids.findIndex((id, i) => id !== first[i]);
    return {
      peer: peer.name,
      versions: peer.rounds[0]!.versions,
      whole: of(peer, 'whole'),
      perToken: of(peer, 'speaking') / tokens,
      cpu: of(peer, 'cpu'),
      wholeRatio: of(peer, 'whole') / of(ours, 'whole'),
      tokenRatio: of(peer, 'speaking') / of(ours, 'speaking'),
      sameTokens: differs < 0 ? tokens : differs,
    };
  });
  console.log(`\n${folder}: ${tokens} tokens, ${rounds} rounds, ${threads} threads, ${cpus()[0]?.model}`);
  for (const r of rows) {
    console.log(
      `${r.peer.padEnd(24)} whole ${r.whole.toFixed(2)} s, ${r.wholeRatio.toFixed(2)} times ours; ` +
        `a token ${(1000 * r.perToken).toFixed(1)} ms, ${r.tokenRatio.toFixed(2)} times ours; ` +
        `processor ${r.cpu.toFixed(1)} s; first ${r.sameTokens} tokens as ours`,
    );
  }
  await writeFileAtomic(join(ROOT, 'results', 'bench', 'generate.json'), `${JSON.stringify(rows, null, 2)}\n`);
}

void main();
