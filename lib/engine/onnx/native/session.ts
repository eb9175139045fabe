import koffi from 'koffi';
import { type Graph, ONNX_TYPE_ID, type OnnxType } from '../encode';
import * as ort from '../ort';
import type { Session } from '../session';
import { type Api, openApi, type Pointer } from './api';

const ALL_OPTIMIZATIONS = 99;

/**
 * One arena for all sessions of the process, which grows by what is asked for: each session's own, as ONNX Runtime makes
 * them, grows by doubling, a quarter more memory for a training at 1,024 tokens. Given back with the last session.
 */
const arena = { users: 0 };
const GROW_AS_REQUESTED = 1;
const DEFAULT = -1;

/**
 * A session on the CPU. `run` writes what it is given for an output, and returns the same tensor; an output may be given an
 * input's memory where that is no longer read. As with the binding the event loop waits meanwhile.
 */
export function openNativeSession(
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
  graph: Pick<Graph, 'inputs' | 'outputs'>,
): Session {
  const api = openApi();
  enterArena(api);
  let session: Pointer;
  try {
    session = create(api, model, options);
  } catch (error) {
    leaveArena(api);
    throw error;
  }
  const inputNames = graph.inputs.map(({ name }) => name);
  const typeOf = new Map(graph.outputs.map(({ name, type }) => [name, type]));
  const names = new Map([...inputNames, ...typeOf.keys()].map((name) => [name, Buffer.from(`${name}\0`)]));
  let released = false;

  const held = ({ type, dims, data }: ort.Tensor): Pointer => {
    const memory = data as Float32Array;
    const shape = BigInt64Array.from(dims, BigInt);
    return api.get(
      'CreateTensorWithDataAsOrtValue',
      api.cpuMemory,
      memory,
      memory.byteLength,
      shape,
      dims.length,
      ONNX_TYPE_ID[type as OnnxType],
    );
  };
  return {
    inputNames,
    run: async (feeds, fetches) => {
      // As the binding does: what waits for the event loop comes first.
      await new Promise(setImmediate);
      if (released) throw new Error('engine: the program was disposed of; compile it again');
      const given = Object.entries(feeds);
      const asked = Object.entries(fetches ?? Object.fromEntries([...typeOf.keys()].map((name) => [name, null])));
      const inputs = BigUint64Array.from(given, ([, tensor]) => held(tensor));
      const results = BigUint64Array.from(asked, ([, tensor]) => (tensor ? held(tensor) : 0n));
      try {
        const addresses = (list: readonly (readonly [string, unknown])[]) =>
          BigUint64Array.from(list, ([name]) => koffi.address(names.get(name)!));
        api.call('Run', session, null, addresses(given), inputs, given.length, addresses(asked), asked.length, results);
        return Object.fromEntries(
          asked.map(([name, tensor], i) => [name, tensor ?? copied(api, results[i]!, typeOf.get(name)!)]),
        );
      } finally {
        for (const value of [...inputs, ...results]) if (value !== 0n) api.call('ReleaseValue', value);
      }
    },
    release: async () => {
      if (released) return;
      released = true;
      api.call('ReleaseSession', session);
      leaveArena(api);
    },
  };
}

function enterArena(api: Api): void {
  if (arena.users++ > 0) return;
  const config = api.get('CreateArenaCfg', 0, GROW_AS_REQUESTED, DEFAULT, DEFAULT);
  try {
    api.call('CreateAndRegisterAllocator', api.environment, api.cpuMemory, config);
  } finally {
    api.call('ReleaseArenaCfg', config);
  }
}

/** A session that is still open keeps the arena that it was made with. */
function leaveArena(api: Api): void {
  if (--arena.users > 0) return;
  try {
    api.call('UnregisterAllocator', api.environment, api.cpuMemory);
  } catch (error) {
    // The environment is the process's: another of its threads was first.
    if (!/no allocator/i.test((error as Error).message)) throw error;
  }
}

function create(api: Api, model: Uint8Array, options: ort.InferenceSession.SessionOptions): Pointer {
  const native = api.get('CreateSessionOptions');
  try {
    api.call('SetSessionGraphOptimizationLevel', native, ALL_OPTIMIZATIONS);
    api.call('SetIntraOpNumThreads', native, options.intraOpNumThreads!);
    api.call('SetSessionLogSeverityLevel', native, options.logSeverityLevel!);
    if (options.enableMemPattern === false) api.call('DisableMemPattern', native);
    if (options.enableProfiling) api.call('EnableProfiling', native, options.profileFilePrefix!);
    const entries = { ...(options.extra?.session as Readonly<Record<string, string>>), use_env_allocators: '1' };
    for (const [key, value] of Object.entries(entries))
      api.call('AddSessionConfigEntry', native, `session.${key}`, value);
    return api.get('CreateSessionFromArray', api.environment, model, model.byteLength, native);
  } finally {
    api.call('ReleaseSessionOptions', native);
  }
}

/** A result that ONNX Runtime made, copied to memory of ours. */
function copied(api: Api, value: Pointer, type: OnnxType): ort.Tensor {
  const info = api.get('GetTensorTypeAndShape', value);
  try {
    const dims = new BigInt64Array(Number(api.get('GetDimensionsCount', info)));
    api.call('GetDimensions', info, dims, dims.length);
    const shape = Array.from(dims, Number);
    const size = shape.reduce((a, b) => a * b, 1);
    const kind = type === 'int32' ? Int32Array : Float32Array;
    const data = new kind(size);
    if (size > 0) data.set(new kind(koffi.view(api.get('GetTensorMutableData', value), data.byteLength)));
    return new ort.Tensor(type as 'float32', data as Float32Array, shape);
  } finally {
    api.call('ReleaseTensorTypeAndShapeInfo', info);
  }
}
