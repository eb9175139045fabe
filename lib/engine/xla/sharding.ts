import { isStack } from '../layers';

/**
 * How tensors lie on a mesh of devices: split along one axis, or whole on each.
 *
 *     inputs [B, ...]     the batch is split: each device takes B / n rows
 *     state, frozen       the first axis that n divides: each device keeps 1 / n, and gathers a layer when it computes it
 *
 * Source: Rajbhandari et al. 2020, ZeRO, stage 3; PyTorch's fully sharded data parallel
 */
export type Axis = number | undefined;

/** @param name as the traced graph has it: "in.tokens", "state.model.norm.weight" */
export function shardAxis(name: string, shape: readonly number[], devices: number): Axis {
  if (devices === 1) return undefined;
  const divides = (axis: number) => shape[axis]! > 0 && shape[axis]! % devices === 0;
  if (name.startsWith('in.')) return shape.length >= 2 && divides(0) ? 0 : undefined;
  const first = isStack(name) ? 1 : 0;
  const axis = shape.findIndex((_, i) => i >= first && divides(i));
  return axis < 0 ? undefined : axis;
}

/** A device's part of a tensor's shape. */
export const partShape = (shape: readonly number[], axis: Axis, devices: number): number[] =>
  shape.map((d, i) => (i === axis ? d / devices : d));

/**
 * Rows of a tensor as a device's part has them: the part is `count` pieces of `length` numbers, the first at `start`, each
 * `stride` further.
 */
export function piecesOf(shape: readonly number[], axis: number, devices: number, device: number) {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const length = (shape[axis]! / devices) * inner;
  const count = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  return { count, length, start: device * length, stride: shape[axis]! * inner };
}

type Numbers = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** A device's part of numbers on the host. */
export function cut<T extends Numbers>(
  data: T,
  shape: readonly number[],
  axis: Axis,
  devices: number,
  device: number,
): T {
  if (axis === undefined) return data;
  const { count, length, start, stride } = piecesOf(shape, axis, devices, device);
  if (count === 1) return data.subarray(start, start + length) as T;
  const part = new (data.constructor as new (size: number) => T)(count * length);
  for (let i = 0; i < count; i++) {
    part.set(data.subarray(start + i * stride, start + i * stride + length), i * length);
  }
  return part;
}

/** The whole from the parts of all devices. */
export function join<T extends Numbers>(parts: readonly T[], shape: readonly number[], axis: Axis): T {
  if (axis === undefined) return parts[0]!;
  const size = shape.reduce((a, b) => a * b, 1);
  const whole = new (parts[0]!.constructor as new (size: number) => T)(size);
  for (const [device, part] of parts.entries()) {
    const { count, length, start, stride } = piecesOf(shape, axis, parts.length, device);
    for (let i = 0; i < count; i++) whole.set(part.subarray(i * length, (i + 1) * length), start + i * stride);
  }
  return whole;
}
