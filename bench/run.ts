import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Method } from '../lib/config';
import { writeFileAtomic } from '../lib/files';
import { writeWorkload } from './workload';

/**
 * The training step against PyTorch's and JAX's, alternating in one run: npm run bench -- [full|lora] [rounds] [float32]
 *
 * With MED42_XLA_PLUGIN=FILE, XLA's plug-in for the CPU, the same step is run by it too, and by JAX on the same plug-in
 * where bench/peers/make-jax-env.sh made its environment.
 *
 * `float32` leaves the bfloat16 peers out: where the processor has no bfloat16 products, a run with them had not ended
 * its first round after nine minutes.
 *
 * Every peer lives through the whole run; a round gives each three steps in turn, so that what else the machine does
 * weighs on all alike. What counts is the ratio of medians; where other work takes turns on the processors, that of their
 * own CPU seconds.
 */
const ROOT = resolve(__dirname, '..', '..', '..');
const STEPS = 3;

interface Peer {
  readonly name: string;
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: AsyncIterator<string>;
  readonly seconds: number[];
  readonly cpuSeconds: number[];
}

/** glibc keeps freed memory for the next step instead of asking the kernel for it anew: the peers' `--malloc keep`. */
const KEEP = { MALLOC_MMAP_THRESHOLD_: '4294967296', MALLOC_TRIM_THRESHOLD_: '17179869184' };

async function start(
  name: string,
  command: string,
  args: readonly string[],
  settings: NodeJS.ProcessEnv = {},
): Promise<Peer & { losses: number[] }> {
  const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...settings } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  if (typeof value !== 'string' || !value.startsWith('ready ')) throw new Error(`bench: ${name} did not start`);
  return { name, process: child, lines, seconds: [], cpuSeconds: [], losses: JSON.parse(value.slice(6)).losses };
}

const onPlugin = (file: string): NodeJS.ProcessEnv => ({
  JAX_PLATFORMS: 'med42',
  PJRT_NAMES_AND_LIBRARY_PATHS: `med42:${file}`,
});

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const method = (process.argv[2] ?? 'full') as Method;
  const rounds = Number(process.argv[3] ?? 6);
  const only = process.argv[4];
  if (only !== undefined && only !== 'float32')
    throw new Error(`bench: the third argument may be float32, got ${only}`);
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const { tokensFile } = await writeWorkload(folder);
  const same = ['--method', method, '--weights', join(folder, 'model.safetensors'), '--tokens', tokensFile];
  const step = join(ROOT, 'bench', 'peers', 'step.py');
  const modern = join(ROOT, '.venv-parity', 'bin', 'python');
  const debian = '/usr/bin/python3';
  const jax = join(ROOT, '.venv-jax', 'bin', 'python');
  const jaxStep = join(ROOT, 'bench', 'peers', 'jax_step.py');
  const plugin = process.env.MED42_XLA_PLUGIN;
  const workbook = [join(__dirname, 'peers', 'workbook.js'), method, folder];
  const known: readonly (readonly [string, string, readonly string[], NodeJS.ProcessEnv?])[] = [
    ['workbook', process.execPath, workbook, KEEP],
    ['workbook, stock malloc', process.execPath, workbook],
    ['PyTorch 2.13 float32, eager', modern, [step, ...same]],
    ['PyTorch 2.13 float32, compiled', modern, [step, ...same, '--compile']],
    ['PyTorch 2.13 bfloat16, eager', modern, [step, ...same, '--dtype', 'bfloat16']],
    ['PyTorch 2.13 bfloat16, compiled', modern, [step, ...same, '--dtype', 'bfloat16', '--compile']],
    ['PyTorch 1.13 float32 (Debian, OpenBLAS)', debian, [step, ...same]],
    ...(plugin === undefined
      ? []
      : ([
          ['workbook on XLA', process.execPath, [...workbook, 'xla:cpu'], KEEP],
          ['JAX 0.10.2 on the same plug-in', jax, [jaxStep, ...same], { ...KEEP, ...onPlugin(plugin) }],
        ] as const)),
  ];
  const peers: Peer[] = [];
  for (const [name, command, args, settings] of known) {
    if (only && name.includes('bfloat16')) continue;
    const library = command === jax ? 'jax' : 'torch';
    const isPython = command !== process.execPath;
    if (isPython && spawnSync(command, ['-c', `import ${library}`], { stdio: 'ignore' }).status !== 0) {
      console.log(`left out: ${name}, for ${command} has no ${library}`);
      continue;
    }
    const peer = await start(name, command, args, settings);
    console.log(`${name}: first losses ${peer.losses.map((l) => l.toFixed(4)).join(' ')}`);
    peers.push(peer);
  }
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      peer.process.stdin.write(`step ${STEPS}\n`);
      const { value } = await peer.lines.next();
      const answer = JSON.parse(value as string) as { seconds: number[]; cpuSeconds: number[] };
      peer.seconds.push(...answer.seconds);
      peer.cpuSeconds.push(...answer.cpuSeconds);
    }
    console.log(`round ${round + 1}/${rounds}: ${peers.map((p) => median(p.seconds).toFixed(3)).join('  ')}`);
  }
  for (const peer of peers) peer.process.stdin.end('quit\n');
  await rm(folder, { recursive: true });

  const ours = median(peers[0]!.seconds);
  const rows = peers.map((p) => ({
    peer: p.name,
    fastest: Math.min(...p.seconds),
    median: median(p.seconds),
    ratio: median(p.seconds) / ours,
    cpuSeconds: median(p.cpuSeconds),
  }));
  console.log(`\n${method}, ${rounds * STEPS} steps each, ${cpus().length} x ${cpus()[0]?.model}`);
  for (const r of rows) {
    console.log(
      `${r.peer.padEnd(42)} ${r.fastest.toFixed(3)} ${r.median.toFixed(3)} s   ${r.ratio.toFixed(2)} times ours; ${r.cpuSeconds.toFixed(3)} s of CPU`,
    );
  }
  await writeFileAtomic(join(ROOT, 'results', 'bench', `step-${method}.json`), `${JSON.stringify(rows, null, 2)}\n`);
}

void main();
