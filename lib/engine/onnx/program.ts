import { isOpen } from '../open-size';
import { checkInputs, checkState, type Program, type ProgramSpec, type Runtime, type Step } from '../program';
import type { DeviceState, Slot } from '../state';
import { type HostTensor, type HostTensors, sizeOf } from '../tensors';
import { traceStep } from '../trace/step';
import { encodeModel } from './encode';
import { fromRoot } from './external-files';
import { writableInPlace } from './in-place';
import { lowerToOnnx, ONNX_LOWERINGS } from './lower';
import { openNativeSession } from './native/session';
import { type OnnxDevice, onnxTarget, sessionOptions } from './options';
import * as ort from './ort';
import { peakBytes } from './peak-bytes';
import { openSession, reshaped } from './session';

/** Programs as ONNX Runtime sessions. */
export function onnxRuntime(device: OnnxDevice): Runtime {
  return {
    compile: (step, spec) => onnxProgram(step, spec, device),
    workingBytes: (step, spec) => peakBytes(onnxGraph(step, spec, device).graph),
    upload: async (tensor) => (device.transfer ? device.transfer.upload(hostToOrt(tensor)) : hostToOrt(tensor)),
    download: async (held) => {
      const tensor = held as ort.Tensor;
      if (tensor.location === 'cpu') return (tensor.data as Float32Array | Int32Array).slice();
      return device.transfer!.download(tensor);
    },
    release: (held) => release(held as ort.Tensor),
  };
}

/** A step as ONNX, and what it gives. */
export function onnxGraph(step: Step, spec: ProgramSpec, device: Pick<OnnxDevice, 'name'>) {
  const target = onnxTarget(device.name);
  const { graph, ...gives } = traceStep(step, spec, {
    language: 'ONNX',
    kernels: ONNX_LOWERINGS,
    blocks: target.blocks,
  });
  return { graph: lowerToOnnx(graph, target), ...gives };
}

async function onnxProgram(step: Step, spec: ProgramSpec, device: OnnxDevice): Promise<Program> {
  const open = spec.open ?? [];
  const { graph: lowered, updated, outputShapes } = onnxGraph(step, spec, device);
  const { graph, root } = fromRoot(lowered);
  const gpuOutputs = [...updated].map((name) => `next.${name}`);
  const options = sessionOptions(device, gpuOutputs);
  if (root !== undefined) {
    const session = options.extra?.session as Readonly<Record<string, unknown>> | undefined;
    options.extra = { session: { ...session, model_external_initializers_file_folder_path: root } };
  }
  const model = encodeModel(graph);
  const session = device.name === 'cpu' ? openNativeSession(model, options, graph) : await openSession(model, options);
  const feedNames = new Set(session.inputNames);
  const outputs = Object.keys(outputShapes);
  /** The graph may declare an output in another shape of the same size. */
  const declaredShape = Object.fromEntries(graph.outputs.map((o) => [o.name, o.shape]));
  const replacements = [...updated].map((name) => ({ name, input: `state.${name}`, output: `next.${name}` }));
  const inPlace = new Set([...writableInPlace(graph, replacements)].map(({ output }) => output));

  const run = async (inputs: HostTensors, state: DeviceState): Promise<HostTensors> => {
    const feeds: Record<string, ort.Tensor> = {};
    const fetches: Record<string, ort.Tensor | null> = Object.fromEntries(outputs.map((name) => [name, null]));
    checkInputs(spec, inputs);
    for (const name of Object.keys(spec.inputs)) {
      if (feedNames.has(`in.${name}`)) feeds[`in.${name}`] = hostToOrt(inputs[name]!);
    }
    checkState(spec, state);
    for (const name of Object.keys(spec.state)) {
      const slot = state.slots.get(name)!;
      if (feedNames.has(`state.${name}`)) feeds[`state.${name}`] = slot.current as ort.Tensor;
      if (updated.has(name))
        fetches[`next.${name}`] =
          device.name === 'webgpu' ? null : nextFor(slot, declaredShape[`next.${name}`]!, inPlace.has(`next.${name}`));
    }
    const results = await session.run(feeds, fetches);
    for (const name of updated) {
      const slot = state.slots.get(name)!;
      const before = slot.current as ort.Tensor;
      if (device.name === 'webgpu') {
        slot.current = reshaped(results[`next.${name}`] as ort.Tensor, spec.state[name]!.shape);
        release(before);
      } else {
        // What was given is written; what `run` returns beside it is a copy and is dropped.
        slot.current = reshaped(fetches[`next.${name}`]!, spec.state[name]!.shape);
        if (!inPlace.has(`next.${name}`)) slot.spare = before;
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

export function hostToOrt(tensor: HostTensor): ort.Tensor {
  return new ort.Tensor(tensor.dtype, tensor.data as Float32Array, tensor.shape);
}

/** The buffer for a state tensor's next value, in the shape the graph declares: its own, or a spare one. */
function nextFor(slot: Slot, shape: readonly number[], inPlace: boolean): ort.Tensor {
  const current = slot.current as ort.Tensor;
  if (inPlace) return reshaped(current, shape);
  if (slot.spare) return reshaped(slot.spare as ort.Tensor, shape);
  const data = new (current.type === 'int32' ? Int32Array : Float32Array)(sizeOf(shape));
  return new ort.Tensor(current.type as 'float32', data as Float32Array, shape);
}

function release(tensor: ort.Tensor): void {
  if (tensor.location !== 'cpu') tensor.dispose();
}
