import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './kernel-client';

/** `npm run notebooks -- ARGS`, without the build before it. */
export function runCli(...args: readonly string[]): { readonly status: number | null; readonly printed: string } {
  const program = join(ROOT, 'dist', 'cli', 'med42.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'notebooks', ...args], { encoding: 'utf8' });
  return { status, printed: stdout + stderr };
}
