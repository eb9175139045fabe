import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');
export const PYTHON = resolve(ROOT, '.venv-parity', 'bin', 'python');
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

let server: ChildProcessWithoutNullStreams | undefined;

/** Runs a command of reference.py, one at a time; its complaints come with the error. */
export async function reference(...args: readonly string[]): Promise<void> {
  server ??= spawn(PYTHON, [REFERENCE, 'serve']);
  const python = server;
  let complaints = '';
  const listen = (text: Buffer) => {
    complaints += text;
  };
  python.stderr.on('data', listen);
  try {
    await new Promise<void>((done, failed) => {
      python.stdout.once('data', () => done());
      python.once('close', (code) => {
        server = undefined;
        failed(new Error(`reference.py ${args.join(' ')} ended with status ${code}\n${complaints}`));
      });
      python.stdin.write(`${JSON.stringify(args)}\n`);
    });
  } finally {
    python.stderr.off('data', listen);
    python.removeAllListeners('close');
  }
}

/** Ends the Python process. */
export function endReference(): void {
  server?.stdin.end();
  server = undefined;
}
