import { distance } from 'fastest-levenshtein';
import { BENCHMARK_SOURCES } from './benchmarks';
import type { Source } from './entry';
import { GENERAL_SOURCES } from './general';
import { MEDICAL_SOURCES } from './medical';

/** Every source of the paper: table A1's seventeen in its order, then the benchmarks of table A2. */
export const CATALOGUE: readonly Source[] = [...MEDICAL_SOURCES, ...GENERAL_SOURCES, ...BENCHMARK_SOURCES];

/** What `--all` means: what somebody publishes, once each. */
export const ALL_SOURCES: readonly Source[] = CATALOGUE.filter(
  ({ alternativeTo, unavailable }) => alternativeTo === undefined && unavailable === undefined,
);

/**
 * The source of that name.
 *
 * @throws naming the nearest one
 */
export function sourceNamed(name: string): Source {
  const found = CATALOGUE.find((source) => source.name === name);
  if (found) return found;
  const names = CATALOGUE.map((source) => source.name);
  const nearest = names.reduce((best, one) => (distance(one, name) < distance(best, name) ? one : best));
  throw new Error(
    `fetch: no source is called ${JSON.stringify(name)}, did you mean ${nearest}? \`med42 fetch --list\` shows all`,
  );
}
