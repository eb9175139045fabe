import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { WORKBOOK_ROOT } from '../files';
import { MINIATURE_SEED } from '../miniature/miniature';

/** What is built, and where. */
export interface BuildOptions {
  /** Of the world: which fact is in which group, and all that is drawn. */
  readonly seed: number;
  /** The miniature's folder. */
  readonly data: string;
}

const BUNDLED = join(WORKBOOK_ROOT, 'data', 'miniature');

/**
 * Options of `npm run build:miniature` and `npm run build:base`, which build one world in two steps.
 *
 * @param from relative folders are taken from here
 * @returns undefined where help was asked for
 * @throws on an unknown option, a seed that is no whole number, and another seed than the bundled world's for its folder
 */
export function parseBuildOptions(args: readonly string[], from: string): BuildOptions | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { seed: text, data: text, help: { type: 'boolean', default: false } },
  });
  if (values.help) return undefined;
  const seed = Number(values.seed ?? MINIATURE_SEED);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new Error(`build: --seed must be a whole number of 0 or more, got "${values.seed}"`);
  }
  const data = values.data === undefined ? BUNDLED : resolve(from, values.data);
  if (seed !== MINIATURE_SEED && data === BUNDLED) {
    throw new Error(
      `build: --seed ${seed} is another world than the bundled one, of ${MINIATURE_SEED}; give it a folder of its own with --data`,
    );
  }
  return { seed, data };
}

/** @param does what the command does, in a line or two */
export function buildUsage(command: string, does: string): string {
  return `npm run ${command} -- [options]

  --seed N       of the world: deals the facts out to the four groups anew   (default: ${MINIATURE_SEED}, the bundled one)
  --data FOLDER  the world's folder                                          (default: the bundled one)

${does}
Research only, not for clinical decisions.`;
}
