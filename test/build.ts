import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Vitest's global set-up: tests that start commands, kernels and notebooks start what the sources say now. */
export default function build(): void {
  const root = join(__dirname, '..');
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root], {
    stdio: 'inherit',
  });
}
