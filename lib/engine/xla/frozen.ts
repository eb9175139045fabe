import { open, stat } from 'node:fs/promises';
import type { FrozenWeight } from '../tensors';
import type { DeviceBuffer } from './pjrt/buffer';
import type { Client } from './pjrt/client';

/** Frozen weights on a device: one copy for all programs that read them. */
export interface FrozenStore {
  borrow(weight: FrozenWeight): Promise<DeviceBuffer>;
  /** Freed when the last program has given it back. */
  giveBack(buffer: DeviceBuffer): void;
}

export function openFrozenStore(client: Client): FrozenStore {
  const held = new Map<string, { readonly buffer: Promise<DeviceBuffer>; uses: number }>();
  const keys = new Map<DeviceBuffer, string>();
  return {
    borrow: async (weight) => {
      const { size, mtimeMs, ino } = await stat(weight.file);
      const { file, offset, dtype, shape } = weight;
      const key = JSON.stringify([file, ino, size, mtimeMs, offset, dtype, shape]);
      const entry = held.get(key) ?? { buffer: upload(client, weight), uses: 0 };
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

/** As it lies in the file: 16-bit numbers stay so on the device. */
async function upload(client: Client, { file, offset, length, dtype, shape }: FrozenWeight): Promise<DeviceBuffer> {
  const bytes = new Uint8Array(length);
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
  const numbers = dtype === 'float32' ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  return client.put(numbers, dtype, shape);
}
