import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');
const PYTHON = resolve(ROOT, '.venv-parity', 'bin', 'python');
const REFERENCE = resolve(__dirname, 'reference.py');

/** Made by test/parity/make-env.sh. */
export const pythonReady = existsSync(PYTHON);
if (!pythonReady) console.warn('parity tests skipped: no .venv-parity (test/parity/make-env.sh makes it)');

/** Models to prove numbers on: the bundled base, and real ones where they lie beside the repository. */
export const MODELS = ['data/miniature/base', '../shared/models/stories260K']
  .map((path) => resolve(ROOT, path))
  .filter((folder) => {
    const there = existsSync(resolve(folder, 'model.safetensors'));
    if (!there) console.warn(`parity on ${folder} skipped: it is not there`);
    return there;
  });

/** Runs reference.py; its complaints come with the error. */
export function reference(...args: readonly string[]): void {
  execFileSync(PYTHON, [REFERENCE, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}
