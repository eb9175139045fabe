import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack as createPack } from 'tar-stream';
import { writeFileAtomic } from '../../files';
import type { BundleEntry } from './entry';

/** Of every file in an archive, so that equal files give an equal archive. */
const TIME = new Date(Date.UTC(2000, 0, 1));

/**
 * Level 3 packs the workbook to 90 MB in a third of level 6's time; gzip's best is 123 MB. Every processor takes part.
 */
const XZ = ['--threads=0', '-3', '--stdout'] as const;

/**
 * Writes files as one .tar.xz, aside and renamed, and its sha256 beside it in the form of `sha256sum`.
 *
 * @param folder the one folder that the archive unpacks to
 * @param onBytes called with the bytes that were packed so far
 * @returns bytes and sha256 of the archive
 * @throws when xz is not there, a file changes its length while it is packed, or the disk is full
 */
export async function writeArchive(
  out: string,
  folder: string,
  entries: readonly BundleEntry[],
  onBytes: (packed: number) => void = () => {},
  signal?: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  if (spawnSync('xz', ['--version']).error) {
    throw new Error('bundle: the program xz is not on the PATH; install it (xz-utils, or xz), it packs the archive');
  }
  const hash = createHash('sha256');
  let bytes = 0;
  await writeFileAtomic(out, async (file) => {
    const pack = createPack();
    const xz = spawn('xz', XZ, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => xz.on('close', resolve));
    const packing = packAll(pack, folder, entries, onBytes, signal);
    // The pipe to xz ends with it.
    packing.catch((error: Error) => pack.destroy(error));
    const take = async () => {
      for await (const piece of xz.stdout as AsyncIterable<Buffer>) {
        hash.update(piece);
        bytes += piece.length;
        await file.writeFile(piece);
      }
    };
    try {
      // An error of a file breaks the pipe as well: the file's is told.
      const piping = pipeline(pack, xz.stdin).catch((error: Error) => packing.then(() => Promise.reject(error)));
      await Promise.all([packing, piping, take()]);
    } catch (error) {
      xz.kill();
      throw error;
    }
    const code = await ended;
    if (code !== 0) throw new Error(`bundle: xz ended with status ${code}; what it said stands above`);
  });
  const sha256 = hash.digest('hex');
  await writeFileAtomic(`${out}.sha256`, `${sha256}  ${basename(out)}\n`);
  return { bytes, sha256 };
}

async function packAll(
  pack: ReturnType<typeof createPack>,
  folder: string,
  entries: readonly BundleEntry[],
  onBytes: (packed: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  let packed = 0;
  for (const { path, from, bytes, isProgram } of entries) {
    signal?.throwIfAborted();
    const header = { name: `${folder}/${path}`, size: bytes, mode: isProgram ? 0o755 : 0o644, mtime: TIME };
    if (typeof from !== 'string') {
      pack.entry(header, from.text);
      packed += bytes;
    } else {
      // Without `end` a file that grew would be packed beyond its stated length.
      const content = createReadStream(from, { highWaterMark: 1 << 20, ...(bytes > 0 ? { end: bytes - 1 } : {}) });
      content.on('data', (piece) => {
        packed += piece.length;
        onBytes(packed);
      });
      await pipeline(content, pack.entry(header)).catch((error: NodeJS.ErrnoException) => {
        signal?.throwIfAborted();
        const isOfFile = error.syscall === 'open' || error.syscall === 'read' || error.message === 'Size mismatch';
        if (!isOfFile) throw error;
        throw new Error(`bundle: ${from} could not be packed: ${error.message}; run the command again`, {
          cause: error,
        });
      });
    }
    onBytes(packed);
  }
  pack.finalize();
}
