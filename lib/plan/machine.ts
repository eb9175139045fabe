import { spawnSync } from 'node:child_process';
import { availableParallelism, totalmem } from 'node:os';
import { CARDS, type CardName, type Target } from './cards';

/** What this machine has to train on. */

/**
 * Its processors, and the memory that they share.
 *
 * @param name by which engine they are used: `cpu` is ONNX Runtime
 */
export function thisCpu(name: 'cpu' | 'xla:cpu' = 'cpu'): Target {
  const cores = availableParallelism();
  const title = `this machine's CPU (${cores} ${cores === 1 ? 'core' : 'cores'})`;
  return { name, card: { title, memoryBytes: totalmem() }, devices: 1 };
}

/**
 * NVIDIA's cards that its driver lists, else its CPU.
 *
 * @throws when its cards are not all alike: a training is shared evenly
 */
export function thisMachine(env: NodeJS.ProcessEnv = process.env): Target {
  const asked = spawnSync('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'], {
    env,
    encoding: 'utf8',
  });
  const cards =
    asked.status === 0
      ? asked.stdout
          .trim()
          .split('\n')
          .filter((line) => line !== '')
      : [];
  const [first] = cards;
  if (first === undefined) return thisCpu();
  if (cards.some((card) => card !== first)) {
    throw new Error(
      `plan: --target here: the cards are not alike (${[...new Set(cards)].join('; ')}, MiB); name one of them, as in ` +
        '--target h100',
    );
  }
  // "NVIDIA H100 80GB HBM3, 81559"
  const [title, mebibytes] = first.split(', ') as [string, string];
  const memoryBytes = Number(mebibytes) * 2 ** 20;
  const name = cardNamed(title, memoryBytes);
  const card = { title, memoryBytes, ...(name ? { bf16FlopsPerSecond: CARDS[name].bf16FlopsPerSecond } : {}) };
  return { name: name ?? 'card', card, devices: cards.length };
}

/** A PCIe card of the same name is slower than its data sheet here: only the ones for boards are in the list. */
function cardNamed(title: string, memoryBytes: number): CardName | undefined {
  if (/PCIe|NVL/i.test(title)) return undefined;
  const names = (Object.keys(CARDS) as CardName[]).filter((name) =>
    new RegExp(`\\b${name.split('-')[0]}\\b`, 'i').test(title),
  );
  return names.find((name) => Math.abs(memoryBytes / CARDS[name].memoryBytes - 1) < 0.15);
}
