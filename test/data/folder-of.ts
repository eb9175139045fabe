import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A new folder of files; rows are written as JSON Lines. */
export function folderOf(files: Readonly<Record<string, readonly object[] | string | Buffer>>): string {
  const root = mkdtempSync(join(tmpdir(), 'rows-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    const text = Array.isArray(content) ? content.map((row) => `${JSON.stringify(row)}\n`).join('') : content;
    writeFileSync(join(root, name), text as string | Buffer);
  }
  return root;
}
