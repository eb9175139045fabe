import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { HostTensors } from '../../lib/engine/tensors';
import { writeSafetensors } from '../../lib/model/safetensors';

/** Empty folders of a test file, one a call, deleted after its tests. */
export function newFolders(prefix: string): { readonly work: string; readonly newFolder: () => string } {
  const work = mkdtempSync(join(tmpdir(), prefix));
  afterAll(() => rmSync(work, { recursive: true }));
  let made = 0;
  return {
    work,
    newFolder: () => {
      const folder = join(work, `${made++}`);
      mkdirSync(folder);
      return folder;
    },
  };
}

export const write = (file: string, tensors: HostTensors) => writeSafetensors(file, tensors, (name) => tensors[name]!);
