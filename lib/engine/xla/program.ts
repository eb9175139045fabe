import { isStack, stacksOf } from '../layers';
import { isOpen } from '../open-size';
import { checkInputs, checkState, type Program, type ProgramSpec, type Runtime, type Step } from '../program';
import type { DeviceState } from '../state';
import type { Dtype, FrozenWeight, HostTensor, HostTensors, Specs } from '../tensors';
import { traceStep } from '../trace/step';
import { type FrozenStore, openFrozenStore } from './frozen';
import { lowerToStableHlo, XLA_LOWERINGS } from './lower';
import { XLA_DEFAULTS, type XlaOptions } from './options';
import type { Client } from './pjrt/client';
import type { Flags } from './pjrt/compile-options';
import type { DeviceDtype, HostArray } from './pjrt/dtype';
import { checkPlaces, placesAsked } from './places';
import { shardAxis } from './sharding';
import { free, gather, type Spread, spread } from './spread';
import { openStacks } from './stacks';

/**
 * Programs as XLA executables, on one or several of a client's devices.
 */
export function xlaRuntime(client: Client, options: XlaOptions, flags: Flags = {}): Runtime {
  const stacks = openStacks(client, options.devices);
  const place: Place = { client, options, flags, store: openFrozenStore(client, options.devices, stacks) };
  return {
    ...(options.loops
      ? {
          stacks: {
            make: stacks.makeOf,
            read: (held, layer) => stacks.read(held as Spread, layer),
            write: (held, layer, tensor) => stacks.write(held as Spread, layer, tensor),
          },
        }
      : {}),
    compile: async (step, given) => {
      const spec = options.loops ? stackedSpec(given) : given;
      return spec.open?.length ? openProgram(step, spec, place) : fixedProgram(step, spec, place);
    },
    workingBytes: () => {
      throw new Error('engine: XLA says what a step holds at once only when it is compiled');
    },
    upload: async ({ data, dtype, shape }, name) =>
      spread(client, options.devices, data, dtype, shape, shardAxis(`state.${name}`, shape, options.devices)),
    download: (held) => gather(held as Spread),
    release: (held) => free(held as Spread),
    hardware: () => ({
      kind: client.devices[0]!.kind,
      version: client.platformVersion,
      count: client.devices.length,
      memory: client.devices[0]!.memory(),
    }),
  };
}

/** A program's tensors, those of layers as stacks; a frozen stack is `pieces` of files. */
interface StackedSpec extends ProgramSpec {
  readonly pieces?: Readonly<Record<string, readonly FrozenWeight[]>>;
}

export function stackedSpec(spec: ProgramSpec): StackedSpec {
  const state: Record<string, Specs[string]> = {};
  for (const [stack, members] of stacksOf(spec.state)) {
    const { shape, dtype } = spec.state[members[0]!]!;
    state[stack] = { dtype, shape: isStack(stack) ? [members.length, ...shape] : shape };
  }
  const frozen: Record<string, FrozenWeight> = {};
  const pieces: Record<string, readonly FrozenWeight[]> = {};
  for (const [stack, members] of stacksOf(spec.frozen ?? {})) {
    pieces[stack] = members.map((name) => spec.frozen![name]!);
    const [first] = pieces[stack] as [FrozenWeight];
    frozen[stack] = isStack(stack) ? { ...first, shape: [members.length, ...first.shape] } : first;
  }
  return { ...spec, state, frozen, pieces };
}

/** A step as StableHLO, and what it gives. */
export function xlaModule(step: Step, spec: ProgramSpec, options: XlaOptions = XLA_DEFAULTS) {
  const target = {
    language: 'StableHLO',
    kernels: XLA_LOWERINGS,
    blocks: false,
    recomputes: options.loops,
    fusesAttention: options.attention === 'cudnn',
  };
  const { graph, outputShapes } = traceStep(step, spec, target);
  return { ...lowerToStableHlo(graph, options), places: placesAsked(graph), outputs: graph.outputs, outputShapes };
}

