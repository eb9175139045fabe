import { join } from 'node:path';
import { type FoundPlugin, findPlugin, type XlaDevice } from '../../lib/engine/xla/plugins/find';
import { WORKBOOK_ROOT } from '../../lib/files';

/** XLA's plug-ins for tests: those of test/xla/make-env.sh, else the user's; undefined, and said, where there is none. */
export const cpuPlugin = find('xla:cpu');
/** It may compile only. */
export const cudaPlugin = find('xla:cuda');

function find(device: XlaDevice): FoundPlugin | undefined {
  for (const env of [{ ...process.env, XDG_CACHE_HOME: join(WORKBOOK_ROOT, '.cache') }, process.env]) {
    try {
      return findPlugin(device, { env, compileOnly: true });
    } catch {}
  }
  console.warn(`Skipped: no plug-in for ${device} here; test/xla/make-env.sh installs it`);
  return undefined;
}
