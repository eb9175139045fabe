import { availableParallelism } from 'node:os';
import { DEVICE_NAMES, type DeviceName } from './device-names';
import { openOnnx } from './onnx/device';
import type { Runtime } from './program';
import { openTfjs } from './tfjs';
import { openXla } from './xla/device';
import type { XlaOptions } from './xla/options';
import type { XlaDevice } from './xla/plugins/find';

export type { DeviceName };

/** Where programs run. `tfjs` runs them eagerly: slow, and the reference for the others. */
export interface Device {
  readonly name: DeviceName;
  readonly threads: number;
  /** Denormal numbers count as zero (`openDevice`). */
  readonly flushDenormals: boolean;
  readonly runtime: Runtime;
  /** What a user is to know of it, in a line. */
  readonly note?: string;
}

export interface DeviceOptions extends Partial<XlaOptions> {
  /**
   * For a process or worker that does nothing else, before its first program: an x86 CPU takes numbers
   * below 1.2e-38 for zero, of which attention computes many, each in ten times the time of others. JavaScript's own
   * numbers below 2.2e-308 then become zero in that thread too, until it ends: nothing for a process with a user's code.
   */
  readonly flushDenormals?: boolean;
}

/**
 * Opens a device and tries it: only a session that was made tells whether a GPU is there.
 *
 * @param threads of the CPU's matrix products; results are equal for equal counts. XLA has no such number: it takes the
 *   processors that this process may use
 * @throws when this installation or machine cannot run the device, with what to do
 */
export async function openDevice(
  name: DeviceName = 'cpu',
  threads = defaultThreads(),
  { flushDenormals = false, ...options }: DeviceOptions = {},
): Promise<Device> {
  if (options.plugin !== undefined && !name.startsWith('xla')) {
    throw new Error(`device: --plugin is for xla devices, got ${options.plugin} with device "${name}"; leave it out`);
  }
  if (!DEVICE_NAMES.includes(name))
    throw new Error(`device: unknown device "${name}"; use one of ${DEVICE_NAMES.join(', ')}`);
  if (!Number.isSafeInteger(threads) || threads <= 0) {
    throw new Error(`device: threads must be a positive integer, got ${threads}`);
  }
  if (name === 'tfjs') return { name, flushDenormals: false, ...(await openTfjs(threads)) };
  if (isXla(name))
    return { name, threads: availableParallelism(), flushDenormals, runtime: await openXla(name, options) };
  return { name, threads, flushDenormals, runtime: await openOnnx({ name, threads, flushDenormals }) };
}

const isXla = (name: DeviceName): name is XlaDevice => name.startsWith('xla');

function defaultThreads(): number {
  const set = Number(process.env.MED42_THREADS);
  return Number.isInteger(set) && set > 0 ? set : Math.max(1, availableParallelism());
}
