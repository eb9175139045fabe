import { PAPER_LORA, type TrainConfig } from '../../config';
import { mixtureShares } from '../../data/mixture-shares';
import { packingCost } from '../../data/packing/costs';
import { packSamples } from '../../data/packing/packing';
import { IGNORED, type Sample } from '../../data/samples';
import { float32, type HostTensor } from '../../engine/tensors';
import { TASK_NAMES } from '../../eval/tasks/definition';
import { LLAMA_2, type Llama2Size } from '../../model/llama-2';
import { loraParameterCount, loraScaling, mergeLora } from '../../model/lora';
import { SUBSETS, type SubsetKey, subsetOf, TOTALS } from '../../paper/table-a1';
import { TABLE_1 } from '../../paper/tables';
import type { Random } from '../../random';
import { wilsonInterval } from '../../statistics/proportion';
import { countParameters, trainingMemory } from '../../train/memory';
import { learningRateAt } from '../../train/schedule';
import { RESULT_EXERCISES } from './exercises-of-results';
import type { Reference } from './grade';

/*
 * What the notebooks' exercises are graded against: the library's own functions, in the plain arrays a reader writes
 * with, and random inputs to compare on.
 */

/** A sample by the lengths of its parts; the response's counts its end-of-sequence token. */
export interface SampleLengths {
  readonly source: string;
  readonly prompt: number;
  readonly response: number;
}

type Matrix = readonly (readonly number[])[];

const list = <T>(length: number, one: (i: number) => T): T[] => Array.from({ length }, (_, i) => one(i));

function sampleOf({ source, prompt, response }: SampleLengths, i: number): Sample {
  const ids = Int32Array.from({ length: prompt + response }, (_, t) => t + 3);
  return { id: String(i), source, ids, labels: ids.slice().fill(IGNORED, 0, prompt) };
}

/** 00: the interval of a score. */
const wilson: Reference<[correct: number, items: number], readonly [number, number]> = {
  like: (correct, items) => wilsonInterval(correct, items),
  given: (random) => {
    const items = 1 + random.int(2000);
    return [random.int(items + 1), items];
  },
};

/** 00: tasks of table 1, averages not counted, in which LoRA is ahead. */
const loraAhead = (): number =>
  TABLE_1.filter(({ key, peFt, fpFt }) => (TASK_NAMES as readonly string[]).includes(key) && peFt > fpFt).length;

/** 01: rows of a source among a thousand drawn in table A1's proportions. */
const rowsOfThousand = (key: SubsetKey): number => Math.round((1000 * subsetOf(key).samples) / TOTALS.all.samples);

/** 01: each source's share of the learnt tokens, in percent. */
const lossShares: Reference<[samples: SampleLengths[]], Record<string, number>> = {
  like: (samples) =>
    Object.fromEntries(
      mixtureShares(samples.map(sampleOf)).subsets.map(({ subset, lossTokens }) => [subset, lossTokens]),
    ),
  given: (random) => [
    list(1 + random.int(8), () => ({
      source: SUBSETS[random.int(4)]!.key,
      prompt: random.int(60),
      response: 1 + random.int(40),
    })),
  ],
};

/** 02: from unshifted labels to what is read and what is predicted. */
const shift: Reference<[ids: number[], labels: number[]], { targets: number[]; weights: number[] }> = {
  like: (ids, labels) => {
    const sample = { id: '', source: '', ids: Int32Array.from(ids), labels: Int32Array.from(labels) };
    const { chunks } = packSamples([sample], {
      packing: 'block-diagonal',
      maxSeqLen: ids.length,
      zeroLossChunks: 'keep',
    });
    return { targets: [...chunks[0]!.targets], weights: [...chunks[0]!.weights] };
  },
  given: (random) => {
    const ids = list(3 + random.int(6), () => 3 + random.int(900));
    const from = 1 + random.int(ids.length - 1);
    return [ids, ids.map((id, t) => (t < from ? IGNORED : id))];
  },
};

