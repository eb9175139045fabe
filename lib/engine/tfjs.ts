import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { eagerRuntime } from './eager';
import type { Runtime } from './program';
import * as tf from './tf';

/** TensorFlow for Node, which a user may have installed: it brings tfjs a backend of its own. The first is taken. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;
/** The name under which both register. */
const BACKEND = 'tensorflow';

/** What computes eagerly, and what is to be said of it. */
export interface OpenedTfjs {
  readonly runtime: Runtime;
  /** Of the CPU. */
  readonly threads: number;
  readonly note: string;
}

let opened: Promise<OpenedTfjs> | undefined;

/**
 * Eager tfjs on the user's own TensorFlow, else on tfjs' own backend for the CPU.
 *
 * @param threads of TensorFlow; the first call's hold for the process. tfjs' own backend has one
 * @throws when it is installed and cannot be loaded, or is for another tfjs
 */
export async function openTfjs(threads: number): Promise<OpenedTfjs> {
  opened ??= open(threads);
  try {
    return await opened;
  } catch (error) {
    opened = undefined;
    throw error;
  }
}

async function open(threads: number): Promise<OpenedTfjs> {
  const found = PACKAGES.map((name) => ({ name, file: resolveFor(name) })).find(({ file }) => file !== undefined);
  if (!found) {
    await tf.setBackend('cpu');
    return {
      runtime: eagerRuntime,
      threads: 1,
      note:
        'tfjs: one operation at a time, on tfjs’ own CPU backend: very slow, a reference. For TensorFlow’s, type ' +
        `\`npm install --no-save --ignore-scripts=false @tensorflow/tfjs-node@${tf.version_core}\` (or tfjs-node-gpu) ` +
        'in the folder that this is started from',
    };
  }
  const { name, file } = found;
  // TensorFlow reads both when it is loaded. It would say at each start which instructions the processor has.
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  try {
    quietly(() => createRequire(file!)(file!));
  } catch (error) {
    throw new Error(
      `device: tfjs: ${name} (${dirname(file!)}) cannot be loaded: ${firstLine(error)}; mend it with \`npm rebuild ${name} ` +
        '--ignore-scripts=false` where it is installed, or remove it there',
      { cause: error },
    );
  }
  if (tf.engine().registryFactory[BACKEND] === undefined || !(await tf.setBackend(BACKEND))) {
    throw new Error(
      `device: tfjs: ${name} (${dirname(file!)}) gives this tfjs (${tf.version_core}) no backend "${BACKEND}"; install ` +
        `${name}@${tf.version_core}`,
    );
  }
  return { runtime: eagerRuntime, threads, note: `tfjs: one operation at a time, by ${name}: slow, a reference` };
}

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0]!;

/** From the folder that the user is in, upwards, or among the packages that npm installed for all. */
function resolveFor(name: string): string | undefined {
  const folders = [process.env.INIT_CWD ?? process.cwd(), ...globalFolders()];
  for (const folder of folders) {
    try {
      return createRequire(join(folder, 'any.js')).resolve(name);
    } catch {
      // Not there.
    }
  }
  return undefined;
}

/** Where `npm install -g` puts packages, beside Node. */
function globalFolders(): readonly string[] {
  const lib = join(dirname(process.execPath), '..', 'lib');
  try {
    return readdirSync(lib).includes('node_modules') ? [lib] : [];
  } catch {
    return [];
  }
}

/** It brings its own copy of tfjs, which says of each kernel that it is there already. */
function quietly(load: () => void): void {
  const { warn } = console;
  console.warn = () => {};
  try {
    load();
  } finally {
    console.warn = warn;
  }
}
