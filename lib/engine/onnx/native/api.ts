import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi from 'koffi';
import { openLibrary } from '../../shared-library';
// The binding first: it loads the library and prepares its environment.
import '../ort';

/**
 * ONNX Runtime's functions in C, of the library that its Node binding brings. They run a program without the binding's copy
 * of every output: of a state of gigabytes, that is.
 *
 * Source: onnxruntime_c_api.h; a function's place in the table never changes.
 */

/** The newest version of the table whose functions are used here. */
const API_VERSION = 14;

/**
 * Place in OrtApi and types of the arguments, of which the last is where a result goes. Each answers with a status; those
 * whose name begins with Release, nothing.
 */
const FUNCTIONS = {
  CreateEnv: [3, 'int', 'str', 'void *'],
  CreateSessionFromArray: [8, 'void *', 'void *', 'size_t', 'void *', 'void *'],
  Run: [9, 'void *', 'void *', 'void *', 'void *', 'size_t', 'void *', 'size_t', 'void *'],
  CreateSessionOptions: [10, 'void *'],
  EnableProfiling: [14, 'void *', 'str'],
  DisableMemPattern: [17, 'void *'],
  SetSessionLogSeverityLevel: [22, 'void *', 'int'],
  SetSessionGraphOptimizationLevel: [23, 'void *', 'int'],
  SetIntraOpNumThreads: [24, 'void *', 'int'],
  CreateTensorWithDataAsOrtValue: [49, 'void *', 'void *', 'size_t', 'void *', 'size_t', 'int', 'void *'],
  GetTensorMutableData: [51, 'void *', 'void *'],
  GetDimensionsCount: [61, 'void *', 'void *'],
  GetDimensions: [62, 'void *', 'void *', 'size_t'],
  GetTensorTypeAndShape: [65, 'void *', 'void *'],
  CreateCpuMemoryInfo: [69, 'int', 'int', 'void *'],
  ReleaseStatus: [93, 'void *'],
  ReleaseSession: [95, 'void *'],
  ReleaseValue: [96, 'void *'],
  ReleaseTensorTypeAndShapeInfo: [99, 'void *'],
  ReleaseSessionOptions: [100, 'void *'],
  AddSessionConfigEntry: [130, 'void *', 'str', 'str'],
  CreateAndRegisterAllocator: [144, 'void *', 'void *', 'void *'],
  CreateArenaCfg: [156, 'size_t', 'int', 'int', 'int', 'void *'],
  ReleaseArenaCfg: [157, 'void *'],
  UnregisterAllocator: [177, 'void *', 'void *'],
} as const satisfies Readonly<Record<string, readonly [number, ...string[]]>>;
const GET_ERROR_MESSAGE = 2;

export type FunctionName = keyof typeof FUNCTIONS;
export type Pointer = bigint;

export interface Api {
  /** @throws what ONNX Runtime answers instead of a result */
  call(name: FunctionName, ...args: readonly unknown[]): void;
  /** As `call`, for a function whose last argument is where its result goes. */
  get(name: FunctionName, ...args: readonly unknown[]): Pointer;
  /** The process's environment. */
  readonly environment: Pointer;
  readonly cpuMemory: Pointer;
}

let opened: Api | undefined;

/** @throws when the library is not where the binding has it, or is older */
export function openApi(): Api {
  opened ??= bind(libraryFile());
  return opened;
}

function libraryFile(): string {
  const folder = join(
    dirname(require.resolve('onnxruntime-node/package.json')),
    'bin',
    'napi-v6',
    process.platform,
    process.arch,
  );
  const name = readdirSync(folder).find((file) => /^(lib)?onnxruntime\.(so\.1|1\.dylib|dll)$/.test(file));
  if (name === undefined) throw new Error(`engine: no ONNX Runtime library in ${folder}; reinstall with \`npm ci\``);
  return join(folder, name);
}

function bind(file: string): Api {
  const native = (address: Pointer, result: string, types: readonly string[]) =>
    koffi.decode(address, koffi.proto(result, [...types])) as (...args: unknown[]) => unknown;
  const base = native(openLibrary(file).find('OrtGetApiBase')!, 'void *', [])() as Pointer;
  const table = native(pointerAt(base, 0), 'void *', ['uint32_t'])(API_VERSION) as Pointer | null;
  if (!table) throw new Error(`engine: ${file} is older than ONNX Runtime 1.${API_VERSION}; reinstall with \`npm ci\``);
  const messageOf = native(pointerAt(table, GET_ERROR_MESSAGE), 'str', ['void *']);
  const natives = new Map(
    Object.entries(FUNCTIONS).map(([name, [place, ...types]]) => [
      name,
      native(pointerAt(table, place), name.startsWith('Release') ? 'void' : 'void *', types),
    ]),
  );
  const call = (name: FunctionName, ...args: readonly unknown[]): void => {
    const status = natives.get(name)!(...args);
    if (!status) return;
    const message = messageOf(status) as string;
    natives.get('ReleaseStatus')!(status);
    throw new Error(message);
  };
  const get = (name: FunctionName, ...args: readonly unknown[]): Pointer => {
    const result = new BigUint64Array(1);
    call(name, ...args, result);
    return result[0]!;
  };
  const FATAL = 4;
  const ARENA = 1;
  const DEFAULT_MEMORY = 0;
  return {
    call,
    get,
    environment: get('CreateEnv', FATAL, 'med42'),
    cpuMemory: get('CreateCpuMemoryInfo', ARENA, DEFAULT_MEMORY),
  };
}

const pointerAt = (table: Pointer, place: number): Pointer =>
  Buffer.from(koffi.view(table + BigInt(8 * place), 8)).readBigUInt64LE();
