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

/** Place in OrtApi and arguments; a function whose result is a status throws what it says. */
const FUNCTIONS = {
  GetErrorMessage: [2, 'str GetErrorMessage(void *status)'],
  CreateEnv: [3, 'void *CreateEnv(int level, str id, _Out_ void **env)'],
  CreateSessionFromArray: [
    8,
    'void *CreateSessionFromArray(void *env, void *model, size_t bytes, void *options, _Out_ void **session)',
  ],
  Run: [
    9,
    'void *Run(void *session, void *options, void *inputNames, void *inputs, size_t inputCount, void *outputNames, size_t outputCount, void *outputs)',
  ],
  CreateSessionOptions: [10, 'void *CreateSessionOptions(_Out_ void **options)'],
  EnableProfiling: [14, 'void *EnableProfiling(void *options, str prefix)'],
  DisableMemPattern: [17, 'void *DisableMemPattern(void *options)'],
  SetSessionLogSeverityLevel: [22, 'void *SetSessionLogSeverityLevel(void *options, int level)'],
  SetSessionGraphOptimizationLevel: [23, 'void *SetSessionGraphOptimizationLevel(void *options, int level)'],
  SetIntraOpNumThreads: [24, 'void *SetIntraOpNumThreads(void *options, int threads)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *CreateTensorWithDataAsOrtValue(void *info, void *data, size_t bytes, void *shape, size_t rank, int type, _Out_ void **value)',
  ],
  GetTensorMutableData: [51, 'void *GetTensorMutableData(void *value, _Out_ void **data)'],
  GetDimensionsCount: [61, 'void *GetDimensionsCount(void *info, _Out_ size_t *count)'],
  GetDimensions: [62, 'void *GetDimensions(void *info, void *dimensions, size_t count)'],
  GetTensorTypeAndShape: [65, 'void *GetTensorTypeAndShape(void *value, _Out_ void **info)'],
  CreateCpuMemoryInfo: [69, 'void *CreateCpuMemoryInfo(int allocator, int memory, _Out_ void **info)'],
  ReleaseStatus: [93, 'void ReleaseStatus(void *status)'],
  ReleaseSession: [95, 'void ReleaseSession(void *session)'],
  ReleaseValue: [96, 'void ReleaseValue(void *value)'],
  ReleaseTensorTypeAndShapeInfo: [99, 'void ReleaseTensorTypeAndShapeInfo(void *info)'],
  ReleaseSessionOptions: [100, 'void ReleaseSessionOptions(void *options)'],
  AddSessionConfigEntry: [130, 'void *AddSessionConfigEntry(void *options, str key, str value)'],
  CreateAndRegisterAllocator: [144, 'void *CreateAndRegisterAllocator(void *env, void *info, void *arena)'],
  CreateArenaCfg: [
    156,
    'void *CreateArenaCfg(size_t limit, int growth, int firstChunk, int deadBytes, _Out_ void **arena)',
  ],
  ReleaseArenaCfg: [157, 'void ReleaseArenaCfg(void *arena)'],
  UnregisterAllocator: [177, 'void *UnregisterAllocator(void *env, void *info)'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

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
  const base = koffi.decode(
    openLibrary(file).find('OrtGetApiBase')!,
    koffi.proto('void *OrtGetApiBase()'),
  )() as Pointer;
  const getApi = koffi.decode(pointerAt(base, 0), koffi.proto('void *OrtGetApi(uint32_t version)')) as (
    version: number,
  ) => Pointer | null;
  const table = getApi(API_VERSION);
  if (!table) throw new Error(`engine: ${file} is older than ONNX Runtime 1.${API_VERSION}; reinstall with \`npm ci\``);
  const natives = new Map(
    Object.entries(FUNCTIONS).map(([name, [place, declaration]]) => [
      name,
      koffi.decode(pointerAt(table, place), koffi.proto(declaration)) as (...args: unknown[]) => unknown,
    ]),
  );
  const call = (name: FunctionName, ...args: readonly unknown[]): void => {
    const status = natives.get(name)!(...args);
    if (!status) return;
    const message = natives.get('GetErrorMessage')!(status) as string;
    natives.get('ReleaseStatus')!(status);
    throw new Error(message);
  };
  const get = (name: FunctionName, ...args: readonly unknown[]): Pointer => {
    const result = [null];
    call(name, ...args, result);
    return result[0]! as Pointer;
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
