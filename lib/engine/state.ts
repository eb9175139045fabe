import type { Device } from './device';
import type { Held } from './program';
import { checkTensor, type HostTensor, type HostTensors, type Specs } from './tensors';

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

/** `spare`: a second buffer that a runtime's next run may write into, so that nothing is allocated. */
export interface Slot {
  current: Held;
  spare?: Held;
}

export async function createState(device: Device, values: HostTensors): Promise<DeviceState> {
  const { runtime } = device;
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
    slots.set(name, { current: await runtime.upload(tensor) });
  }
  return {
    specs,
    slots,
    read: async (name) => ({ ...specs[name]!, data: await runtime.download(slot(name).current) }),
    write: async (name, tensor) => {
      const target = slot(name);
      checkTensor('state', name, specs[name]!, tensor);
      const fresh = await runtime.upload(tensor);
      runtime.release(target.current);
      target.current = fresh;
    },
    dispose: () => {
      for (const { current } of slots.values()) runtime.release(current);
      slots.clear();
    },
  };
}
