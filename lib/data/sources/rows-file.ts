import type { FileHandle } from 'node:fs/promises';
import { writeFileAtomic } from '../../files';

/** Characters gathered for one write. */
const WRITE_AT = 1 << 20;

/** Opens files that appear all together, or not at all. */
export async function withFiles(
  paths: readonly string[],
  write: (files: readonly FileHandle[]) => Promise<void>,
  open: readonly FileHandle[] = [],
): Promise<void> {
  const [first, ...rest] = paths;
  if (first === undefined) return write(open);
  return writeFileAtomic(first, (file) => withFiles(rest, write, [...open, file]));
}

/** Writes rows as JSON Lines, many at a time. */
export interface RowWriter {
  add(row: object): Promise<void>;
  end(): Promise<void>;
}

export function rowWriter(file: FileHandle): RowWriter {
  let lines: string[] = [];
  let gathered = 0;
  const end = async () => {
    // `write` may write a part on a disk that fills, and say so in a number alone.
    await file.writeFile(lines.join(''));
    lines = [];
    gathered = 0;
  };
  return {
    add: async (row) => {
      const line = `${JSON.stringify(row)}\n`;
      lines.push(line);
      gathered += line.length;
      if (gathered >= WRITE_AT) await end();
    },
    end,
  };
}
