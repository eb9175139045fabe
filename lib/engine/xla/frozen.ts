import { type FileHandle, open, stat } from 'node:fs/promises';
import { isStack } from '../layers';
import { type FrozenWeight, sizeOf } from '../tensors';
import type { Client } from './pjrt/client';
import type { HostArray } from './pjrt/dtype';
import { type Axis, partShape, piecesOf, shardAxis } from './sharding';
import { free, onEach, type Spread } from './spread';
import type { Stacks } from './stacks';

/** Frozen weights on a device: one copy for all programs that read them. */
export interface FrozenStore {
  /** @param pieces the layers of a stack, or the one weight */
  borrow(name: string, pieces: readonly FrozenWeight[]): Promise<Spread>;
  /** Freed when the last program has given it back. */
  giveBack(weight: Spread): void;
}

export function openFrozenStore(client: Client, devices: number, stacks: Stacks): FrozenStore {
  const held = new Map<string, { readonly weight: Promise<Spread>; uses: number }>();
  const keys = new Map<Spread, string>();
  return {
    borrow: async (name, pieces) => {
      const identity = pieces.map(async ({ file, offset, dtype, shape }) => {
        const { size, mtimeMs, ino } = await stat(file);
        return [file, ino, size, mtimeMs, offset, dtype, shape];
      });
      const key = JSON.stringify(await Promise.all(identity));
      const entry = held.get(key) ?? { weight: upload(client, devices, stacks, name, pieces), uses: 0 };
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
 * As they lie in the files: 16-bit numbers stay so on the device. Each device's part of each layer is read by itself: on the
 * host there is never more than the largest of them, and small stacks.
 */
async function upload(
  client: Client,
  devices: number,
  stacks: Stacks,
  name: string,
  pieces: readonly FrozenWeight[],
): Promise<Spread> {
  const [{ dtype, shape: one }] = pieces as [FrozenWeight];
  const stacked = isStack(name);
  const shape = stacked ? [pieces.length, ...one] : one;
  const axis = shardAxis(`frozen.${name}`, shape, devices);
  const own = axis === undefined ? undefined : axis - (stacked ? 1 : 0);
  const partOf = (piece: number, device: number) => readPart(pieces[piece]!, own, devices, device);
  if (stacked) return stacks.make(dtype, shape, axis, partOf);
  return onEach(devices, shape, axis, async (device) =>
    client.put(await partOf(0, device), dtype, partShape(one, own, devices), client.devices[device]!),
  );
}

/** A device's part of a weight. */
async function readPart(piece: FrozenWeight, axis: Axis, devices: number, device: number): Promise<HostArray> {
  const ranges = rangesOf(piece, axis, devices, device);
  const bytes = new Uint8Array(ranges.reduce((sum, { length }) => sum + length, 0));
  const handle = await open(piece.file);
  try {
    let at = 0;
    for (const { offset, length } of ranges) {
      await readInto(bytes.subarray(at, at + length), piece.file, handle, offset);
      at += length;
    }
  } finally {
    await handle.close();
  }
  return piece.dtype === 'float32' ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
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

async function readInto(bytes: Uint8Array, file: string, handle: FileHandle, offset: number): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), offset + at);
    if (bytesRead === 0) {
      throw new Error(`engine: ${file} ends at byte ${offset + at}, a weight in it goes to ${offset + bytes.length}`);
    }
    at += bytesRead;
  }
}
