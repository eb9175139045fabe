import { type LoraConfig, PAPER_LORA } from '../../config';
import { truthScore } from '../../decontaminate/flags';
import type { TruthRow } from '../../decontaminate/record';
import { modelInput } from '../../eval/loglikelihood';
import { firstMaximum, perCharacter } from '../../eval/metrics';
import { LLAMA_2, type Llama2Size } from '../../model/llama-2';
import { auditPaper } from '../../paper/audit/audit';
import { countsPrintedAs } from '../../paper/audit/check';
import { PAPER_TABLES, sizeOf } from '../../paper/audit/tables';
import type { PaperBenchmark } from '../../paper/benchmarks';
import { paperRow, TABLE_1 } from '../../paper/tables';
import { differenceInDifferences } from '../../statistics/difference-in-differences';
import { holm } from '../../statistics/holm';
import { pairedDifference } from '../../statistics/paired-difference';
import { detectableUnpaired } from '../../statistics/power';
import { countParameters, trainingMemory } from '../../train/memory';
import type { Reference } from './grade';

/*
 * What the exercises of notebooks 05 to 08 are graded against; `exercises.ts` has those of the others.
 */

const list = <T>(length: number, one: (i: number) => T): T[] => Array.from({ length }, (_, i) => one(i));

/** 05: a paired difference and its standard error, from right (1) and wrong (0) answers to the same items. */
const paired: Reference<[lora: number[], full: number[]], { difference: number; stderr: number }> = {
  like: (lora, full) => {
    const { value, stderr } = pairedDifference(lora.map((a, i) => ({ a, b: full[i]! })));
    return { difference: value, stderr: stderr! };
  },
  given: (random) => {
    const n = 2 + random.int(30);
    return [list(n, () => random.int(2)), list(n, () => random.int(2))];
  },
};

/** 05: bytes that full-parameter training must hold for each of LoRA's, with one decimal. */
function memoryRatio(size: Llama2Size): number {
  const held = (lora?: LoraConfig) => trainingMemory(countParameters(LLAMA_2[size], lora)).total;
  return Math.round((10 * held()) / held(PAPER_LORA.lora)) / 10;
}

/** 05: the difference, in points with one decimal, that a benchmark of the paper shows four times out of five. */
function detectablePoints(task: PaperBenchmark): number {
  const share = paperRow(TABLE_1, task)!.peFt / 100;
  return Math.round(1000 * detectableUnpaired(share, sizeOf(PAPER_TABLES, task).n)!) / 10;
}

/** 06: what acc and acc_norm choose. */
const predictions: Reference<[logLikelihoods: number[], choices: string[]], { acc: number; accNorm: number }> = {
  like: (logLikelihoods, choices) => ({
    acc: firstMaximum(logLikelihoods).index,
    accNorm: firstMaximum(perCharacter(logLikelihoods, choices)).index,
  }),
  given: (random) => {
    const n = 2 + random.int(4);
    // Whole numbers, so that ties come up; a letter of two UTF-16 units, so that characters are not units.
    return [
      list(n, () => -1 - random.int(6)),
      list(n, () => ['a', 'é', '𝛽'][random.int(3)]!.repeat(1 + random.int(6))),
    ];
  },
};

/** 06: tokens that are dropped on the left of a request. */
const dropped: Reference<[contextTokens: number, continuationTokens: number, maxLength: number], number> = {
  like: (context, continuation, maxLength) => {
    const tokens = (length: number) => list(length, () => 0);
    const encoded = { context: tokens(context), continuation: tokens(continuation), seam: false };
    return modelInput(encoded, 'exercise', { maxLength, vocabSize: 1 }).truncatedTokens;
  },
  given: (random) => [random.int(40), 1 + random.int(8), 8 + random.int(24)],
};

/** 07: precision and recall of flags; null where nothing was flagged, or nothing is contaminated. */
const precisionRecall: Reference<
  [flagged: boolean[], contaminated: boolean[]],
  { precision: number | null; recall: number | null }
> = {
  like: (flagged, contaminated) => {
    const items = flagged.map((_, i) => ({ id: String(i), task: '', question: '', choices: [], answer: 0 }));
    const planted = items
      .filter((_, i) => contaminated[i])
      .map(({ id }) => ({ itemId: id, rowId: id, kind: 'exact' }) as const);
    const { precision, recall } = truthScore(items, flagged, planted, new Set(), () => false);
    return { precision, recall };
  },
  given: (random) => {
    const n = 1 + random.int(8);
    return [list(n, () => random.int(2) === 1), list(n, () => random.int(2) === 1)];
  },
};

/** 07: what tuning changed on flagged items less what it changed on clean ones. */
const didEffect: Reference<[base: number[], tuned: number[], flagged: boolean[]], number> = {
  like: (base, tuned, flagged) =>
    differenceInDifferences(base.map((a, i) => ({ a, b: tuned[i]!, flagged: flagged[i]! }))).value,
  given: (random) => {
    const n = 4 + random.int(12);
    const answers = () => list(n, () => random.int(2));
    return [answers(), answers(), list(n, (i) => (i < 4 ? i < 2 : random.int(3) === 0))];
  },
};

/** 07: the threshold of the highest F1, the lowest of equals; null where no row has one. */
const bestThreshold: Reference<[truth: Pick<TruthRow, 'threshold' | 'precision' | 'recall'>[]], number | null> = {
  like: (truth) => {
    const scored = truth.flatMap(({ threshold, precision, recall }) =>
      precision && recall ? [{ threshold, f1: (2 * precision * recall) / (precision + recall) }] : [],
    );
    const most = Math.max(...scored.map(({ f1 }) => f1));
    return scored.find(({ f1 }) => f1 === most)?.threshold ?? null;
  },
  given: (random) => {
    const share = (): number | null => (random.int(6) === 0 ? null : random.int(11) / 10);
    return [list(random.int(6), (i) => ({ threshold: (5 + i) / 10, precision: share(), recall: share() }))];
  },
};

/** 08: p-values after Holm's correction. */
const correction: Reference<[pValues: number[]], number[]> = {
  like: holm,
  given: (random) => [list(1 + random.int(6), () => random.next() ** 2)],
};

/** 08: whole numbers k for which 100 k / n prints as the percentage. */
const countsOf: Reference<[percent: number, n: number], number[]> = {
  like: (percent, n) => countsPrintedAs(percent, n),
  given: (random) => [random.int(1001) / 10, 1 + random.int(300)],
};

/** 08: tasks of table 1 on which full-parameter training is surely ahead of LoRA. */
function sureWins(): number {
  const { differences } = auditPaper();
  return differences.filter(({ from, difference, pHolm }) => from === 'PE-FT' && difference > 0 && pHolm < 0.05).length;
}

export const RESULT_EXERCISES = {
  paired,
  memoryRatio,
  detectablePoints,
  predictions,
  dropped,
  precisionRecall,
  didEffect,
  bestThreshold,
  correction,
  countsOf,
  sureWins,
} as const;
