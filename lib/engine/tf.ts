import '@tensorflow/tfjs-backend-cpu';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as core from '@tensorflow/tfjs-core';

/*
 * tfjs: the ops that models are written in, with their gradients, and its own backend for the CPU.
 *
 * @tensorflow/tfjs brings these with layers, data, converters and WebGL: 272 MB instead of 52. The core's CommonJS file
 * has neither gradients nor the methods of tensors (`a.mul(b)`): both lie beside it as ES modules without file
 * extensions, which Node cannot load. They are short and plain, so `load` reads them.
 */
export * from '@tensorflow/tfjs-core';
// The methods' types.
export type {} from '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';

type Exports = Readonly<Record<string, unknown>>;

const DIST = dirname(require.resolve('@tensorflow/tfjs-core'));
const loaded = new Map<string, Exports>();

/** What these files import must be the core's own: there is one engine and one class of tensors. */
const OWN: Exports = {
  ...core.backend_util,
  ...core.util,
  ...core,
  ENGINE: core.engine(),
  getGlobalTensorClass: () => core.Tensor,
};

/** The exports of one of the core's ES modules. A name that the core exports is the core's own, any other comes from its file. */
function load(file: string): Exports {
  const known = loaded.get(file);
  if (known) return known;
  const exports: Record<string, unknown> = {};
  loaded.set(file, exports);
  /** An import: a name of a file, the whole of a file under a name, or a file that is only to be run. */
  const imported = (from: string, name?: string, all = false) => {
    if (name !== undefined && name in OWN) return OWN[name];
    const found = load(join(dirname(file), from));
    if (name === undefined || all) return found;
    if (!(name in found)) throw new Error(`tf: ${from} exports no ${name}`);
    return found[name];
  };
  const names: string[] = [];
  const body = readFileSync(`${join(DIST, file)}.js`, 'utf8')
    .replace(/^import \{([^}]*)\} from '([^']*)';/gm, (_, list: string, from: string) =>
      list
        .split(',')
        .map((entry) => entry.trim().split(' as '))
        .map(([name, as = name]) => `const ${as} = $imported('${from}', '${name}');`)
        .join(' '),
    )
    .replace(
      /^import \* as (\w+) from '([^']*)';/gm,
      (_, name: string, from: string) => `const ${name} = $imported('${from}', '${name}', true);`,
    )
    .replace(/^import '([^']*)';/gm, (_, from: string) => `$imported('${from}');`)
    .replace(
      /^export ((?:async )?(?:const|let|var|function\*?|class) (\w+))/gm,
      (_, declaration: string, name: string) => {
        names.push(name);
        return declaration;
      },
    );
  try {
    Object.assign(
      exports,
      new Function('$imported', `'use strict';${body}\nreturn { ${names.join(', ')} };`)(imported),
    );
  } catch (error) {
    throw new Error(`tf: ${file} of @tensorflow/tfjs-core cannot be read`, { cause: error });
  }
  return exports;
}

load('register_all_gradients');
load('public/chained_ops/register_all_chained_ops');
