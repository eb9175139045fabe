import { isOpen } from '../open-size';
import { checkInputs, checkState, type Program, type ProgramSpec, type Runtime, type Step } from '../program';
import type { DeviceState } from '../state';
import type { Dtype, HostTensor, HostTensors, Specs } from '../tensors';
import { traceStep } from '../trace/step';
import { type FrozenStore, openFrozenStore } from './frozen';
import { lowerToStableHlo, XLA_LOWERINGS } from './lower';
import type { DeviceBuffer } from './pjrt/buffer';
import type { Client } from './pjrt/client';
import type { DeviceDtype, HostArray } from './pjrt/dtype';
import { checkPlaces, placesAsked } from './places';

/** Programs as XLA executables, on a client's first device. */
export function xlaRuntime(client: Client): Runtime {
  const frozen = openFrozenStore(client);
  return {
    compile: async (step, spec) =>
      spec.open?.length ? openProgram(step, spec, client, frozen) : fixedProgram(step, spec, client, frozen),
    workingBytes: () => {
      throw new Error('engine: XLA says what a step holds at once only when it is compiled');
    },
    upload: async ({ data, dtype, shape }) => client.put(data, dtype, shape),
    download: async (held) => (await (held as DeviceBuffer).read()) as Float32Array | Int32Array,
    release: (held) => (held as DeviceBuffer).free(),
  };
}

/** A step as StableHLO, and what it gives. */
export function xlaModule(step: Step, spec: ProgramSpec) {
  const target = { language: 'StableHLO', kernels: XLA_LOWERINGS, blocks: false };
  const { graph, outputShapes } = traceStep(step, spec, target);
  return { ...lowerToStableHlo(graph), places: placesAsked(graph), outputs: graph.outputs, outputShapes };
}

async function fixedProgram(step: Step, spec: ProgramSpec, client: Client, store: FrozenStore): Promise<Program> {
  const { text, inputs, constants, places, outputs, outputShapes, nodeCount } = xlaModule(step, spec);
  const executable = await client.compile(text);
  const weights = new Map<string, DeviceBuffer>();
  for (const { name } of inputs) {
    if (name.startsWith('frozen.')) weights.set(name, await store.borrow(spec.frozen![name.slice(7)]!));
  }
  const kept = constants.map(({ values, type, shape }) => client.put(hostArray(values, type), type, shape));

  const run = async (given: HostTensors, state: DeviceState): Promise<HostTensors> => {
    checkInputs(spec, given);
    checkState(spec, state);
    checkPlaces(spec.name, places, given);
    const fed: DeviceBuffer[] = [];
    const argumentFor = (name: string): DeviceBuffer => {
      if (name.startsWith('state.')) return state.slots.get(name.slice(6))!.current as DeviceBuffer;
      if (name.startsWith('frozen.')) return weights.get(name)!;
      const { data, dtype, shape } = given[name.slice(3)]!;
      const buffer = client.put(data, dtype, shape);
      fed.push(buffer);
      return buffer;
    };
    try {
      const [results] = await executable.run([[...inputs.map(({ name }) => argumentFor(name)), ...kept]]);
      const named = outputs.map(({ name }, i) => [name, results![i]!] as const);
      for (const [name, result] of named.filter(([n]) => n.startsWith('next.'))) {
        const slot = state.slots.get(name.slice(5))!;
        (slot.current as DeviceBuffer).free();
        slot.current = result;
      }
      return await readOutputs(
        named.filter(([n]) => n.startsWith('out.')),
        outputShapes,
      );
    } finally {
      for (const buffer of fed) buffer.free();
    }
  };
  return {
    name: spec.name,
    nodeCount,
    run,
    dispose: async () => {
      executable.free();
      for (const buffer of kept) buffer.free();
      for (const buffer of weights.values()) store.giveBack(buffer);
      weights.clear();
    },
  };
}

async function readOutputs(
  results: readonly (readonly [string, DeviceBuffer])[],
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<HostTensors> {
  const host: Record<string, HostTensor> = {};
  try {
    for (const [name, result] of results) {
      const dtype: Dtype = result.dtype === 'int32' ? 'int32' : 'float32';
      host[name.slice(4)] = { shape: shapes[name]!, dtype, data: (await result.read()) as Float32Array };
    }
    return host;
  } finally {
    for (const [, result] of results) result.free();
  }
}

/** Programs of one step for different lengths: each is a few megabytes, and a second or more to make again. */
const MOST_PROGRAMS = 32;

/** XLA's shapes are fixed: a program of lengths that each run chooses is one for each choice, made when it comes. */
async function openProgram(step: Step, spec: ProgramSpec, client: Client, store: FrozenStore): Promise<Program> {
  const open = spec.open!;
  // Refuses at once what cannot be traced.
  const { nodeCount } = xlaModule(step, spec);
  const made = new Map<string, Promise<Program>>();
  const programFor = async (inputs: HostTensors): Promise<Program> => {
    const sized: Specs = Object.fromEntries(
      Object.entries(spec.inputs).map(([name, { dtype }]) => [name, { dtype, shape: inputs[name]!.shape }]),
    );
    const lengths = Object.entries(spec.inputs).flatMap(([name, { shape }]) =>
      shape.flatMap((d, i) => (isOpen(d, open) ? [inputs[name]!.shape[i]!] : [])),
    );
    const key = lengths.join(' ');
    const { open: _, ...fixed } = spec;
    const program = made.get(key) ?? fixedProgram(step, { ...fixed, inputs: sized }, client, store);
    // The one used last is the last in the map.
    made.delete(key);
    made.set(key, program);
    const [oldest] = made;
    if (made.size > MOST_PROGRAMS && oldest) {
      made.delete(oldest[0]);
      await (await oldest[1]).dispose();
    }
    return program.catch((error) => {
      made.delete(key);
      throw error;
    });
  };
  return {
    name: spec.name,
    nodeCount,
    run: async (inputs, state) => {
      checkInputs(spec, inputs);
      return (await programFor(inputs)).run(inputs, state);
    },
    dispose: async () => {
      for (const program of made.values()) await (await program).dispose();
      made.clear();
    },
  };
}

function hostArray(values: readonly number[], type: DeviceDtype): HostArray {
  if (type === 'int32') return Int32Array.from(values);
  return type === 'bool' ? Uint8Array.from(values) : Float32Array.from(values);
}
