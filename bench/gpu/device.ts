import type { Device } from '../../lib/engine/device';
import { eagerRuntime } from '../../lib/engine/eager';
import type { Hardware, Runtime } from '../../lib/engine/program';
import { openXla } from '../../lib/engine/xla/device';
import type { XlaOptions } from '../../lib/engine/xla/options';
import type { XlaDevice } from '../../lib/engine/xla/plugins/find';

/** Devices of the check: XLA's, and eager tfjs as the reference. ONNX Runtime stays out, so that one file holds all. */

export interface CheckDevice extends Device {
  hardware(): Hardware;
}

/** @throws when there is no plug-in, or it finds no device */
export async function openCheckDevice(name: XlaDevice, options: Partial<XlaOptions>): Promise<CheckDevice> {
  const runtime = await openXla(name, options);
  return { ...deviceOf(name, runtime), hardware: () => runtime.hardware!() };
}

export const eagerDevice = (): Device => deviceOf('tfjs', eagerRuntime);

const deviceOf = (name: Device['name'], runtime: Runtime): Device => ({
  name,
  threads: 1,
  flushDenormals: false,
  runtime,
});
