import type { TrainExample } from '../../data/rows';
import type { Planted } from '../../decontaminate/planted';
import { SUBSETS, type SubsetKey } from '../../paper/table-a1';
import { createRandom } from '../../random';
import type { MedicalCell } from './evaluation';
import type { EverydayCells } from './everyday-cells';
import { generalRowMakers } from './general-rows';
import { medicalRowMakers, type RowMaker } from './medical-rows';
import type { PlantedRow } from './planted';

/**
 * Whole numbers of rows in table A1's proportions that add up to `total`: one for every source, and the rest by
 * largest remainder. Source: paper, table A1.
 *
 * @throws when total is less than the number of sources
 */
export function rowsPerSource(total: number): Readonly<Record<SubsetKey, number>> {
  if (!Number.isInteger(total) || total < SUBSETS.length) {
    throw new Error(`miniature: training rows must be ${SUBSETS.length} or more (one a source), got ${total}`);
  }
  const all = SUBSETS.reduce((sum, { samples }) => sum + samples, 0);
  const quotas = SUBSETS.map(({ key, samples }) => ({ key, quota: (total * samples) / all }));
  const small = quotas.filter(({ quota }) => quota < 1);
  const large = quotas.filter(({ quota }) => quota >= 1);
  const scale = (total - small.length) / large.reduce((sum, { quota }) => sum + quota, 0);
  const exact = large.map(({ key, quota }) => ({ key, quota: quota * scale }));
  const counts = new Map<SubsetKey, number>(small.map(({ key }) => [key, 1]));
  for (const { key, quota } of exact) counts.set(key, Math.max(1, Math.floor(quota)));
  const left = total - [...counts.values()].reduce((a, b) => a + b);
  const byRemainder = [...exact].sort((a, b) => (b.quota % 1) - (a.quota % 1));
  for (const { key } of byRemainder.slice(0, left)) counts.set(key, counts.get(key)! + 1);
  return Object.fromEntries(SUBSETS.map(({ key }) => [key, counts.get(key)!])) as Record<SubsetKey, number>;
}

export interface Training {
  readonly rows: readonly TrainExample[];
  readonly planted: readonly Planted[];
}

export interface TrainingPart {
  readonly name: 'train' | 'development';
  readonly rows: number;
  /** Rows that stand among MedMCQA's, in places of chance. */
  readonly contaminated: readonly PlantedRow[];
}

/**
 * The training rows, source after source in table A1's order. Only facts of the tuned groups occur.
 *
 * @param isTaken option sets of the general quiz, which must not occur here
 * @throws when MedMCQA has fewer rows than are to be planted
 */
export function buildTraining(
  cells: readonly MedicalCell[],
  plain: EverydayCells,
  isTaken: (choices: readonly string[]) => boolean,
  { name, rows: total, contaminated }: TrainingPart,
  seed: number,
): Training {
  const makers: Readonly<Record<SubsetKey, RowMaker>> = {
    ...medicalRowMakers(cells, createRandom(seed, `${name}/medical`)),
    ...generalRowMakers(plain, isTaken, createRandom(seed, `${name}/general`)),
  };
  const counts = rowsPerSource(total);
  if (counts[HOST] < contaminated.length) {
    throw new Error(
      `miniature: ${total} training rows give ${HOST} ${counts[HOST]}, fewer than the ${contaminated.length} to be planted; raise trainRows`,
    );
  }
  const places = createRandom(seed, `${name}/places`)
    .shuffle(Array.from({ length: counts[HOST] }, (_, i) => i))
    .slice(0, contaminated.length);
  const plantAt = new Map(places.map((place, i) => [place, contaminated[i]!]));
  const planted: Planted[] = [];
  const rows = SUBSETS.flatMap(({ key }) =>
    Array.from({ length: counts[key] }, (_, i) => {
      const id = `${name === 'train' ? '' : `${name}-`}${key}-${String(i + 1).padStart(4, '0')}`;
      const plant = key === HOST ? plantAt.get(i) : undefined;
      if (plant) planted.push({ itemId: plant.itemId, rowId: id, kind: plant.kind });
      return { id, source: `${key}_miniature`, ...(plant?.row ?? makers[key]()) };
    }),
  );
  return { rows, planted };
}

/** The source that the planted rows stand in. */
const HOST: SubsetKey = 'medmcqa';
