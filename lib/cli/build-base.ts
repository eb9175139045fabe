import { join } from 'node:path';
import { WORKBOOK_ROOT } from '../files';
import { buildBase } from '../miniature/base';
import { createProgress } from '../run/progress';
import { parseBuildOptions } from './build-options';
import { callersFolder } from './interrupt';

export function main(args: readonly string[]): Promise<void> {
  const does = 'Pretrains a world’s base on one thread, from random weights: half an hour.';
  const options = parseBuildOptions('build-base', does, args, callersFolder());
  return buildBase(options, join(WORKBOOK_ROOT, 'results', 'build-base', String(options.seed)), createProgress);
}
