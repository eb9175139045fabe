import { compile, type Step } from '../../lib/engine/compile';
import type { Device } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import { float32 } from '../../lib/engine/tensors';
import * as tf from '../../lib/engine/tf';
import { createRandom } from '../../lib/random';

/** What the card's matrix products reach: the rate that utilisation is stated against. */
export interface MatrixRate {
  readonly precision: 'bf16';
  /** Rows and columns of the square matrices. */
  readonly size: number;
  readonly flopsPerSecond: number;
}

/** Products in one program, so that starting it weighs nothing. */
const PRODUCTS = 20;
const RUNS = 5;

/** @param size of the matrices; on a GPU 8,192 */
export async function measureRate(device: Device, size: number): Promise<MatrixRate> {
  const [a, b] = ['a', 'b'].map((name) => {
    const random = createRandom(1, name);
    const block = Float32Array.from({ length: 2 ** 16 }, () => random.normal() / Math.sqrt(size));
    return float32(
      [size, size],
      Float32Array.from({ length: size * size }, (_, i) => block[(i * 7) % block.length]!),
    );
  }) as [ReturnType<typeof float32>, ReturnType<typeof float32>];
  const step: Step = ({ state }) => {
    let x = state.a!;
    for (let i = 0; i < PRODUCTS; i++) x = tf.matMul(x, state.b!);
    return { outputs: { sum: tf.sum(x) }, state: { a: x } };
  };
  const spec = { shape: [size, size], dtype: 'float32' } as const;
  const program = await compile(step, { name: 'rate', inputs: {}, state: { a: spec, b: spec } }, device);
  const state = await createState(device, { a, b });
  const seconds: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const began = performance.now();
    await program.run({}, state);
    if (run > 0) seconds.push((performance.now() - began) / 1000);
  }
  state.dispose();
  await program.dispose();
  return { precision: 'bf16', size, flopsPerSecond: (PRODUCTS * 2 * size ** 3) / Math.min(...seconds) };
}
