import { compile, type Tensors } from '../../lib/engine/compile';
import type { Device } from '../../lib/engine/device';
import { createState } from '../../lib/engine/state';
import type { HostTensors, Specs } from '../../lib/engine/tensors';
import type * as tf from '../../lib/engine/tf';

/** Compiles a function of its inputs alone and runs it once. */
export async function runOnce(
  name: string,
  fn: (inputs: Tensors) => Readonly<Record<string, tf.Tensor>>,
  inputs: HostTensors,
  device: Device,
): Promise<HostTensors> {
  const program = await compile(
    ({ inputs: given }) => ({ outputs: fn(given) }),
    { name, inputs: specsOf(inputs), state: {} },
    device,
  );
  const state = await createState(device, {});
  try {
    return await program.run(inputs, state);
  } finally {
    await program.dispose();
  }
}

export const specsOf = (tensors: HostTensors): Specs =>
  Object.fromEntries(Object.entries(tensors).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
