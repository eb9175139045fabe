import { join, resolve } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { MINIATURE_SEED } from '../miniature/miniature';
import { requireSeed } from '../random';
import { newCommand, readArguments } from '../run/arguments';

/** What is built, and where. */
export interface BuildOptions {
  /** Of the world: which fact is in which group, and all that is drawn. */
  readonly seed: number;
  /** The miniature's folder. */
  readonly data: string;
}

const BUNDLED = join(WORKBOOK_ROOT, 'data', 'miniature');

/**
 * Options of `build-miniature` and `build-base`, which build one world in two steps.
 *
 * @param does what the command does, in a line or two
 * @param from relative folders are taken from here
 * @throws on an unknown option, a seed out of range, and another seed than the bundled world's for its folder
 */
export function parseBuildOptions(name: string, does: string, args: readonly string[], from: string): BuildOptions {
  const command = newCommand(name, does)
    .option(
      '--seed <n>',
      `of the world: deals the facts out to the four groups anew  (default: ${MINIATURE_SEED}, the bundled one)`,
    )
    .option('--data <folder>', 'the world’s folder  (default: the bundled one)');
  const { options: values } = readArguments<{ readonly seed?: string; readonly data?: string }>(command, args);
  const seed = requireSeed(values.seed ?? MINIATURE_SEED, (must) => new Error(`build: --seed ${must}`));
  const data = values.data === undefined ? BUNDLED : resolve(from, values.data);
  if (seed !== MINIATURE_SEED && data === BUNDLED) {
    throw new Error(
      `build: --seed ${seed} is another world than the bundled one, of ${MINIATURE_SEED}; give it a folder of its own with --data`,
    );
  }
  return { seed, data };
}
