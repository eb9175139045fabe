import { readTrainExamples } from '../data/examples';
import { type Chunk, packedChunks } from '../data/packing/packing';
import { openPieces } from '../data/packing/token-pieces';
import type { TrainExample } from '../data/rows';
import type { Sample } from '../data/samples';
import type { PreparedTraining } from './data-stage';
import type { Sources } from './inputs';
import type { PreparedFiles } from './mixed-training';
import type { RunConfig } from './presets';

/** Some chunks, with the rows that they were packed from; samples and examples by the numbers that the chunks give. */
export interface ShownChunks {
  readonly chunks: readonly Chunk[];
  readonly samples: { at(index: number): Sample | undefined };
  readonly examples: { at(index: number): TrainExample | undefined };
}

/**
 * The first chunks of a training. Where its rows lie in files, the chunks are packed from there once more, and the few
 * rows that stand in them are looked up in the data folder.
 *
 * @param count how many, at most
 */
export async function firstChunks(
  data: PreparedTraining | PreparedFiles,
  count: number,
  folder: Sources['data'],
  { rows }: Pick<RunConfig, 'rows'>,
): Promise<ShownChunks> {
  if ('packed' in data) return { chunks: data.chunks.slice(0, count), ...data.packed };
  const { pieces, packing } = data;
  const stored = openPieces(pieces.folder, pieces.count);
  try {
    const chunks: Chunk[] = [];
    for (const chunk of packedChunks(stored, pieces.packing)) {
      chunks.push(chunk);
      if (chunks.length === Math.min(count, packing.chunks)) break;
    }
    const samples = new Map<number, Sample>();
    const sampleOf = new Map<number, number>();
    for (const { sample } of chunks.flatMap(({ spans }) => spans)) {
      samples.set(sample, stored.at(sample)!);
      sampleOf.set(stored.rowOf(sample), sample);
    }
    const examples = new Map<number, TrainExample>();
    // The rows wanted are mostly the first of very many: reading ends with the last of them.
    const found = new Error('all rows of the first chunks are found');
    let row = -1;
    const take = (example: TrainExample) => {
      row++;
      const sample = sampleOf.get(row);
      if (sample === undefined) return;
      examples.set(sample, example);
      if (examples.size === sampleOf.size) throw found;
    };
    await readTrainExamples(folder, take, rows).catch((error) => {
      if (error !== found) throw error;
    });
    return { chunks, samples: { at: (i) => samples.get(i) }, examples: { at: (i) => examples.get(i) } };
  } finally {
    stored.close();
  }
}
