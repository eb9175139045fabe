import { heldOutRows, promptKey } from '../data/development';
import { readTrainExamples } from '../data/examples';
import { checkMixedRows, type MixedFolder } from '../data/mixing/mixed-folder';
import { chooseShares, takeInOrder } from '../data/mixture';
import { standInsOf } from '../data/stand-ins';
import { createRandom } from '../random';
import type { PreparedRows, RunData } from './data-stage';
import type { RunConfig } from './presets';
import type { OpenProgress } from './progress';

export type SetName = 'train' | 'held-out';

/** What a first reading of a mixed folder's rows settles; the rows are read again when they are tokenized. */
export interface ChosenRows extends Omit<PreparedRows, 'packing'>, Pick<RunData, 'standIns'> {
  /** Of each row: its set, or undefined where it is not drawn. */
  readonly setOf: (row: number) => SetName | undefined;
}

/**
 * Which rows of a mixed folder are drawn, and which of them are held out.
 *
 * @throws where it has other rows than it tells of
 */
export async function chooseRows(
  data: string,
  mixed: MixedFolder,
  config: RunConfig,
  progress: OpenProgress,
): Promise<ChosenRows> {
  const sources: string[] = [];
  const keys: string[] = [];
  const line = progress('reading');
  const training = await readTrainExamples(
    data,
    (example) => {
      sources.push(example.source);
      keys.push(promptKey(example));
    },
    { ...config.rows, onRows: (_, rows) => line.at(rows, mixed.report.total, 'rows') },
  );
  checkMixedRows(data, mixed, training);
  const { taken, report } = takeInOrder(sources, chooseShares(config.mixture, sources), config.samples);
  const drawn = [...sources.keys()].filter((row) => taken[row] === 1);
  const random = createRandom(config.seed, 'development');
  const held = heldOutRows(
    drawn.map((row) => keys[row]!),
    config.developmentFraction,
    random,
  );
  const inTrain = new Uint8Array(sources.length);
  for (const [i, row] of drawn.entries()) inTrain[row] = held.has(i) ? 0 : 1;
  const setOf = (row: number): SetName | undefined => {
    if (taken[row] === 0) return undefined;
    return inTrain[row] === 1 ? 'train' : 'held-out';
  };
  const counts = new Map<string, number>();
  for (const row of drawn) counts.set(sources[row]!, (counts.get(sources[row]!) ?? 0) + 1);
  return { training, rows: sources.length, mixture: report, standIns: standInsOf(counts), setOf };
}
