import { join } from 'node:path';
import { type Lock, lockFile } from '../lock';

/** The lock's name in its folder. */
export const LOCK = 'lock.json';

/** How long a process is waited for that lost its parent and is about to notice. */
const PATIENCE_MS = 15_000;

/**
 * Takes a folder for this process alone until `release`, or until the process ends in whatever way.
 *
 * @param patience waits for a holder that is about to end, ms
 * @throws naming the process that holds it
 */
export async function lockFolder(folder: string, patience: number = 0): Promise<Lock> {
  const file = join(folder, LOCK);
  return lockFile(
    file,
    patience,
    ({ pid, host }) =>
      new Error(
        `reproduce: ${folder} is in use by process ${pid} on ${host}; wait for it to end, choose another --out, ` +
          `or, if there is no such process, delete ${file}`,
      ),
  );
}

/** As `lockFolder`, but waits a little for a process that outlived its killed parent by one update. */
export const lockFolderPatiently = (folder: string): ReturnType<typeof lockFolder> => lockFolder(folder, PATIENCE_MS);