/** Where programs are made. */
interface Place {
  readonly client: Client;
  readonly options: XlaOptions;
  /** XLA's own, for every program. */
  readonly flags: Flags;
  readonly store: FrozenStore;
}

async function fixedProgram(step: Step, spec: StackedSpec, { client, options, flags, store }: Place): Promise<Program> {
  const { text, inputs, constants, places, outputs, outputShapes, nodeCount } = xlaModule(step, spec, options);
  const { devices } = options;
  const executable = await client.compile(text, { partitions: devices, flags });
  const weights = new Map<string, Spread>();
  for (const { name } of inputs) {
    if (!name.startsWith('frozen.')) continue;
    const weight = name.slice(7);
    weights.set(name, await store.borrow(weight, spec.pieces?.[weight] ?? [spec.frozen![weight]!]));
  }
  const kept = constants.map(({ values, type, shape }) =>
    spread(client, devices, hostArray(values, type), type, shape, undefined),
  );

  const run = async (given: HostTensors, state: DeviceState): Promise<HostTensors> => {
    checkInputs(spec, given);
    checkState(spec, state);
    checkPlaces(spec.name, places, given);
    const fed: Spread[] = [];
    const argumentFor = (name: string): Spread => {
      if (name.startsWith('state.')) return state.slots.get(name.slice(6))!.current as Spread;
      if (name.startsWith('frozen.')) return weights.get(name)!;
      const { data, dtype, shape } = given[name.slice(3)]!;
      const argument = spread(client, devices, data, dtype, shape, shardAxis(name, shape, devices));
      fed.push(argument);
      return argument;
    };
    try {
      const all = [...inputs.map(({ name }) => argumentFor(name)), ...kept];
      const results = await executable.run(
        Array.from({ length: devices }, (_, d) => all.map(({ parts }) => parts[d]!)),
      );
      const named = outputs.map(({ name, value: { shape } }, i): readonly [string, Spread] => {
        const parts = results.map((own) => own[i]!);
        const next = name.startsWith('next.');
        return [name, { parts, shape, axis: next ? shardAxis(`state.${name.slice(5)}`, shape, devices) : undefined }];
      });
      for (const [name, result] of named.filter(([n]) => n.startsWith('next.'))) {
        const slot = state.slots.get(name.slice(5))!;
        free(slot.current as Spread);
        slot.current = result;
      }
      return await readOutputs(
        named.filter(([n]) => n.startsWith('out.')),
        outputShapes,
      );
    } finally {
      for (const argument of fed) free(argument);
    }
  };
  return {
    name: spec.name,
    nodeCount,
    run,
    dispose: async () => {
      executable.free();
      for (const constant of kept) free(constant);
      for (const weight of weights.values()) store.giveBack(weight);
      weights.clear();
    },
  };
}

async function readOutputs(
  results: readonly (readonly [string, Spread])[],
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<HostTensors> {
  const host: Record<string, HostTensor> = {};
  try {
    for (const [name, result] of results) {
      const dtype: Dtype = result.parts[0]!.dtype === 'int32' ? 'int32' : 'float32';
      host[name.slice(4)] = { shape: shapes[name]!, dtype, data: (await gather(result)) as Float32Array };
    }
    return host;
  } finally {
    for (const [, result] of results) free(result);
  }
}

/** Programs of one step for different lengths: each is a few megabytes, and a second or more to make again. */
const MOST_PROGRAMS = 32;

/** XLA's shapes are fixed: a program of lengths that each run chooses is one for each choice, made when it comes. */
async function openProgram(step: Step, spec: StackedSpec, place: Place): Promise<Program> {
  const open = spec.open!;
  // Refuses at once what cannot be traced.
  const { nodeCount } = xlaModule(step, spec, place.options);
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
    const program = made.get(key) ?? fixedProgram(step, { ...fixed, inputs: sized }, place);
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
