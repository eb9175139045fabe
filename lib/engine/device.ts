import { availableParallelism } from 'node:os';
import { eagerRuntime } from './eager';
import { openOnnx } from './onnx/device';
import type { Runtime } from './program';
import { openXla, type XlaDeviceName } from './xla/device';

export const DEVICES = ['cpu', 'webgpu', 'cuda', 'tfjs', 'xla', 'xla:cpu', 'xla:cuda'] as const;
export type DeviceName = (typeof DEVICES)[number];

/** Where programs run. `tfjs` runs them eagerly on tfjs' current backend: slow, and the reference for the others. */
export interface Device {
  readonly name: DeviceName;
  readonly threads: number;
  /** Denormal numbers count as zero (`openDevice`). */
  readonly flushDenormals: boolean;
  readonly runtime: Runtime;
}

export interface DeviceOptions {
  /**
   * For a process or worker that does nothing else, before its first program: an x86 CPU takes numbers
   * below 1.2e-38 for zero, of which attention computes many, each in ten times the time of others. JavaScript's own
   * numbers below 2.2e-308 then become zero in that thread too, until it ends: nothing for a process with a user's code.
   */
  readonly flushDenormals?: boolean;
  /**
   * XLA only: layers lie stacked, the layer is compiled once and looped over, and computed again on the way back. A deep
   * model then compiles in seconds, and keeps its layers' inputs alone.
   */
  readonly loops?: boolean;
}

/**
 * Opens a device and tries it: only a session that was made tells whether a GPU is there.
 *
 * @param threads of the CPU's matrix products; results are equal for equal counts
 * @throws when this installation or machine cannot run the device, with what to do
 */
export async function openDevice(
  name: DeviceName = 'cpu',
  threads = defaultThreads(),
  { flushDenormals = false, loops = false }: DeviceOptions = {},
): Promise<Device> {
  if (name === 'tfjs') return { name, threads: 1, flushDenormals: false, runtime: eagerRuntime };
  if (!DEVICES.includes(name)) throw new Error(`device: unknown device "${name}"; use one of ${DEVICES.join(', ')}`);
  if (!Number.isSafeInteger(threads) || threads <= 0) {
    throw new Error(`device: threads must be a positive integer, got ${threads}`);
  }
  const runtime = isXla(name) ? openXla(name, loops) : openOnnx({ name, threads, flushDenormals });
  return { name, threads, flushDenormals, runtime: await runtime };
}

const isXla = (name: DeviceName): name is XlaDeviceName => name.startsWith('xla');

function defaultThreads(): number {
  const set = Number(process.env.MED42_THREADS);
  return Number.isInteger(set) && set > 0 ? set : Math.max(1, availableParallelism());
}
