import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BundleEntry } from './entry';
import { fileEntry } from './entry';

/** Where Node's own archive, and Debian's packages of it, keep its licence. */
const LICENCES = ['LICENSE', 'share/doc/nodejs/LICENSE', 'share/doc/nodejs/copyright'];

/**
 * The Node that runs now, as one file, and its licence.
 *
 * @throws where it is not whole in its one file, or its licence is not beside it
 */
export async function nodeEntries(
  program: string = process.execPath,
  prefix = dirname(dirname(program)),
): Promise<BundleEntry[]> {
  if ((process.config.variables as { readonly node_shared?: boolean }).node_shared) {
    throw new Error(
      `bundle: ${program} needs Node's shared library (libnode), which another machine may not have; run the command with ` +
        'a Node from https://nodejs.org, whose program is whole',
    );
  }
  const licence = LICENCES.map((name) => join(prefix, name)).find((file) => existsSync(file));
  if (licence === undefined) {
    throw new Error(
      `bundle: Node's licence must go with it, and ${LICENCES.map((name) => join(prefix, name)).join(', ')} are not there; ` +
        `put the file LICENSE of Node ${process.versions.node} at the first`,
    );
  }
  return [await fileEntry('node/bin/node', program), await fileEntry('node/LICENSE', licence)];
}
