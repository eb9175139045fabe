import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** sha256 of a text, in hexadecimal. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of a value as JSON writes it: equal values whose fields stand in one order have one hash. */
export const hashOf = (value: unknown): string => sha256(JSON.stringify(value));

/** sha256 over the bytes of files, one after the other, in hexadecimal; none is held whole. */
export async function hashFiles(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    for await (const bytes of createReadStream(file) as AsyncIterable<Buffer>) hash.update(bytes);
  }
  return hash.digest('hex');
}
