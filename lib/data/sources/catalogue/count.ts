import { type SubsetKey, subsetOf } from '../../../paper/table-a1';
import { TABLE_A2 } from '../../../paper/tables';
import type { BenchmarkSource, TrainingSource } from './entry';

type Optional = 'unsure';
type Own<Entry extends TrainingSource | BenchmarkSource> = Omit<
  Entry,
  'name' | 'title' | 'samples' | 'half' | 'subset' | Optional
> &
  Partial<Pick<Entry, Optional>>;

/** A source of table A1, with its name and count there. */
export function training(subset: SubsetKey, own: Own<TrainingSource>, name: string = subset): TrainingSource {
  const { name: title, samples } = subsetOf(subset);
  return { name, half: 'train', subset, title, samples, unsure: [], ...own };
}

/** A benchmark of table A2, with its name and count there. @param key of the table's row */
export function benchmark(name: string, key: string, own: Own<BenchmarkSource>): BenchmarkSource {
  const row = TABLE_A2.find((one) => one.key === key)!;
  return { name, half: 'eval', title: row.label, samples: row.samples, unsure: [], ...own };
}
