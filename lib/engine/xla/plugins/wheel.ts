import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { basename, isAbsolute, join, relative } from 'node:path';
import { openPromise } from 'yauzl';
import { writeFileAtomic } from '../../../files';
import { requireRegularFile } from '../../../json-file';
import type { Wheel } from './catalogue';

/** Wheels are zip files: checked by their hash, then unpacked side by side, as pip lays them in site-packages. */

/** @throws where the file is another than the one that was pinned */
export async function checkWheel(path: string, { sha256, bytes }: Wheel): Promise<void> {
  await requireRegularFile(path, 'xla');
  const hash = createHash('sha256');
  let read = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    read += (chunk as Buffer).length;
  }
  const got = hash.digest('hex');
  if (got === sha256) return;
  throw new Error(
    `xla: ${path} is not the wheel that was pinned: sha256 ${sha256} over ${bytes} bytes was required, got ${got} over ` +
      `${read}; download it again`,
  );
}

/** Unix file types in the high bits of an entry's mode. */
const TYPE = 0o170000;
const LINK = 0o120000;
const EXECUTABLE = 0o111;

/**
 * @param folder where its files go; nothing is written outside
 * @returns the files, relative to the folder
 */
export async function unpackWheel(path: string, folder: string): Promise<readonly string[]> {
  const zip = await openPromise(path, { autoClose: false }).catch((error: Error) => {
    throw cannotUnpack(path, error);
  });
  const files: string[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      const mode = entry.externalFileAttributes >>> 16;
      const target = join(folder, entry.fileName);
      const inside = relative(folder, target);
      if ((mode & TYPE) === LINK || inside.startsWith('..') || isAbsolute(inside)) {
        throw new Error(`"${entry.fileName}" would lie outside or lead there`);
      }
      const content = await zip.openReadStreamPromise(entry);
      await writeFileAtomic(target, async (file) => {
        for await (const chunk of content) await file.writeFile(chunk as Buffer);
      });
      if (mode & EXECUTABLE) await chmod(target, 0o755);
      files.push(inside);
    }
  } catch (error) {
    const { message } = error as Error;
    // A full disk is the disk's; two entries of one name are the wheel's.
    throw message.startsWith('files: ') && !message.includes(': a folder has that name')
      ? error
      : cannotUnpack(path, error as Error);
  } finally {
    zip.close();
  }
  return files;
}

const cannotUnpack = (path: string, error: Error): Error =>
  new Error(`xla: ${basename(path)} cannot be unpacked: ${error.message}; nothing of it is kept`, { cause: error });
