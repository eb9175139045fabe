import type { Device } from './device';
import { isStack, stacksOf } from './layers';
import type { Held } from './program';
import { checkTensor, type HostTensor, readSource, type Specs, type TensorSources, type TensorSpec } from './tensors';

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

/** `spare`: a second buffer for a runtime whose next run cannot write into the first, so that nothing is allocated. */
export interface Slot {
  readonly spec: TensorSpec;
  current: Held;
  spare?: Held;
}

/** A tensor's place: a slot of its own, or a part of a stack's. */
interface Place {
  readonly slot: string;
  readonly layer: number;
}

const copyOf = (tensor: HostTensor): HostTensor => ({ ...tensor, data: tensor.data.slice() });

/**
 * The tensors on the device, and where each lies. A function of its own: what the state's functions close over stays in
 * memory with them, and the host's tensors must not.
 */
async function uploadAll({ runtime }: Device, values: TensorSources) {
  const slots = new Map<string, Slot>();
  const places = new Map<string, Place>();
  const specs: Specs = Object.fromEntries(
    Object.entries(values).map(([name, { shape, dtype }]) => [name, { shape, dtype } as const]),
  );
  const checked = async (name: string): Promise<HostTensor> => {
    const value = values[name]!;
    const tensor = await readSource(value);
    checkTensor('state', name, specs[name]!, tensor);
    return tensor === value ? copyOf(tensor) : tensor;
  };
  const stacks = runtime.stacks ? stacksOf(specs) : new Map(Object.keys(values).map((name) => [name, [name]]));
  try {
    for (const [slot, members] of stacks) {
      for (const [layer, name] of members.entries()) places.set(name, { slot, layer });
      const { shape, dtype } = specs[members[0]!]!;
      if (isStack(slot)) {
        const current = await runtime.stacks!.make(
          slot,
          members.map((name) => ({ ...specs[name]!, read: () => checked(name) })),
        );
        slots.set(slot, { spec: { shape: [members.length, ...shape], dtype }, current });
      } else slots.set(slot, { spec: { shape, dtype }, current: await runtime.upload(await checked(slot), slot) });
    }
  } catch (error) {
    for (const { current } of slots.values()) runtime.release(current);
    throw error;
  }
  return { specs, slots, places };
}

/** @param values copied; of a source, read when the device takes it and the state's own from there on */
export async function createState(device: Device, values: TensorSources): Promise<DeviceState> {
  const { runtime } = device;
  const { specs, slots, places } = await uploadAll(device, values);
  const placeOf = (name: string): Place => {
    const found = places.get(name);
    if (found && slots.has(found.slot)) return found;
    throw new Error(`state: no tensor "${name}"; it has ${[...slots.keys()].slice(0, 8).join(', ')} ...`);
  };
  return {
    specs,
    slots,
    read: async (name) => {
      const { slot, layer } = placeOf(name);
      const { current } = slots.get(slot)!;
      const data = isStack(slot) ? await runtime.stacks!.read(current, layer) : await runtime.download(current);
      return { ...specs[name]!, data };
    },
    write: async (name, tensor) => {
      const { slot, layer } = placeOf(name);
      checkTensor('state', name, specs[name]!, tensor);
      const target = slots.get(slot)!;
      if (isStack(slot)) {
        target.current = await runtime.stacks!.write(target.current, layer, tensor);
        return;
      }
      const fresh = await runtime.upload(copyOf(tensor), slot);
      runtime.release(target.current);
      target.current = fresh;
    },
    dispose: () => {
      for (const { current } of slots.values()) runtime.release(current);
      slots.clear();
    },
  };
}
