import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, isAbsolute, relative, sep } from 'node:path';
import { WORKBOOK_ROOT } from '../files';

/** One file a run read. */
export interface DataFile {
  /** Relative to the workbook, with slashes; of a file elsewhere its last part. */
  readonly name: string;
  readonly sha256: string;
  /** Lines that hold more than white space: the rows of a JSON-lines file. */
  readonly rows: number;
}

/**
 * A file's hash and row count, read once and never held whole.
 * @throws when it cannot be read
 */
export async function describeDataFile(path: string, root: string = WORKBOOK_ROOT): Promise<DataFile> {
  const hash = createHash('sha256');
  let rows = 0;
  let lineHasText = false;
  for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(bytes);
    for (const byte of bytes) {
      if (byte === 0x0a) {
        if (lineHasText) rows++;
        lineHasText = false;
      } else if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) lineHasText = true;
    }
  }
  if (lineHasText) rows++;
  const inside = relative(root, path);
  const isOutside = isAbsolute(inside) || inside.startsWith('..');
  return { name: isOutside ? basename(path) : inside.split(sep).join('/'), sha256: hash.digest('hex'), rows };
}
