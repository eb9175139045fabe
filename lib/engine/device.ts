import { availableParallelism } from 'node:os';
import * as ort from './runtime';
import type { TraceTarget } from './trace';
import { openTransfer, type Transfer } from './transfer';

export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | 'tfjs';

/** Where programs run. `tfjs` runs them eagerly on tfjs' current backend: slow, and the reference for the others. */
export interface Device {
  readonly name: DeviceName;
  readonly threads: number;
  /** Denormal numbers count as zero (`openDevice`). */
  readonly flushDenormals: boolean;
  readonly target: TraceTarget;
  /** Set where tensors stay on the device between runs. */
  readonly transfer?: Transfer;
}

const REMEDIES: Readonly<Record<Exclude<DeviceName, 'tfjs'>, string>> = {
  cpu: 'reinstall with `npm ci`',
  webgpu: 'install a Vulkan driver and loader (Linux: the GPU’s driver and libvulkan1), or use --device cpu',
  cuda:
    'install its CUDA libraries with `npm rebuild onnxruntime-node --ignore-scripts=false` ' +
    '(needs the CUDA 12 toolkit and an NVIDIA driver), or use --device cpu',
};

/**
 * Opens a device and tries it: only a session that was made tells whether a GPU is there.
 *
 * @param threads of the CPU's matrix products; results are equal for equal counts
 * @param flushDenormals for a process or worker that does nothing else, before its first program: an x86 CPU takes numbers
 *   below 1.2e-38 for zero, of which attention computes many, each in ten times the time of others. JavaScript's own
 *   numbers below 2.2e-308 then become zero in that thread too, until it ends: nothing for a process with a user's code
 * @throws when this installation or machine cannot run the device, with what to do
 */
export async function openDevice(
  name: DeviceName = 'cpu',
  threads = defaultThreads(),
  { flushDenormals = false }: { readonly flushDenormals?: boolean } = {},
): Promise<Device> {
  const onWebgpu = name === 'webgpu';
  const target = { fusedMatMul: !onWebgpu, integerMod: !onWebgpu, blocks: name === 'cpu' };
  if (name === 'tfjs') return { name, threads: 1, flushDenormals: false, target };
  const remedy = Object.hasOwn(REMEDIES, name) ? REMEDIES[name] : undefined;
  if (!remedy) throw new Error(`device: unknown device "${name}"; use one of cpu, webgpu, cuda, tfjs`);
  if (!Number.isSafeInteger(threads) || threads <= 0) {
    throw new Error(`device: threads must be a positive integer, got ${threads}`);
  }
  const device: Device = { name, threads, flushDenormals, target };
  const missing = (why: string, cause?: unknown) =>
    new Error(`device: ${name} is not available here (${why}); ${remedy}`, { cause });
  const supported = ort.listSupportedBackends().map((b) => b.name);
  if (!supported.includes(name)) throw missing(`this onnxruntime-node has ${supported.join(', ')}`);
  if (name === 'cpu') return device;
  try {
    const transfer = await openTransfer(transferOptions(device));
    // Node's binding keeps tensors on the device for WebGPU only; with CUDA they return to the host each run.
    return onWebgpu ? { ...device, transfer } : device;
  } catch (error) {
    // What follows the C++ assertion is for people.
    throw missing((error as Error).message.split(' was false. ').at(-1)!.trim(), error);
  }
}

function defaultThreads(): number {
  const set = Number(process.env.MED42_THREADS);
  return Number.isInteger(set) && set > 0 ? set : Math.max(1, availableParallelism());
}

/** Session options for a device; `gpuOutputs` stay on the device. */
export function sessionOptions(
  device: Device,
  gpuOutputs: readonly string[] = [],
): ort.InferenceSession.SessionOptions {
  const common: ort.InferenceSession.SessionOptions = {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: device.threads,
    logSeverityLevel: 3,
    // A pattern is a second block for everything beside the one that the first run took: a quarter more memory.
    enableMemPattern: false,
    ...(device.flushDenormals ? { extra: { session: { set_denormal_as_zero: '1' } } } : {}),
  };
  if (device.name !== 'webgpu') return { ...common, executionProviders: [device.name] };
  return {
    ...common,
    executionProviders: ['webgpu'],
    preferredOutputLocation: Object.fromEntries(gpuOutputs.map((name) => [name, 'gpu-buffer' as const])),
  };
}

/** Buffers freed by a transfer are given back, not kept for its next run: that may never come. */
function transferOptions(device: Device): ort.InferenceSession.SessionOptions {
  const { preferredOutputLocation: _, ...options } = sessionOptions(device);
  if (device.name !== 'webgpu') return options;
  return { ...options, executionProviders: [{ name: 'webgpu', storageBufferCacheMode: 'disabled' } as never] };
}
