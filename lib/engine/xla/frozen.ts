import { open, stat } from 'node:fs/promises';
import type { FrozenWeight } from '../tensors';
import type { DeviceBuffer } from './pjrt/buffer';
import type { Client } from './pjrt/client';

/** Frozen weights on a device: one copy for all programs that read them. */
export interface FrozenStore {
  /** @param pieces the layers of a stack, or the one weight */
  borrow(pieces: readonly FrozenWeight[]): Promise<DeviceBuffer>;
  /** Freed when the last program has given it back. */
  giveBack(buffer: DeviceBuffer): void;
}

export function openFrozenStore(client: Client): FrozenStore {
  const held = new Map<string, { readonly buffer: Promise<DeviceBuffer>; uses: number }>();
  const keys = new Map<DeviceBuffer, string>();
  return {
    borrow: async (pieces) => {
      const identity = pieces.map(async ({ file, offset, dtype, shape }) => {
        const { size, mtimeMs, ino } = await stat(file);
        return [file, ino, size, mtimeMs, offset, dtype, shape];
      });
      const key = JSON.stringify(await Promise.all(identity));
      const entry = held.get(key) ?? { buffer: upload(client, pieces), uses: 0 };
      held.set(key, entry);
      entry.uses++;
      try {
        const buffer = await entry.buffer;
        keys.set(buffer, key);
        return buffer;
      } catch (error) {
        held.delete(key);
        throw error;
      }
    },
    giveBack: (buffer) => {
      const key = keys.get(buffer)!;
      const entry = held.get(key)!;
      if (--entry.uses > 0) return;
      held.delete(key);
      keys.delete(buffer);
      buffer.free();
    },
  };
}

/** As they lie in the files: 16-bit numbers stay so on the device. */
async function upload(client: Client, pieces: readonly FrozenWeight[]): Promise<DeviceBuffer> {
  const { dtype, shape } = pieces[0]!;
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    await readInto(bytes.subarray(at, at + piece.length), piece);
    at += piece.length;
  }
  const numbers = dtype === 'float32' ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  return client.put(numbers, dtype, pieces.length === 1 ? shape : [pieces.length, ...shape]);
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
