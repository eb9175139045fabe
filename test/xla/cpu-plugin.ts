import { join } from 'node:path';
import { type FoundPlugin, findPlugin } from '../../lib/engine/xla/plugins/find';
import { WORKBOOK_ROOT } from '../../lib/files';

/** XLA's CPU plug-in for tests: that of test/xla/make-env.sh, else the user's; undefined, and said, where there is none. */
export const cpuPlugin: FoundPlugin | undefined = find({
  ...process.env,
  XDG_CACHE_HOME: join(WORKBOOK_ROOT, '.cache'),
});

function find(env: NodeJS.ProcessEnv): FoundPlugin | undefined {
  for (const place of [env, process.env]) {
    try {
      return findPlugin('xla:cpu', { env: place });
    } catch {}
  }
  console.warn('Skipped: no CPU plug-in of XLA here; test/xla/make-env.sh installs it');
  return undefined;
}

/** Tests that open the device `xla:cpu` find the same. */
export const xlaPossible = cpuPlugin !== undefined;
if (cpuPlugin) process.env.MED42_XLA_PLUGIN ??= cpuPlugin.file;
