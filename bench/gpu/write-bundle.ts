import { createReadStream, createWriteStream, readdirSync, statSync } from 'node:fs';
import { chmod, cp } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { makeFolder, writeFileAtomic } from '../../lib/files';

/** What a machine without a network is given, the plug-in aside. */
const MOST_BYTES = 64e6;

const START = `#!/bin/sh
# Unpacks Node beside this file once, and runs the check: ./gpu-check --help
here=$(cd "$(dirname "$0")" && pwd)
[ -x "$here/node" ] || { gunzip -c "$here/node.gz" > "$here/node.part" && chmod +x "$here/node.part" && mv "$here/node.part" "$here/node"; } || exit 1
exec "$here/node" "$here/gpu-check.mjs" "$@"
`;

/** This bundle, koffi's binary and Node, packed, in a folder. @throws where it is too large */
export async function writeBundle(folder: string, say: (line: string) => void): Promise<void> {
  const own = process.argv[1]!;
  await makeFolder(folder);
  await cp(own, join(folder, basename(own)));
  await cp(join(dirname(own), 'koffi'), join(folder, 'koffi'), { recursive: true });
  await pipeline(createReadStream(process.execPath), createGzip(), createWriteStream(join(folder, 'node.gz')));
  const start = join(folder, 'gpu-check');
  await writeFileAtomic(start, START);
  await chmod(start, 0o755);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  if (bytes > MOST_BYTES) {
    throw new Error(`gpu-check: ${folder} has ${(bytes / 1e6).toFixed(1)} MB, ${MOST_BYTES / 1e6} were allowed`);
  }
  say(`${folder}: ${(bytes / 1e6).toFixed(1)} MB; there: ./gpu-check --device xla:cuda --plugin FILE`);
}
