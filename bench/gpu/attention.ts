import { compile, type Step } from '../../lib/engine/compile';
import { valueAndGradients } from '../../lib/engine/gradient';
import { createState } from '../../lib/engine/state';
import { float32, type HostTensors, sizeOf } from '../../lib/engine/tensors';
import type { XlaOptions } from '../../lib/engine/xla/options';
import { causalAttention } from '../../lib/model/attention';
import { causalMask } from '../../lib/model/mask';
import { createRandom } from '../../lib/random';
import type { CheckDevice } from './device';

/** Causal attention and its gradients, in blocks and by cuDNN, beside the blocks in float32. */
export interface AttentionResult {
  readonly shape: typeof SHAPE;
  readonly blocks: AttentionTimes;
  readonly cudnn: AttentionTimes;
  readonly passes: boolean;
}

interface AttentionTimes {
  /** The shortest of `RUNS`, with what goes in and comes out. */
  readonly seconds: number;
  /** The largest difference from float32 of any of the four results, by that result's largest number. */
  readonly distance: number;
}

/** Llama-3 8B's, a chunk of 2,048. */
const SHAPE = { keyHeads: 8, groups: 4, length: 2048, width: 128 } as const;
const RUNS = 5;
/** Two kernels round to bf16 at places of their own: cuDNN's may be so many times as far off as the blocks. */
const ALLOWED = 3;

const step: Step = ({ inputs: { q, k, v, dy } }) => {
  const { value, gradients } = valueAndGradients(
    (given) => causalAttention(given.q!, given.k!, given.v!, causalMask(SHAPE.length)).mul(dy!).sum(),
    { q: q!, k: k!, v: v! },
  );
  return { outputs: { value: value.div(SHAPE.length), ...gradients } };
};

/** @param open the device anew, with these options */
export async function checkAttention(
  open: (options: Partial<XlaOptions>) => Promise<CheckDevice>,
  say: (line: string) => void,
): Promise<AttentionResult> {
  const { keyHeads, groups, length, width } = SHAPE;
  const keys = [1, keyHeads, length, width];
  const queries = [1, keyHeads, groups * length, width];
  const random = createRandom(1, 'attention');
  const numbers = (shape: readonly number[], scale = 1) =>
    float32(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => scale * random.normal()),
    );
  const inputs = { q: numbers(queries, width ** -0.5), k: numbers(keys), v: numbers(keys), dy: numbers(queries) };
  const run = async (options: Partial<XlaOptions>) => {
    const device = await open({ loops: true, ...options });
    const specs = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, dtype }]) => [name, { shape, dtype }] as const),
    );
    const program = await compile(step, { name: 'attention', inputs: specs, state: {} }, device);
    const state = await createState(device, {});
    const seconds: number[] = [];
    let outputs: HostTensors = {};
    for (let i = 0; i <= RUNS; i++) {
      const began = performance.now();
      outputs = await program.run(inputs, state);
      if (i > 0) seconds.push((performance.now() - began) / 1000);
    }
    await program.dispose();
    say(`attention, ${options.attention}, ${options.precision}: ${Math.min(...seconds).toFixed(4)} s`);
    return { outputs, seconds: Math.min(...seconds) };
  };
  // The one that may be refused is the first.
  const cudnn = await run({ attention: 'cudnn', precision: 'bf16' });
  const exact = await run({ attention: 'blocks', precision: 'float32' });
  const blocks = await run({ attention: 'blocks', precision: 'bf16' });
  const times = ({ outputs, seconds }: typeof blocks): AttentionTimes => ({
    seconds,
    distance: distance(outputs, exact.outputs),
  });
  const result = { shape: SHAPE, blocks: times(blocks), cudnn: times(cudnn) };
  return { ...result, passes: result.cudnn.distance <= ALLOWED * result.blocks.distance };
}

/** Infinite where a number is none. */
export function distance(outputs: HostTensors, exact: HostTensors): number {
  let worst = 0;
  for (const [name, { data }] of Object.entries(exact)) {
    const got = outputs[name]!.data;
    let [largest, apart] = [0, 0];
    for (const [i, wanted] of data.entries()) {
      const difference = Math.abs(got[i]! - wanted);
      largest = Math.max(largest, Math.abs(wanted));
      apart = Math.max(apart, Number.isNaN(difference) ? Infinity : difference);
    }
    worst = Math.max(worst, apart / largest);
  }
  return worst;
}
