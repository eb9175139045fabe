import type { Device } from './device';
import * as ort from './runtime';
import { reshaped } from './session';
import { checkTensor, type HostTensor, type HostTensors, type Specs, sizeOf } from './tensors';
import * as tf from './tf';

/**
 * Tensors that live on a device from run to run: parameters, moments, sums of gradients.
 * Programs name the ones they read and the ones they replace.
 */
export interface DeviceState {
  readonly specs: Specs;
  /** A copy on the host. @throws when there is no tensor of that name */
  read(name: string): Promise<HostTensor>;
  /** Replaces a tensor's values. @throws when there is none of that name, or shape or type differ */
  write(name: string, tensor: HostTensor): Promise<void>;
  /** Frees the tensors. Programs may be disposed before or after. */
  dispose(): void;
  /** For programs: the tensor in the device's own form. */
  readonly slots: Map<string, Slot>;
}

/** `spare`: on the CPU, the second buffer that the next run writes into, so that nothing is allocated. */
export interface Slot {
  current: ort.Tensor | tf.Tensor;
  spare?: ort.Tensor;
}

export async function createState(device: Device, values: HostTensors): Promise<DeviceState> {
  const slots = new Map<string, Slot>();
  const specs = Object.fromEntries(
    Object.entries(values).map(([name, { shape, dtype }]) => [name, { shape, dtype } as const]),
  );
  const slot = (name: string): Slot => {
    const found = slots.get(name);
    if (!found) throw new Error(`state: no tensor "${name}"; it has ${[...slots.keys()].slice(0, 8).join(', ')} ...`);
    return found;
  };
  for (const [name, tensor] of Object.entries(values)) {
    checkTensor('state', name, specs[name]!, tensor);
    slots.set(name, { current: await upload(device, tensor) });
  }
  return {
    specs,
    slots,
    read: async (name) => {
      const { current } = slot(name);
      return { ...specs[name]!, data: await download(device, current) };
    },
    write: async (name, tensor) => {
      const target = slot(name);
      checkTensor('state', name, specs[name]!, tensor);
      const fresh = await upload(device, tensor);
      release(target.current);
      target.current = fresh;
    },
    dispose: () => {
      for (const { current } of slots.values()) release(current);
      slots.clear();
    },
  };
}

export function hostToOrt(tensor: HostTensor): ort.Tensor {
  return new ort.Tensor(tensor.dtype, tensor.data as Float32Array, tensor.shape);
}

/** The buffer for a state tensor's next value, in the shape the graph declares. */
export function spareFor(slot: Slot, shape: readonly number[]): ort.Tensor {
  const { type } = slot.current as ort.Tensor;
  const fresh = () => new (type === 'int32' ? Int32Array : Float32Array)(sizeOf(shape)) as Float32Array;
  slot.spare = slot.spare ? reshaped(slot.spare, shape) : new ort.Tensor(type as 'float32', fresh(), shape);
  return slot.spare;
}

export function release(tensor: ort.Tensor | tf.Tensor): void {
  if (!isOrt(tensor)) tensor.dispose();
  else if (tensor.location !== 'cpu') tensor.dispose();
}

/** Asked this way round because tfjs' own test reads `tensor.data`, which throws for a tensor on the GPU. */
const isOrt = (tensor: ort.Tensor | tf.Tensor): tensor is ort.Tensor => tensor instanceof ort.Tensor;

async function download(device: Device, tensor: ort.Tensor | tf.Tensor): Promise<Float32Array | Int32Array> {
  if (!isOrt(tensor)) return (await tensor.data()).slice() as Float32Array | Int32Array;
  if (tensor.location === 'cpu') return (tensor.data as Float32Array | Int32Array).slice();
  return device.transfer!.download(tensor);
}

async function upload(device: Device, tensor: HostTensor): Promise<ort.Tensor | tf.Tensor> {
  if (device.name === 'tfjs') return tf.keep(tf.tensor(tensor.data.slice(), [...tensor.shape], tensor.dtype));
  if (device.transfer) return device.transfer.upload(hostToOrt(tensor));
  return hostToOrt({ ...tensor, data: tensor.data.slice() } as HostTensor);
}
