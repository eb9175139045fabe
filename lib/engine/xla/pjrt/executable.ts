import { STRUCTS } from './abi';
import { type Api, addressesOf, copyMemory, copyPointers, pointers, Struct } from './api';
import { type Device, DeviceBuffer } from './buffer';
import { typeText } from './dtype';
import { whenReady } from './event';
import type { Owner } from './owner';
import { type ProgramShape, readProgramShape, type TensorType } from './program-shape';

/** Bytes on each device, as the compiler planned them. */
export interface ProgramMemory {
  readonly argument: number;
  readonly output: number;
  /** Of outputs that lie in an argument's memory. */
  readonly alias: number;
  readonly temporary: number;
  readonly code: number;
  /** The most that is held at once; argument + output - alias + temporary where the plug-in does not say. */
  readonly peak: number;
}

/** A compiled program on its devices. */
export interface Executable {
  readonly devices: readonly Device[];
  /** Of one device's part. */
  readonly parameters: readonly TensorType[];
  readonly results: readonly TensorType[];
  /** Numbers of the arguments whose memory goes to a result: after `run` they are no longer there. */
  readonly donates: readonly number[];
  readonly memory: ProgramMemory;
  /** The program after all passes, as HLO's protobuf. */
  optimized(): Uint8Array;
  /**
   * Runs it once; the event loop stays free. Resolves when every device is done.
   *
   * @param buffersPerDevice [device][argument], in the order of `devices`
   * @returns [device][result], for the caller to free
   * @throws before anything runs where an argument is not what the program takes
   */
  run(buffersPerDevice: readonly (readonly DeviceBuffer[])[]): Promise<DeviceBuffer[][]>;
  free(): void;
}

export function readMemory(api: Api, executable: bigint): ProgramMemory {
  const stats = api.call('Executable_GetCompiledMemoryStats', { executable });
  const bytes = (name: string) => stats.number(`${name}_in_bytes`);
  const sizes = {
    argument: bytes('argument_size'),
    output: bytes('output_size'),
    alias: bytes('alias_size'),
    temporary: bytes('temp_size'),
    code: bytes('generated_code_size'),
  };
  const counted = sizes.argument + sizes.output - sizes.alias + sizes.temporary;
  return { ...sizes, peak: bytes('peak_memory') || counted };
}

/** The optimized program's bytes and their form: `hlo`, `hlo_with_config` or `mlir`. */
export function readOptimized(api: Api, executable: bigint): { readonly code: Uint8Array; readonly format: string } {
  const asked = new Struct(STRUCTS.Program, {});
  api.call('Executable_OptimizedProgram', { executable, program: asked.memory });
  // Asked once for the size, once more for the bytes.
  const code = Buffer.alloc(asked.number('code_size'));
  const filled = new Struct(STRUCTS.Program, { code, code_size: code.length });
  api.call('Executable_OptimizedProgram', { executable, program: filled.memory });
  return { code, format: copyMemory(filled.pointer('format'), filled.number('format_size')).toString() };
}

/** @param loaded PJRT_LoadedExecutable, owned from here on */
export function openExecutable(api: Api, loaded: bigint, clientDevices: readonly Device[], owner: Owner): Executable {
  const executable = api.call('LoadedExecutable_GetExecutable', { loaded_executable: loaded }).pointer('executable');
  const optimized = () => {
    assertThere('optimized');
    return readOptimized(api, executable);
  };
  let isFree = false;
  let runs = 0;
  const assertThere = (purpose: string) => {
    if (isFree) throw new Error(`xla: ${purpose}: the program was freed before`);
  };
  const destroy = () => {
    api.call('Executable_Destroy', { executable });
    api.call('LoadedExecutable_Destroy', { executable: loaded });
    owner.remove(program);
  };
  const { code, format } = optimized();
  const shape = readProgramShape(code, format === 'hlo_with_config');
  const own = api.call('LoadedExecutable_AddressableDevices', { executable: loaded });
  const handles = copyPointers(own.pointer('addressable_devices'), own.number('num_addressable_devices'));
  const devices = handles.map((handle) => clientDevices.find((d) => d.handle === handle)!);
  const program: Executable = {
    ...shape,
    devices,
    memory: readMemory(api, executable),
    optimized: () => optimized().code,
    run: async (buffersPerDevice) => {
      assertThere('run');
      checkArguments(shape, devices, buffersPerDevice);
      runs++;
      try {
        return await execute(api, loaded, shape, devices, buffersPerDevice, owner);
      } finally {
        runs--;
        if (isFree && runs === 0) destroy();
      }
    },
    free: () => {
      if (isFree) return;
      isFree = true;
      if (runs === 0) destroy();
    },
  };
  owner.add(program);
  return program;
}

