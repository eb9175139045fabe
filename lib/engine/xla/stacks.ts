import { type HostTensor, readSource, sizeOf, type TensorSource } from '../tensors';
import type { HloType } from './hlo-text';
import { put, take } from './kernels-loop';
import { createModule } from './module';
import type { Client } from './pjrt/client';
import { dtypeEntry, type HostArray } from './pjrt/dtype';
import type { Executable } from './pjrt/executable';
import { type Axis, cut, partShape, shardAxis } from './sharding';
import { free, gather, onEach, type Spread, spread } from './spread';

/**
 * Layers that lie stacked on devices. A large stack is made, read and changed a layer at a time, by small programs on the
 * devices: the host never holds more of it than one layer.
 */
export interface Stacks {
  /**
   * @param shape [L, ...] of the whole stack
   * @param partOf a device's part of a layer, cut along the stack's axis
   */
  make(
    dtype: HloType,
    shape: readonly number[],
    axis: Axis,
    partOf: (layer: number, device: number) => Promise<HostArray>,
  ): Promise<Spread>;
  /** @param name the state's, by which devices split it */
  makeOf(name: string, layers: readonly (HostTensor | TensorSource)[]): Promise<Spread>;
  read(stack: Spread, layer: number): Promise<Float32Array | Int32Array>;
  /** @returns the stack in its place: the given one is used up */
  write(stack: Spread, layer: number, tensor: HostTensor): Promise<Spread>;
}

/** Bytes of a device's part up to which a stack goes as a whole. */
const SMALL = 64 * 2 ** 20;

export function openStacks(client: Client, devices: number, small = SMALL): Stacks {
  const programs = new Map<string, Promise<Executable>>();
  const isSmall = (dtype: HloType, shape: readonly number[], axis: Axis) =>
    sizeOf(partShape(shape, axis, devices)) * dtypeEntry(dtype).bytes <= small;
  const program = (kind: Kind, dtype: HloType, shape: readonly number[], axis: Axis): Promise<Executable> => {
    const key = `${kind} ${dtype} ${shape} ${axis}`;
    const known = programs.get(key);
    if (known) return known;
    const made = client.compile(textOf(kind, dtype, shape, axis, devices), { partitions: devices });
    programs.set(key, made);
    made.catch(() => programs.delete(key));
    return made;
  };
  /** Runs a program of one result; those of `given` that it does not take over stay. */
  const run = async (
    kind: Kind,
    { dtype, shape, axis }: { dtype: HloType; shape: readonly number[]; axis: Axis },
    given: readonly Spread[],
  ): Promise<Spread['parts']> => {
    const executable = await program(kind, dtype, shape, axis);
    const lists = Array.from({ length: devices }, (_, device) => given.map(({ parts }) => parts[device]!));
    return (await executable.run(lists)).map(([part]) => part!);
  };
  const number = (value: number): Spread => spread(client, devices, Int32Array.of(value), 'int32', [], undefined);
  const typeOf = (stack: Spread) => ({ dtype: stack.parts[0]!.dtype as HloType, shape: stack.shape, axis: stack.axis });

  const make: Stacks['make'] = async (dtype, shape, axis, partOf) => {
    const [count, ...one] = shape as [number, ...number[]];
    const layerAxis = axis === undefined ? undefined : axis - 1;
    const own = partShape(one, layerAxis, devices);
    if (isSmall(dtype, shape, axis)) {
      return onEach(devices, shape, axis, async (device) => {
        const bytes = count * sizeOf(own) * dtypeEntry(dtype).bytes;
        const whole = new (dtypeEntry(dtype).array)(new ArrayBuffer(bytes)) as Float32Array;
        for (let layer = 0; layer < count; layer++) {
          whole.set((await partOf(layer, device)) as Float32Array, layer * sizeOf(own));
        }
        return client.put(whole, dtype, [count, ...own], client.devices[device]!);
      });
    }
    let stack: Spread | undefined;
    try {
      for (let at = 0; at < count; at++) {
        const layer = await onEach(devices, one, layerAxis, async (device) =>
          client.put(await partOf(at, device), dtype, own, client.devices[device]!),
        );
        const place = number(at);
        try {
          const given: readonly Spread[] = stack ? [stack, layer, place] : [layer, place];
          stack = { parts: await run(stack ? 'put' : 'begin', { dtype, shape, axis }, given), shape, axis };
        } finally {
          free(layer);
          free(place);
        }
      }
      return stack!;
    } catch (error) {
      if (stack) free(stack);
      throw error;
    }
  };

  /** The small stack that was read last: its layers are asked for one after the other. */
  let last: { readonly stack: Spread; readonly data: Promise<Float32Array | Int32Array> } | undefined;
  return {
    make,
    makeOf: (name, layers) => {
      const { dtype, shape: one } = layers[0]!;
      const shape = [layers.length, ...one];
      const axis = shardAxis(`state.${name}`, shape, devices);
      const layerAxis = axis === undefined ? undefined : axis - 1;
      // Devices ask for their parts of a layer one after the other.
      let last: { readonly layer: number; readonly tensor: Promise<HostTensor> } | undefined;
      return make(dtype, shape, axis, async (layer, device) => {
        if (last?.layer !== layer) last = { layer, tensor: readSource(layers[layer]!) };
        const { data } = await last.tensor;
        return cut(data as Float32Array, one, layerAxis, devices, device);
      });
    },
    read: async (stack, layer) => {
      const { dtype, shape, axis } = typeOf(stack);
      const [, ...one] = shape;
      if (isSmall(dtype, shape, axis)) {
        if (last?.stack !== stack) last = { stack, data: gather(stack) };
        return (await last.data).slice(layer * sizeOf(one), (layer + 1) * sizeOf(one));
      }
      const place = number(layer);
      const parts = await run('take', { dtype, shape, axis }, [stack, place]);
      const read: Spread = { parts, shape: one, axis: axis === undefined ? undefined : axis - 1 };
      try {
        return await gather(read);
      } finally {
        free(read);
        free(place);
      }
    },
    write: async (stack, layer, { data, dtype, shape: one }) => {
      const { shape, axis } = typeOf(stack);
      const layerAxis = axis === undefined ? undefined : axis - 1;
      const [fresh, place] = [spread(client, devices, data, dtype, one, layerAxis), number(layer)];
      try {
        return { parts: await run('put', typeOf(stack), [stack, fresh, place]), shape, axis };
      } finally {
        free(fresh);
        free(place);
      }
    },
  };
}

/** begin: layer -> stack of zeros with it; put: stack and layer -> stack; take: stack -> layer. All at a place. */
type Kind = 'begin' | 'put' | 'take';

function textOf(kind: Kind, dtype: HloType, shape: readonly number[], axis: Axis, devices: number): string {
  const m = createModule('float32', devices);
  const [, ...one] = shape;
  const layerAxis = axis === undefined ? undefined : axis - 1;
  const stack = kind === 'begin' ? m.splat(0, dtype, shape) : m.argument('stack', dtype, shape, axis);
  const layer = kind === 'take' ? undefined : m.argument('layer', dtype, one, layerAxis);
  const at = m.argument('at', 'int32', []);
  const value = layer ? put(m, stack, layer, at) : take(m, stack, at);
  const result = { begin: { value, axis }, put: { value, takes: 'stack' }, take: { value, axis: layerAxis } }[kind];
  return m.finish(`${kind} layer`, [result]);
}
