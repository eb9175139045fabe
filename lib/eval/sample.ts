import type { EvalItem } from '../data/examples';
import { createRandom } from '../random';
import type { TaskName } from './tasks/tasks';

/**
 * `limit` items of a task, drawn without replacement and returned in the order they came in.
 * Each task has its own stream, so scoring one task more does not change another's sample; with one seed a smaller
 * sample lies inside a larger.
 * Differs: the harness's `--limit` takes the first n, which in a sorted file is one subject.
 *
 * @throws when limit is not a positive integer
 */
export function sampleItems(items: readonly EvalItem[], limit: number, seed: number, task: TaskName): EvalItem[] {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new Error(`score: limitPerTask must be a positive integer, got ${limit}; leave it out to score every item`);
  }
  const places = createRandom(seed, `sample ${task}`).shuffle(items.map((_, i) => i));
  return places
    .slice(0, limit)
    .sort((a, b) => a - b)
    .map((i) => items[i]!);
}