/** XLA ends the process where these do not hold. */
function checkArguments(
  { parameters, donates }: ProgramShape,
  devices: readonly Device[],
  given: readonly (readonly DeviceBuffer[])[],
): void {
  if (given.length !== devices.length) {
    throw new Error(`xla: run: the program runs on ${devices.length} devices, got arguments for ${given.length}`);
  }
  for (const [d, list] of given.entries()) {
    if (list.length !== parameters.length) {
      throw new Error(`xla: run: the program takes ${parameters.length} arguments, got ${list.length} for device ${d}`);
    }
    const places = new Map<DeviceBuffer, number>();
    for (const [i, buffer] of list.entries()) {
      const name = `argument ${i} for device ${d}`;
      const [wanted, got] = [parameters[i]!, buffer].map(({ dtype, shape }) => typeText(dtype, shape));
      if (wanted !== got) throw new Error(`xla: run: ${name} must be ${wanted} there, got ${got}`);
      if (buffer.device !== devices[d]) {
        throw new Error(
          `xla: run: ${name} lies on device ${buffer.device.index}; put it on device ${devices[d]!.index}`,
        );
      }
      const first = places.get(buffer);
      if (first !== undefined && (donates.includes(i) || donates.includes(first))) {
        throw new Error(`xla: run: ${name} is argument ${first} too, and one of them is given away; pass a copy`);
      }
      places.set(buffer, i);
    }
  }
}

async function execute(
  api: Api,
  loaded: bigint,
  { results, donates }: ProgramShape,
  devices: readonly Device[],
  given: readonly (readonly DeviceBuffer[])[],
  owner: Owner,
): Promise<DeviceBuffer[][]> {
  const used: DeviceBuffer[] = [];
  try {
    const lists = given.map((list, d) =>
      pointers(
        list.map((buffer, i) => {
          const handle = buffer.use(`run: argument ${i} for device ${d}`);
          used.push(buffer);
          return handle;
        }),
      ),
    );
    const outputs = devices.map(() => pointers(results.map(() => 0n)));
    const events = pointers(devices.map(() => 0n));
    const options = new Struct(STRUCTS.ExecuteOptions, {});
    for (const list of given) for (const i of donates) list[i]!.giveAway();
    await api.callAside('LoadedExecutable_Execute', {
      executable: loaded,
      options: options.memory,
      argument_lists: addressesOf(lists),
      num_devices: devices.length,
      num_args: given[0]!.length,
      output_lists: addressesOf(outputs),
      device_complete_events: events,
    });
    const made = outputs.map((list, d) =>
      results.map(({ dtype, shape }, i) => new DeviceBuffer(api, list[i]!, dtype, shape, devices[d]!, owner)),
    );
    const waited = await Promise.allSettled([...events].map((event) => whenReady(api, event)));
    const failed = waited.find((w) => w.status === 'rejected');
    if (failed) {
      for (const buffer of made.flat()) buffer.free();
      throw failed.reason;
    }
    return made;
  } finally {
    for (const buffer of used) buffer.release();
  }
}
