import { registerBlockwise } from './blockwise';
import { type Device, sessionOptions } from './device';
import { fromRoot } from './external-files';
import { registerElementwise } from './kernels';
import { registerIndexing } from './kernels-index';
import { registerProducts } from './kernels-product';
import { registerShapes } from './kernels-shape';
import { encodeModel, type OnnxType } from './onnx';
import { isOpen } from './open-size';
import { peakBytes } from './peak-bytes';
import { refuseOtherKernels } from './refusals';
import type * as ort from './runtime';
import { openSession, reshaped } from './session';
import { type DeviceState, hostToOrt, release, spareFor } from './state';
import { checkTensor, type FrozenWeight, type HostTensor, type HostTensors, type Specs } from './tensors';
import * as tf from './tf';
import { TRACE_BACKEND, trace } from './trace';

registerElementwise();
registerShapes();
registerIndexing();
registerProducts();
registerBlockwise();
refuseOtherKernels(TRACE_BACKEND);

export type Tensors = Readonly<Record<string, tf.Tensor>>;

/**
 * What a program computes, in tf.* ops and tfjs autodiff. It must be pure: same arguments, same result.
 * `state` in the result replaces the state tensors of those names.
 */
export type Step = (given: { readonly inputs: Tensors; readonly state: Tensors; readonly frozen: Tensors }) => {
  readonly outputs: Tensors;
  readonly state?: Tensors;
};

export interface ProgramSpec {
  readonly name: string;
  readonly inputs: Specs;
  readonly state: Specs;
  readonly frozen?: Readonly<Record<string, FrozenWeight>>;
  /** Sizes in the inputs' shapes that stand for lengths which each run chooses (`openSizes`); none in state or frozen. */
  readonly open?: readonly number[];
  /** Reads a frozen weight into the host: only the eager device `tfjs` needs it. */
  readonly readFrozen?: (weight: FrozenWeight) => Promise<HostTensor>;
}

export interface Program {
  readonly name: string;
  /** Nodes of the compiled graph; 0 when it runs eagerly. */
  readonly nodeCount: number;
  /** One run: reads and replaces `state`, returns the outputs on the host. */
  run(inputs: HostTensors, state: DeviceState): Promise<HostTensors>;
  dispose(): Promise<void>;
}

/**
 * Traces `step` once for the shapes of `spec` and compiles it for `device`.
 *
 *     step --trace--> ONNX graph --ONNX Runtime--> program.run(inputs, state)
 *
 * Frozen weights are read by ONNX Runtime from their own files.
 *
 * @throws at trace time, naming kernel and op, when an op has no lowering
 */
export async function compile(step: Step, spec: ProgramSpec, device: Device): Promise<Program> {
  return device.name === 'tfjs' ? eagerProgram(step, spec) : onnxProgram(step, spec, device);
}

/** What a program's run will hold at once beside its inputs, state and frozen weights, in bytes; nothing is compiled. */
export const workingBytes = (step: Step, spec: ProgramSpec, device: Pick<Device, 'target'>): number =>
  peakBytes(traceStep(step, spec, device).graph);

/** The graph of a step, and what it gives. */
function traceStep(step: Step, spec: ProgramSpec, device: Pick<Device, 'target'>) {
  const frozen = spec.frozen ?? {};
  const open = spec.open ?? [];
  const declared = [
    ...Object.entries(spec.inputs).map(([name, s]) => ({ name: `in.${name}`, type: s.dtype, shape: s.shape })),
    ...Object.entries(spec.state).map(([name, s]) => ({ name: `state.${name}`, type: s.dtype, shape: s.shape })),
    ...Object.entries(frozen).map(([name, w]) => ({
      name: `frozen.${name}`,
      type: w.dtype as OnnxType,
      shape: w.shape,
      file: { file: w.file, offset: w.offset, length: w.length },
    })),
  ];
  const pick = (tensors: Tensors, prefix: string, names: object): Tensors =>
    Object.fromEntries(Object.keys(names).map((name) => [name, tensors[prefix + name]!]));
  const updated = new Set<string>();
  const outputShapes: Record<string, readonly number[]> = {};
  const graph = trace(
    spec.name,
    declared,
    device.target,
    (tensors) => {
      const result = step({
        inputs: pick(tensors, 'in.', spec.inputs),
        state: pick(tensors, 'state.', spec.state),
        frozen: pick(tensors, 'frozen.', frozen),
      });
      const named: Record<string, tf.Tensor> = {};
      for (const [name, tensor] of Object.entries(result.outputs)) {
        named[`out.${name}`] = tensor;
        outputShapes[`out.${name}`] = tensor.shape;
      }
      for (const [name, tensor] of Object.entries(result.state ?? {})) {
        checkUpdate(spec, name, tensor);
        updated.add(name);
        named[`next.${name}`] = tensor;
      }
      return named;
    },
    open,
  );
  return { graph, updated, outputShapes };
}

