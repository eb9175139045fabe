import { createHash } from 'node:crypto';

/** sha256 of a text, in hexadecimal. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Of a value as JSON writes it: equal values whose fields stand in one order have one hash. */
export const hashOf = (value: unknown): string => sha256(JSON.stringify(value));