/** 02: rows that the paper's packing makes. */
const rowCount: Reference<[sampleLengths: number[], rowLength: number], number> = {
  like: (sampleLengths, rowLength) =>
    packSamples(
      sampleLengths.map((length, i) => sampleOf({ source: '', prompt: 0, response: length }, i)),
      { packing: 'concatenated', maxSeqLen: rowLength, zeroLossChunks: 'keep' },
    ).chunks.length,
  given: (random) => [list(1 + random.int(6), () => 2 + random.int(12)), 2 + random.int(8)],
};

/** 02: the share of attended pairs that lie in two samples, of two samples in one chunk. */
function crossing(first: number, second: number): number {
  const samples = [first, second].map((length, i) => sampleOf({ source: '', prompt: 1, response: length - 1 }, i));
  const packed = packSamples(samples, { packing: 'concatenated', maxSeqLen: first + second, zeroLossChunks: 'keep' });
  const { crossingPairs, attendedPairs } = packingCost(packed, samples);
  return crossingPairs / attendedPairs;
}

const tensor = (matrix: Matrix): HostTensor =>
  float32([matrix.length, matrix[0]!.length], Float32Array.from(matrix.flat()));

const rowsOf = ({ data, shape }: HostTensor): number[][] =>
  list(shape[0]!, (i) => [...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)]);

/** A matrix of whole numbers, so that float32 holds every sum exactly. */
const matrix = (random: Random, rows: number, columns: number): number[][] =>
  list(rows, () => list(columns, () => random.int(9) - 4));

/** 03: W + alpha / r B A. */
const merge: Reference<[w: number[][], a: number[][], b: number[][], alpha: number], number[][]> = {
  like: (w, a, b, alpha) => {
    const scaling = loraScaling({ ...PAPER_LORA.lora, rank: a.length, alpha });
    return rowsOf(mergeLora(tensor(w), tensor(a), tensor(b), scaling));
  },
  given: (random) => {
    const [out, input, rank] = [1 + random.int(4), 1 + random.int(4), 2 ** random.int(3)];
    return [
      matrix(random, out, input),
      matrix(random, rank, input),
      matrix(random, out, rank),
      rank * 2 ** random.int(3),
    ];
  },
};

/** 03: numbers that LoRA trains in a Llama-2. */
const loraCount = (size: Llama2Size, rank: number, targetModules: readonly string[]): number =>
  loraParameterCount(LLAMA_2[size], { ...PAPER_LORA.lora, rank, targetModules });

/** 04: bytes that full-parameter training of a Llama-2 holds in float32, without activations. */
const fullBytes = (size: Llama2Size): number => trainingMemory(countParameters(LLAMA_2[size])).total;

type Schedule = Pick<TrainConfig, 'learningRate' | 'warmupSteps' | 'finalRateRatio'>;

/** 04: the learning rate of an update. */
const learningRate: Reference<[step: number, totalSteps: number, settings: Schedule], number> = {
  like: learningRateAt,
  given: (random) => {
    const warmupSteps = random.int(20);
    const totalSteps = warmupSteps + 1 + random.int(200);
    return [random.int(totalSteps), totalSteps, { learningRate: 1e-4, warmupSteps, finalRateRatio: 0.1 }];
  },
};

/** A micro-batch as training sees it. */
export interface MicroBatch {
  /** Over its response tokens. */
  readonly lossSum: number;
  readonly responseTokens: number;
}

/** 04: the loss of a step of several micro-batches, as `updateOnce` takes it. */
const stepLoss: Reference<[microBatches: MicroBatch[]], number> = {
  like: (microBatches) => {
    const sum = (key: keyof MicroBatch) => microBatches.reduce((total, one) => total + one[key], 0);
    return sum('lossSum') / sum('responseTokens');
  },
  given: (random) => [
    list(2 + random.int(4), () => {
      const responseTokens = 1 + random.int(200);
      return { lossSum: responseTokens * (1 + random.next()), responseTokens };
    }),
  ],
};

export const EXERCISES = {
  wilson,
  loraAhead,
  rowsOfThousand,
  lossShares,
  shift,
  rowCount,
  crossing,
  loraCount,
  merge,
  learningRate,
  stepLoss,
  fullBytes,
  ...RESULT_EXERCISES,
} as const;
