import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Argument } from 'commander';
import * as v from 'valibot';
import { WORKBOOK_ROOT, writeFileAtomic } from '../files';
import { jupyterFolder, onPath } from '../notebook/kernel/find-jupyter';
import { newCommand, readArguments } from '../run/arguments';
import { looseFields, readFields, text } from '../schema';

const command = () =>
  newCommand(
    'kernel',
    'The kernel "TypeScript (Med42)" in your Jupyter. `npm run lab` needs none of this.',
  ).addArgument(
    new Argument(
      '<what>',
      'install: adds it, for VS Code and for a Jupyter of your own; remove: takes it away again; where: says where it is',
    ).choices(['install', 'remove', 'where']),
  );

const NAME = 'med42';

/** Where the user's Jupyter, and VS Code, look for kernels. */
export function dataFolder(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  const jupyter = onPath('jupyter', env.PATH);
  if (jupyter !== undefined) {
    try {
      return execFileSync(jupyter, ['--data-dir'], {
        encoding: 'utf8',
        env,
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    } catch {
      // A Jupyter that does not start has the same folder as one that is not there.
    }
  }
  const home = env.HOME ?? homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Jupyter');
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'jupyter');
  return join(env.XDG_DATA_HOME ?? join(home, '.local', 'share'), 'jupyter');
}

/** Another's kernel may lack any of it. */
const SPEC = looseFields({ argv: v.array(text, 'a list of texts'), display_name: text });

async function installed(folder: string): Promise<v.InferOutput<typeof SPEC> | undefined> {
  return readFields(SPEC, join(folder, 'kernel.json'), 'kernel', 'delete the folder, and install the kernel again');
}

/**
 * Copies the kernelspec, with this Node and this workbook written into it: Jupyter and VS Code start it from anywhere.
 *
 * @param data Jupyter's data folder
 * @returns the kernel's folder
 */
export async function installKernel(root: string, data: string): Promise<string> {
  const source = join(jupyterFolder(root), 'kernels', NAME);
  const folder = join(data, 'kernels', NAME);
  const spec = (await installed(source))!;
  const argv = [process.execPath, ...spec.argv!.slice(1), root];
  await writeFileAtomic(join(folder, 'launcher.js'), await readFile(join(source, 'launcher.js')));
  await writeFileAtomic(join(folder, 'kernel.json'), `${JSON.stringify({ ...spec, argv }, null, 2)}\n`);
  return folder;
}

/** @throws when what lies there is not ours, or nothing does */
export async function removeKernel(data: string): Promise<string> {
  const folder = join(data, 'kernels', NAME);
  if (!existsSync(folder)) throw new Error(`kernel: it is not installed; there is no ${folder}`);
  const spec = await installed(folder);
  if (spec?.display_name !== 'TypeScript (Med42)') {
    throw new Error(`kernel: ${folder} is another kernel (${spec?.display_name ?? 'no kernel.json'}); it stays`);
  }
  await rm(folder, { recursive: true });
  return folder;
}

export async function main(args: readonly string[]): Promise<void> {
  const root = WORKBOOK_ROOT;
  const [what] = readArguments(command(), args).words;
  if (what === 'install') {
    const folder = await installKernel(root, dataFolder());
    console.log(`The kernel "TypeScript (Med42)" is in ${folder}.`);
    console.log('In VS Code: open a notebook, Select Kernel, Jupyter Kernel, TypeScript (Med42).');
    console.log(
      'It starts the library of this folder: install again when the folder is moved, remove before it is deleted.',
    );
  } else if (what === 'remove') {
    console.log(`Removed ${await removeKernel(dataFolder())}.`);
  } else {
    const folder = join(dataFolder(), 'kernels', NAME);
    const spec = await installed(folder);
    console.log(
      spec ? `${folder} starts the workbook in ${spec.argv?.at(-1)}` : `not installed; it would be ${folder}`,
    );
  }
}
