import { open } from 'node:fs/promises';
import type { HostTensor } from '../engine/tensors';
import type { StoredWeight } from './folder';

/** Bytes looked at at once. */
const PIECE = 2 ** 22;

/** The exponent's bits, which are all 1 in NaN and infinity alone, and what added to them then reaches the sign's bit. */
const EXPONENTS = {
  float32: { mask: 0x7f800000, one: 0x00800000, top: 0x80000000 },
  float16: { mask: 0x7c00, one: 0x0400, top: 0x8000 },
  bfloat16: { mask: 0x7f80, one: 0x0080, top: 0x8000 },
} as const;

/**
 * The first weight with NaN or an infinity in it. Every byte is read, in pieces; it takes about as long as their hash.
 *
 * @returns its name, or undefined where every number is finite
 */
export async function nonFiniteWeight(weights: Readonly<Record<string, StoredWeight>>): Promise<string | undefined> {
  const buffer = new ArrayBuffer(PIECE);
  for (const [name, { file, dtype, offset, length }] of Object.entries(weights)) {
    const { mask, one, top } = EXPONENTS[dtype];
    const handle = await open(file);
    try {
      for (let done = 0; done < length; done += PIECE) {
        const count = Math.min(PIECE, length - done);
        await handle.read(new Uint8Array(buffer, 0, count), 0, count, offset + done);
        const bits =
          dtype === 'float32' ? new Uint32Array(buffer, 0, count / 4) : new Uint16Array(buffer, 0, count / 2);
        if (anyReaches(bits, mask, one, top)) return name;
      }
    } finally {
      await handle.close();
    }
  }
  return undefined;
}

function anyReaches(bits: Uint32Array | Uint16Array, mask: number, one: number, top: number): boolean {
  let seen = 0;
  for (let i = 0; i < bits.length; i++) seen |= (bits[i]! & mask) + one;
  return (seen & top) !== 0;
}

/** What to say of a tensor with NaN or an infinity in it, after its file's name. */
export const notFinite = (name: string): string =>
  `"${name}" holds NaN or an infinity; download the file again, or save it from a training that did not diverge`;

/** @throws naming the tensor when one of its numbers is NaN or infinite */
export function requireFinite(tensor: HostTensor, name: string, file: string): HostTensor {
  // No sum of finite float32 numbers leaves the range of a double.
  let sum = 0;
  for (const value of tensor.data) sum += value;
  if (!Number.isFinite(sum)) throw new Error(`lora: ${file}: ${notFinite(name)}`);
  return tensor;
}
