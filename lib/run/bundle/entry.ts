import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of a bundle. */
export interface BundleEntry {
  /** In the archive, below its one folder, with slashes. */
  readonly path: string;
  /** Where it is read from, or what it holds. */
  readonly from: string | { readonly text: string };
  readonly bytes: number;
  readonly isProgram: boolean;
}

export const textEntry = (path: string, text: string, isProgram = false): BundleEntry => ({
  path,
  from: { text },
  bytes: Buffer.byteLength(text),
  isProgram,
});

export async function fileEntry(path: string, from: string): Promise<BundleEntry> {
  const { size, mode } = await stat(from);
  return { path, from, bytes: size, isProgram: (mode & 0o100) !== 0 };
}

/**
 * Every file of a folder, in the order of names; links are followed, as a model in the Hub's cache is made of them.
 *
 * @param path of the folder in the archive
 * @param keeps asked for each file and folder by its path below the folder
 */
export async function folderEntries(
  path: string,
  folder: string,
  keeps: (below: string, isFolder: boolean) => boolean = () => true,
): Promise<BundleEntry[]> {
  const walk = async (below: string): Promise<BundleEntry[]> => {
    const entries: BundleEntry[] = [];
    for (const name of (await readdir(join(folder, below))).sort()) {
      const place = below === '' ? name : `${below}/${name}`;
      const isFolder = (await stat(join(folder, place))).isDirectory();
      if (!keeps(place, isFolder)) continue;
      if (isFolder) entries.push(...(await walk(place)));
      else entries.push(await fileEntry(`${path}/${place}`, join(folder, place)));
    }
    return entries;
  };
  return walk('');
}
