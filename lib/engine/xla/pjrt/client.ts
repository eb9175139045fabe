import { STRUCTS } from './abi';
import { type Api, copyPointers, Struct } from './api';
import { type Device, DeviceBuffer } from './buffer';
import { encodeCompileOptions, type Flags } from './compile-options';
import { type DeviceDtype, dtypeEntry, elementsOf, type HostArray, typeText } from './dtype';
import { whenReady } from './event';
import { type Executable, openExecutable } from './executable';
import { Owner } from './owner';

export interface CompileSettings {
  /** Devices that share the program, by the Shardy annotations of its arguments; 1 where nothing is said. */
  readonly partitions?: number;
  /** XLA's own flags by name. */
  readonly flags?: Flags;
}

/** The devices of one plug-in, opened. */
export interface Client {
  /** `cpu`, `cuda`, ... */
  readonly platform: string;
  readonly platformVersion: string;
  readonly devices: readonly Device[];
  /**
   * @param mlirText a StableHLO module whose function is `@main`
   * @throws {PjrtError} with the compiler's words
   */
  compile(mlirText: string, settings?: CompileSettings): Promise<Executable>;
  /**
   * Copies data onto a device, before it returns.
   *
   * @param data row after row; bfloat16 and float16 as raw 16 bits in a Uint16Array, bool as bytes of 0 and 1
   * @param device the first where none is named
   */
  put(data: HostArray, dtype: DeviceDtype, shape: readonly number[], device?: Device): DeviceBuffer;
  /** Frees its programs and buffers and ends it, after what still runs. */
  close(): void;
}

export function openClient(api: Api, client: bigint): Client {
  const owner = new Owner();
  const assertOpen = (purpose: string) => {
    if (owner.isClosed) throw new Error(`xla: ${purpose}: the client was closed before`);
  };
  const devices = readDevices(api, client, assertOpen);
  return {
    platform: api.call('Client_PlatformName', { client }).text('platform_name'),
    platformVersion: api.call('Client_PlatformVersion', { client }).text('platform_version'),
    devices,
    compile: async (mlirText, { partitions = 1, flags = {} } = {}) => {
      assertOpen('compile');
      assertProgram(mlirText, partitions, devices.length);
      return owner.during(
        api
          .callAside('Client_Compile', { client, ...compileArguments(mlirText, partitions, flags) })
          .then((compiled) => openExecutable(api, compiled.pointer('executable'), devices, owner)),
      );
    },
    put: (data, dtype, shape, device = devices[0]!) => {
      assertOpen('put');
      if (!devices.includes(device)) throw new Error('xla: put: the device belongs to another client');
      checkData(data, dtype, shape);
      return new DeviceBuffer(api, put(api, client, data, dtype, shape, device), dtype, [...shape], device, owner);
    },
    close: () => owner.close(() => void api.call('Client_Destroy', { client })),
  };
}

/** Written out: TypeScript 5.0, which compiles cells, knows no `Buffer<ArrayBufferLike>`. */
interface CompileArguments {
  readonly program: Buffer;
  readonly compile_options: Uint8Array;
  readonly compile_options_size: number;
}

/** What compiling takes, for devices that are there and for those that are not. */
export function compileArguments(mlirText: string, partitions: number, flags: Flags): CompileArguments {
  const code = Buffer.from(mlirText);
  const format = Buffer.from('mlir');
  const options = encodeCompileOptions(partitions, flags);
  const program = new Struct(STRUCTS.Program, {
    code,
    code_size: code.length,
    format,
    format_size: format.length,
  });
  return {
    program: program.memory,
    compile_options: options,
    compile_options_size: options.length,
  };
}

/** @throws where there is no program, or it disagrees with settings and devices: XLA would end the process */
export function assertProgram(mlirText: string, partitions: number, devices: number): void {
  if (mlirText.trim() === '') throw new Error('xla: compile: the text is empty; a StableHLO module was required');
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new Error(`xla: compile: partitions must be a whole number of 1 or more, got ${partitions}`);
  }
  if (partitions > devices) {
    throw new Error(
      `xla: compile: the program is for ${partitions} devices, there are ${devices}; ask for ${devices} or fewer` +
        ', or open the client with more (the CPU: cpu_device_count)',
    );
  }
  const written = /\bmhlo\.num_partitions\s*=\s*(\d+)/.exec(mlirText)?.[1];
  if (written !== undefined && Number(written) !== partitions) {
    throw new Error(`xla: compile: the module says mhlo.num_partitions = ${written}, the settings ${partitions}`);
  }
}

function readDevices(api: Api, client: bigint, assertOpen: (purpose: string) => void): readonly Device[] {
  const found = api.call('Client_AddressableDevices', { client });
  const handles = copyPointers(found.pointer('addressable_devices'), found.number('num_addressable_devices'));
  return handles.map((handle, index) => {
    const description = api.call('Device_GetDescription', { device: handle }).pointer('device_description');
    const kind = api.call('DeviceDescription_Kind', { device_description: description }).text('device_kind');
    const memory = () => {
      assertOpen('memory');
      return deviceMemory(api, handle);
    };
    return { index, kind, handle, memory };
  });
}

function deviceMemory(api: Api, device: bigint): ReturnType<Device['memory']> {
  try {
    const stats = api.call('Device_MemoryStats', { device });
    return {
      inUse: stats.number('bytes_in_use'),
      ...(stats.number('peak_bytes_in_use_is_set') ? { peak: stats.number('peak_bytes_in_use') } : {}),
      ...(stats.number('bytes_limit_is_set') ? { limit: stats.number('bytes_limit') } : {}),
    };
  } catch (error) {
    if ((error as { code?: string }).code === 'UNIMPLEMENTED') return undefined;
    throw error;
  }
}

function checkData(data: HostArray, dtype: DeviceDtype, shape: readonly number[]): void {
  const { array, bytes } = dtypeEntry(dtype);
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    throw new Error(`xla: put: a shape has whole numbers of 0 or more, got [${shape.join(', ')}]`);
  }
  if (data.constructor.name !== array.name) {
    throw new Error(`xla: put: ${dtype} comes in a ${array.name}, got a ${data.constructor.name}`);
  }
  if (data.length !== elementsOf(shape)) {
    throw new Error(
      `xla: put: ${typeText(dtype, shape)} has ${elementsOf(shape)} elements (${elementsOf(shape) * bytes} bytes), ` +
        `got ${data.length} (${data.byteLength} bytes)`,
    );
  }
}

/** PJRT_HostBufferSemantics: the plug-in has its copy when the call returns. */
const IMMUTABLE_ONLY_DURING_CALL = 0;

function put(
  api: Api,
  client: bigint,
  data: HostArray,
  dtype: DeviceDtype,
  shape: readonly number[],
  device: Device,
): bigint {
  const made = api.call('Client_BufferFromHostBuffer', {
    client,
    data,
    type: dtypeEntry(dtype).id,
    dims: BigInt64Array.from(shape.length ? shape : [0], BigInt),
    num_dims: shape.length,
    host_buffer_semantics: IMMUTABLE_ONLY_DURING_CALL,
    device: device.handle,
  });
  // An error of the transfer comes again when the buffer is used.
  void whenReady(api, made.pointer('done_with_host_buffer')).catch(() => {});
  return made.pointer('buffer');
}
