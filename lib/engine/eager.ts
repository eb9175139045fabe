import {
  checkInputs,
  checkState,
  checkUpdate,
  type Program,
  type ProgramSpec,
  type Runtime,
  type Step,
  type Tensors,
} from './program';
import type { DeviceState } from './state';
import type { HostTensor, HostTensors } from './tensors';
import * as tf from './tf';

/** tfjs' current backend, op by op: slow, and the reference for the others. */
export const eagerRuntime: Runtime = {
  compile: eagerProgram,
  workingBytes: () => {
    throw new Error('engine: what a step holds at once is not known before it runs on device tfjs');
  },
  upload: async (tensor) => tf.keep(tf.tensor(tensor.data.slice(), [...tensor.shape], tensor.dtype)),
  download: async (held) => (await (held as tf.Tensor).data()).slice() as Float32Array | Int32Array,
  release: (held) => (held as tf.Tensor).dispose(),
};

async function eagerProgram(step: Step, spec: ProgramSpec): Promise<Program> {
  const frozen: Record<string, tf.Tensor> = {};
  for (const [name, weight] of Object.entries(spec.frozen ?? {})) {
    if (!spec.readFrozen) throw new Error(`engine: ${spec.name}: device tfjs needs readFrozen for frozen weights`);
    const host = await spec.readFrozen(weight);
    frozen[name] = tf.keep(tf.tensor(host.data, [...host.shape], host.dtype));
  }
  const run = async (inputs: HostTensors, state: DeviceState): Promise<HostTensors> => {
    checkInputs(spec, inputs);
    checkState(spec, state);
    const fed = Object.fromEntries(
      Object.entries(spec.inputs).map(([name, { dtype }]) => [
        name,
        tf.tensor(inputs[name]!.data, [...inputs[name]!.shape], dtype),
      ]),
    );
    const held = Object.fromEntries(
      Object.keys(spec.state).map((name) => [name, state.slots.get(name)!.current as tf.Tensor]),
    );
    const result = tf.tidy(() => {
      const { outputs, state: next = {} } = step({ inputs: fed, state: held, frozen });
      for (const [name, tensor] of Object.entries(next)) checkUpdate(spec, name, tensor);
      // A state tensor may be handed through unchanged: clone, so that replacing disposes the old one safely.
      return { outputs, next: Object.fromEntries(Object.entries(next).map(([n, t]) => [n, t.clone()])) } as never;
    }) as unknown as { outputs: Tensors; next: Tensors };
    for (const [name, tensor] of Object.entries(result.next)) {
      const slot = state.slots.get(name)!;
      eagerRuntime.release(slot.current);
      slot.current = tf.keep(tensor);
    }
    const host: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(result.outputs)) {
      const data = (await tensor.data()) as Float32Array | Int32Array;
      host[name] = { shape: tensor.shape, dtype: tensor.dtype === 'int32' ? 'int32' : 'float32', data };
      tensor.dispose();
    }
    tf.dispose(fed);
    return host;
  };
  return { name: spec.name, nodeCount: 0, run, dispose: async () => tf.dispose(frozen) };
}
