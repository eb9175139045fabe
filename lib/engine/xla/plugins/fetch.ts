import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../../files';
import type { Package, Wheel } from './catalogue';

/** The wheels of a plug-in, from the package index by this machine's own pip, or from a folder. */

const PIPS: readonly (readonly string[])[] = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['pip'],
  ['uv', 'tool', 'run', 'pip'],
];

/** The first that answers; its index, proxy and certificates are the user's. */
function findPip(): readonly string[] {
  const found = PIPS.find(([command, ...args]) => spawnSync(command!, [...args, '--version']).status === 0);
  if (found) return found;
  throw new Error(
    `xla: neither pip nor uv answers here (tried ${PIPS.map((p) => p.join(' ')).join(', ')}); install one of them, or ` +
      'download the wheels on another machine and give their folder with --from',
  );
}

/** Lines for pip: a package, its version, and the hashes it may have. */
const requirementsText = (packages: readonly Package[]): string =>
  packages
    .map(
      ({ name, version, wheels }) => `${name}==${version}${wheels.map((w) => ` --hash=sha256:${w.sha256}`).join('')}\n`,
    )
    .join('');

/**
 * @param folder made here; receives the wheels
 * @param signal ends pip
 * @throws with pip's last words
 */
export async function downloadWheels(
  packages: readonly Package[],
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  await makeFolder(folder);
  const requirements = join(folder, 'requirements.txt');
  await writeFileAtomic(requirements, requirementsText(packages));
  const [command, ...args] = findPip();
  // The wheels hold no code for Python that runs here: any version's will do.
  const options = ['--only-binary=:all:', '--python-version', '3.12', '--ignore-requires-python'];
  const pip = spawn(
    command!,
    [...args, 'download', '--no-deps', ...options, '--require-hashes', '-r', requirements, '-d', folder],
    { stdio: ['ignore', 'inherit', 'pipe'], ...(signal ? { signal } : {}) },
  );
  const said: string[] = [];
  pip.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const code = await ended(pip);
  if (code === 0) return;
  const errors = said.join('').split('\n');
  const words = errors.filter((line) => /error|no space/i.test(line)).slice(-3);
  throw new Error(
    `xla: \`${[command, ...args].join(' ')} download\` ended with ${code}: ${(words.length ? words : errors.slice(-3)).join('\n')}\n` +
      'Or download the wheels where the index can be reached and give their folder with --from',
  );
}

const ended = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'no status'));
  });

/**
 * The paths of the wheels.
 *
 * @param requirements pip's file that names them, for the message
 * @throws naming those that the folder lacks
 */
export function wheelsIn(folder: string, wheels: readonly Wheel[], requirements: string): readonly string[] {
  const lacking = wheels.filter(({ file }) => !existsSync(join(folder, file)));
  if (lacking.length === 0) return wheels.map(({ file }) => join(folder, file));
  throw new Error(
    `xla: ${folder} lacks ${lacking.map((w) => w.file).join(', ')}; \`pip download --no-deps --require-hashes -r ${requirements} ` +
      '-d FOLDER` on a machine of the same kind fetches them',
  );
}
