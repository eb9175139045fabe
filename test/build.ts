import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Vitest's global set-up: tests that start commands, kernels and notebooks start what the sources say now. */
export default function build(): void {
  const root = join(__dirname, '..');
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root], {
    stdio: 'inherit',
  });
  // What lib/cli/bin.js looks for: commands that tests start do not build again.
  writeFileSync(join(root, 'dist', '.built'), '');
}
