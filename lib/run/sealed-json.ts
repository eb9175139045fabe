import { hashOf } from '../hash';
import { readVersionedJson } from '../json-file';

/** A result file that holds the hash of all its other fields: it is read again as it was written, or not at all. */
export const sealedJson = (value: object): string => `${JSON.stringify({ sha256: hashOf(value), ...value })}\n`;

/**
 * What `sealedJson` wrote; undefined where it is not there.
 *
 * @throws as `readVersionedJson`, and when a field is another than was written
 */
export async function readSealedJson(
  file: string,
  version: number,
  messages: { readonly owner: string; readonly remedy: string },
): Promise<unknown> {
  const json = await readVersionedJson(file, version, messages);
  if (json === undefined) return undefined;
  const { sha256, ...value } = json as Record<string, unknown>;
  if (sha256 === hashOf(value)) return value;
  throw new Error(`${messages.owner}: ${file} is not as it was written, by its "sha256"; ${messages.remedy}`);
}
