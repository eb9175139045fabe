import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

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

interface Server {
  readonly python: ChildProcessWithoutNullStreams;
  readonly answers: Interface;
  asked: number;
}

let server: Server | undefined;

function start(): Server {
  const python = spawn(PYTHON, [REFERENCE, 'serve']);
  return { python, answers: createInterface(python.stdout), asked: 0 };
}

/** Runs a command of reference.py, one at a time; its complaints come with the error. */
export async function reference(...args: readonly string[]): Promise<void> {
  server ??= start();
  const { python, answers } = server;
  const number = server.asked++;
  let complaints = '';
  const listen = (text: Buffer) => {
    complaints += text;
  };
  python.stderr.on('data', listen);
  try {
    const answer = await new Promise<string>((done, failed) => {
      answers.once('line', done);
      python.once('close', (code) => {
        server = undefined;
        failed(new Error(`reference.py ${args.join(' ')} ended with status ${code}\n${complaints}`));
      });
      python.stdin.write(`${JSON.stringify(args)}\n`);
    });
    if (answer !== String(number)) throw new Error(`reference.py answered “${answer}” to command ${number}`);
  } finally {
    python.stderr.off('data', listen);
    python.removeAllListeners('close');
  }
}

/** Ends the Python process. */
export function endReference(): void {
  server?.python.stdin.end();
  server = undefined;
}
