import { join } from 'node:path';
import { FOLDER_LOCK, type Lock, lockFile } from '../lock';

/** How long a process is waited for that lost its parent and is about to notice. */
const PATIENCE_MS = 15_000;

/**
 * Takes a folder for this process alone until `release`, or until the process ends in whatever way.
 *
 * @param patience waits for a holder that is about to end, ms
 * @throws naming the process that holds it, or the file that cannot be written
 */
export function lockFolder(folder: string, patience: number = 0): Promise<Lock> {
  return lockFile(
    join(folder, FOLDER_LOCK),
    patience,
    ({ pid, host }, claim) =>
      new Error(
        `results: ${folder} is in use by process ${pid} on ${host}; wait for it to end, choose another --out, or, if there ` +
          `is no such process, delete ${claim}`,
      ),
  );
}

/** As `lockFolder`, but waits a little for a process that outlived its killed parent by one update. */
export const lockFolderPatiently = (folder: string): Promise<Lock> => lockFolder(folder, PATIENCE_MS);
