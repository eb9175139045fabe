import { open, stat } from 'node:fs/promises';
import { isStack } from '../layers';
import { type FrozenWeight, sizeOf } from '../tensors';
import type { DeviceBuffer } from './pjrt/buffer';
import type { Client } from './pjrt/client';
import { type Axis, partShape, piecesOf, shardAxis } from './sharding';
import { free, type Spread } from './spread';

/** Frozen weights on a device: one copy for all programs that read them. */
export interface FrozenStore {
  /** @param pieces the layers of a stack, or the one weight */
  borrow(name: string, pieces: readonly FrozenWeight[]): Promise<Spread>;
  /** Freed when the last program has given it back. */
  giveBack(weight: Spread): void;
}

export function openFrozenStore(client: Client, devices: number): FrozenStore {
  const held = new Map<string, { readonly weight: Promise<Spread>; uses: number }>();
  const keys = new Map<Spread, string>();
  return {
    borrow: async (name, pieces) => {
      const identity = pieces.map(async ({ file, offset, dtype, shape }) => {
        const { size, mtimeMs, ino } = await stat(file);
        return [file, ino, size, mtimeMs, offset, dtype, shape];
      });
      const key = JSON.stringify(await Promise.all(identity));
      const entry = held.get(key) ?? { weight: upload(client, devices, name, pieces), uses: 0 };
      held.set(key, entry);
      entry.uses++;
      try {
        const weight = await entry.weight;
        keys.set(weight, key);
        return weight;
      } catch (error) {
        held.delete(key);
        throw error;
      }
    },
    giveBack: (weight) => {
      const key = keys.get(weight)!;
      const entry = held.get(key)!;
      if (--entry.uses > 0) return;
      held.delete(key);
      keys.delete(weight);
      free(weight);
    },
  };
}

/**
 * As they lie in the files: 16-bit numbers stay so on the device. Each device's part is read by itself: on the host there
 * is never more than the largest of them.
 */
async function upload(client: Client, devices: number, name: string, pieces: readonly FrozenWeight[]): Promise<Spread> {
  const { dtype, shape: one } = pieces[0]!;
  const stacked = isStack(name);
  const shape = stacked ? [pieces.length, ...one] : one;
  const axis = shardAxis(`frozen.${name}`, shape, devices);
  const own = partShape(shape, axis, devices);
  const size = dtype === 'float32' ? 4 : 2;
  const parts: DeviceBuffer[] = [];
  try {
    for (let device = 0; device < devices; device++) {
      const bytes = new Uint8Array(size * sizeOf(own));
      let at = 0;
      for (const piece of pieces) {
        for (const range of rangesOf(
          piece,
          axis === undefined ? undefined : axis - (stacked ? 1 : 0),
          devices,
          device,
        )) {
          await readInto(bytes.subarray(at, at + range.length), { ...piece, ...range });
          at += range.length;
        }
      }
      const numbers = dtype === 'float32' ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
      parts.push(client.put(numbers, dtype, own, client.devices[device]!));
    }
  } catch (error) {
    for (const part of parts) part.free();
    throw error;
  }
  return { parts, shape, axis };
}

/** Where in the file a device's part of a weight lies. */
function rangesOf(
  { shape, offset, length }: FrozenWeight,
  axis: Axis,
  devices: number,
  device: number,
): { readonly offset: number; readonly length: number }[] {
  if (axis === undefined) return [{ offset, length }];
  const size = length / sizeOf(shape);
  const piece = piecesOf(shape, axis, devices, device);
  return Array.from({ length: piece.count }, (_, i) => ({
    offset: offset + size * (piece.start + i * piece.stride),
    length: size * piece.length,
  }));
}

async function readInto(bytes: Uint8Array, { file, offset, length }: FrozenWeight): Promise<void> {
  const handle = await open(file);
  try {
    let at = 0;
    while (at < length) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(length - at, 2 ** 30), offset + at);
      if (bytesRead === 0) {
        throw new Error(`engine: ${file} ends at byte ${offset + at}, a weight in it goes to ${offset + length}`);
      }
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
