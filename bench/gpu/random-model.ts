import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sizeOf } from '../../lib/engine/tensors';
import type { ModelFolder, StoredWeight } from '../../lib/model/folder';
import { type LlamaConfig, weightShapes } from '../../lib/model/llama';
import { createRandom } from '../../lib/random';

/** Random numbers that a file repeats. */
const BLOCK = 2 ** 21;
/** Between the places where two weights begin. */
const APART = 64;

/**
 * A model with random weights in bf16, normal(0, 0.02) and norms of 1, for timing: its matrices lie one over the other in
 * a file as long as the largest, each a little further on, so that a model of billions is made in seconds.
 *
 * @returns also what removes the file
 */
export async function randomModel(config: LlamaConfig): Promise<{ model: ModelFolder; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'gpu-check-'));
  const file = join(folder, 'weights.bin');
  const shapes = Object.entries(weightShapes(config));
  const norms = config.hiddenSize;
  const largest = Math.max(...shapes.map(([, shape]) => sizeOf(shape)));
  await writeNumbers(file, norms, largest + APART * shapes.length);
  const weights: Record<string, StoredWeight> = {};
  for (const [i, [name, shape]] of shapes.entries()) {
    const at = shape.length === 1 ? 0 : norms + APART * i;
    const length = 2 * sizeOf(shape);
    weights[name] = { dtype: 'bfloat16', format: 'BF16', shape, file, offset: 2 * at, length };
  }
  return {
    model: { folder, config, rawConfig: {}, weights },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Ones, then normal numbers: the upper halves of their 32 bits. */
async function writeNumbers(file: string, ones: number, numbers: number): Promise<void> {
  const random = createRandom(1, 'gpu-check weights');
  const normal = Float32Array.from({ length: BLOCK }, () => 0.02 * random.normal());
  const upper = (values: Float32Array) => Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
  const block = upper(normal);
  const handle = await open(file, 'w');
  try {
    await handle.write(upper(new Float32Array(ones).fill(1)));
    for (let left = numbers; left > 0; left -= BLOCK) await handle.write(block.subarray(0, Math.min(left, BLOCK)));
  } finally {
    await handle.close();
  }
}
