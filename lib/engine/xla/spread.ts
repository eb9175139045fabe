import type { DeviceBuffer } from './pjrt/buffer';
import type { Client } from './pjrt/client';
import type { DeviceDtype, HostArray } from './pjrt/dtype';
import { type Axis, cut, join, partShape } from './sharding';

/** A tensor on all devices of a mesh: a part on each, or the whole. */
export interface Spread {
  /** One a device, in the mesh's order. */
  readonly parts: readonly DeviceBuffer[];
  readonly shape: readonly number[];
  readonly axis: Axis;
}

/** @param axis along which it is split; undefined: every device has the whole */
export function spread(
  client: Client,
  devices: number,
  data: HostArray,
  dtype: DeviceDtype,
  shape: readonly number[],
  axis: Axis,
): Spread {
  const own = partShape(shape, axis, devices);
  const parts: DeviceBuffer[] = [];
  try {
    for (let device = 0; device < devices; device++) {
      const part = cut(data as Float32Array, shape, axis, devices, device);
      parts.push(client.put(part, dtype, own, client.devices[device]!));
    }
  } catch (error) {
    for (const part of parts) part.free();
    throw error;
  }
  return { parts, shape, axis };
}

/** A tensor whose parts are made one after the other. */
export async function onEach(
  devices: number,
  shape: readonly number[],
  axis: Axis,
  part: (device: number) => Promise<DeviceBuffer>,
): Promise<Spread> {
  const parts: DeviceBuffer[] = [];
  try {
    for (let device = 0; device < devices; device++) parts.push(await part(device));
  } catch (error) {
    for (const one of parts) one.free();
    throw error;
  }
  return { parts, shape, axis };
}

/** A copy on the host. */
export async function gather({ parts, shape, axis }: Spread): Promise<Float32Array | Int32Array> {
  if (axis === undefined) return (await parts[0]!.read()) as Float32Array | Int32Array;
  const read: Float32Array[] = [];
  for (const part of parts) read.push((await part.read()) as Float32Array);
  return join(read, shape, axis);
}

export function free({ parts }: Spread): void {
  for (const part of parts) part.free();
}
