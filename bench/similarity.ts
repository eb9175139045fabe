import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { nearestRows } from '../lib/decontaminate/neighbours';
import { openDevice } from '../lib/engine/device';
import { writeFileAtomic } from '../lib/files';
import { createRandom, type Random } from '../lib/random';

/**
 * The search of decontamination at the paper's size against the matrix product alone in BLAS:
 * npm run bench -- similarity [part] [rounds]
 *
 * 706,713 training vectors by 11,904 items of 384 dimensions; `part` 20 takes a twentieth of the rows. Vectors of
 * length 1 lie in a file and are read from it in each round, as they are in a run. Ours keeps the five nearest rows of
 * every item; the peers multiply blocks of 512 rows into one buffer and keep nothing. Rounds alternate.
 */
const ROOT = resolve(__dirname, '..', '..', '..');
const [ROWS, ITEMS, WIDTH, K] = [706_713, 11_904, 384, 5];

/**
 * Unit vectors around a thousand centres, so that cosines spread as those of texts do: of uniform ones none would ever
 * be near, and the search would be easier than it is.
 */
function writer(path: string, rows: number, random: Random, centres: Float32Array) {
  return writeFileAtomic(path, async (file) => {
    const block = new Float32Array(4096 * WIDTH);
    for (let start = 0; start < rows; start += 4096) {
      const n = Math.min(4096, rows - start);
      for (let i = 0; i < n; i++) {
        const centre = random.int(centres.length / WIDTH) * WIDTH;
        let sum = 0;
        for (let c = 0; c < WIDTH; c++) {
          // A sum of three uniform numbers is near enough to normal, and fast.
          const noise = random.next() + random.next() + random.next() - 1.5;
          const value = centres[centre + c]! + noise;
          block[i * WIDTH + c] = value;
          sum += value * value;
        }
        for (let c = 0; c < WIDTH; c++) block[i * WIDTH + c]! /= Math.sqrt(sum);
      }
      await file.writeFile(new Uint8Array(block.buffer, 0, n * WIDTH * 4));
    }
  });
}

function readFloats(file: number, start: number, into: Float32Array): void {
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  if (readSync(file, bytes, 0, bytes.length, start * WIDTH * 4) !== bytes.length)
    throw new Error('bench: file too short');
}

interface Measured {
  readonly name: string;
  readonly seconds: number[];
  peakMemoryBytes: number;
}

async function main(): Promise<void> {
  const part = Number(process.argv[2] ?? 1);
  const rounds = Number(process.argv[3] ?? 3);
  const rows = Math.floor(ROWS / part);
  const folder = await mkdtemp(join(tmpdir(), 'similarity-'));
  const [rowsFile, itemsFile] = [join(folder, 'rows.bin'), join(folder, 'items.bin')];
  try {
    const random = createRandom(2, 'similarity');
    const centres = Float32Array.from({ length: 1000 * WIDTH }, () => random.next() - 0.5);
    await writer(itemsFile, ITEMS, random, centres);
    await writer(rowsFile, rows, random, centres);
    console.log(`${rows} x ${ITEMS} x ${WIDTH}, ${cpus().length} x ${cpus()[0]?.model}`);

    const python = join(ROOT, '.venv-parity', 'bin', 'python');
    const peers = existsSync(python) ? ['numpy', 'torch'] : [];
    if (peers.length === 0) console.log('left out: numpy and torch, for .venv-parity is not there');
    const measured: Measured[] = ['workbook', ...peers].map((name) => ({ name, seconds: [], peakMemoryBytes: 0 }));
    for (let round = 0; round < rounds; round++) {
      for (const one of measured) {
        const { seconds, peakMemoryBytes } =
          one.name === 'workbook'
            ? await ours(itemsFile, rowsFile, rows)
            : (JSON.parse(
                execFileSync(
                  python,
                  [join(ROOT, 'bench', 'peers', 'similarity.py'), one.name, itemsFile, rowsFile, String(WIDTH)],
                  { encoding: 'utf8' },
                ),
              ) as { seconds: number; peakMemoryBytes: number });
        one.seconds.push(seconds);
        one.peakMemoryBytes = Math.max(one.peakMemoryBytes, peakMemoryBytes);
      }
      console.log(`round ${round + 1}/${rounds}: ${measured.map((m) => m.seconds.at(-1)!.toFixed(1)).join('  ')} s`);
    }
    const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
    const own = middle(measured[0]!.seconds);
    for (const { name, seconds, peakMemoryBytes } of measured) {
      const time = middle(seconds);
      const rate = (2 * rows * ITEMS * WIDTH) / time / 1e9;
      console.log(
        `${name.padEnd(10)} ${time.toFixed(1)} s  ${rate.toFixed(0)} GFLOP/s  ${(peakMemoryBytes / 1e9).toFixed(2)} GB` +
          (name === 'workbook' ? '' : `  ours takes ${(own / time).toFixed(2)} times as long`),
      );
    }
    const result = {
      rows,
      items: ITEMS,
      dimension: WIDTH,
      k: K,
      cpu: `${cpus().length} x ${cpus()[0]?.model}`,
      measured,
    };
    await writeFileAtomic(join(ROOT, 'results', 'bench', 'similarity.json'), `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function ours(itemsFile: string, rowsFile: string, rows: number) {
  const began = performance.now();
  const file = openSync(rowsFile, 'r');
  const items = new Float32Array(ITEMS * WIDTH);
  const itemsHandle = openSync(itemsFile, 'r');
  readFloats(itemsHandle, 0, items);
  closeSync(itemsHandle);
  const ids = Uint32Array.from({ length: rows }, (_, i) => i);
  const read = (start: number, into: Float32Array) => readFloats(file, start, into);
  await nearestRows(items, WIDTH, { ids, read }, K, await openDevice('cpu', 2));
  closeSync(file);
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  return { seconds: (performance.now() - began) / 1000, peakMemoryBytes };
}

void main();