async function onnxProgram(step: Step, spec: ProgramSpec, device: Device): Promise<Program> {
  const open = spec.open ?? [];
  const { graph: traced, updated, outputShapes } = traceStep(step, spec, device);
  const { graph, root } = fromRoot(traced);
  const gpuOutputs = [...updated].map((name) => `next.${name}`);
  const options = sessionOptions(device, gpuOutputs);
  if (root !== undefined) {
    const session = options.extra?.session as Readonly<Record<string, unknown>> | undefined;
    options.extra = { session: { ...session, model_external_initializers_file_folder_path: root } };
  }
  const session = await openSession(encodeModel(graph), options);
  const feedNames = new Set(session.inputNames);
  const outputs = Object.keys(outputShapes);
  /** The graph may declare an output in another shape of the same size. */
  const declaredShape = Object.fromEntries(graph.outputs.map((o) => [o.name, o.shape]));

  const run = async (inputs: HostTensors, state: DeviceState): Promise<HostTensors> => {
    const feeds: Record<string, ort.Tensor> = {};
    const fetches: Record<string, ort.Tensor | null> = Object.fromEntries(outputs.map((name) => [name, null]));
    for (const [name, expected] of Object.entries(spec.inputs)) {
      checkTensor(`engine: ${spec.name}: input`, name, expected, inputs[name], open);
      if (feedNames.has(`in.${name}`)) feeds[`in.${name}`] = hostToOrt(inputs[name]!);
    }
    checkState(spec, state);
    for (const name of Object.keys(spec.state)) {
      const slot = state.slots.get(name)!;
      if (feedNames.has(`state.${name}`)) feeds[`state.${name}`] = slot.current as ort.Tensor;
      if (updated.has(name))
        fetches[`next.${name}`] = device.name === 'webgpu' ? null : spareFor(slot, declaredShape[`next.${name}`]!);
    }
    const results = await session.run(feeds, fetches);
    for (const name of updated) {
      const slot = state.slots.get(name)!;
      const before = slot.current as ort.Tensor;
      if (device.name === 'webgpu') {
        slot.current = reshaped(results[`next.${name}`] as ort.Tensor, spec.state[name]!.shape);
        release(before);
      } else {
        // Written in place; what `run` returns beside it is a copy and is dropped.
        slot.current = reshaped(slot.spare!, spec.state[name]!.shape);
        slot.spare = before;
      }
    }
    return Object.fromEntries(
      outputs.map((name) => {
        const tensor = results[name] as ort.Tensor;
        const dtype = tensor.type === 'int32' ? ('int32' as const) : ('float32' as const);
        const shape = outputShapes[name]!.some((d) => isOpen(d, open)) ? tensor.dims : outputShapes[name]!;
        return [name.slice(4), { shape, dtype, data: tensor.data as Float32Array }];
      }),
    );
  };
  return { name: spec.name, nodeCount: graph.nodes.length, run, dispose: () => session.release() };
}

function checkState(spec: ProgramSpec, state: DeviceState): void {
  for (const [name, expected] of Object.entries(spec.state)) {
    if (!state.slots.has(name))
      throw new Error(`engine: ${spec.name} needs state "${name}", which the given state lacks`);
    const { dtype, shape } = state.specs[name]!;
    if (dtype !== expected.dtype || String(shape) !== String(expected.shape)) {
      throw new Error(
        `engine: ${spec.name} needs state "${name}" as ${expected.dtype} [${expected.shape}], the given one is ${dtype} [${shape}]`,
      );
    }
  }
}

/** A tensor that would replace a state tensor must be like it. */
function checkUpdate(spec: ProgramSpec, name: string, tensor: tf.Tensor): void {
  const { dtype, shape } = spec.state[name] ?? { dtype: 'none', shape: 'none' };
  if (dtype !== tensor.dtype || String(shape) !== String(tensor.shape)) {
    throw new Error(
      `engine: ${spec.name} replaces state "${name}", ${dtype} [${shape}], by ${tensor.dtype} [${tensor.shape}]`,
    );
  }
}

/** The same step on tfjs' current backend, op by op. */
async function eagerProgram(step: Step, spec: ProgramSpec): Promise<Program> {
  const frozen: Record<string, tf.Tensor> = {};
  for (const [name, weight] of Object.entries(spec.frozen ?? {})) {
    if (!spec.readFrozen) throw new Error(`engine: ${spec.name}: device tfjs needs readFrozen for frozen weights`);
    const host = await spec.readFrozen(weight);
    frozen[name] = tf.keep(tf.tensor(host.data, [...host.shape], host.dtype));
  }
  const run = async (inputs: HostTensors, state: DeviceState): Promise<HostTensors> => {
    const fed: Record<string, tf.Tensor> = {};
    for (const [name, expected] of Object.entries(spec.inputs)) {
      checkTensor(`engine: ${spec.name}: input`, name, expected, inputs[name], spec.open);
      fed[name] = tf.tensor(inputs[name]!.data, [...inputs[name]!.shape], expected.dtype);
    }
    checkState(spec, state);
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
      release(slot.current);
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
