import type { Random } from '../random';

/** Chooses the next token by the scores (logits) [V] of all. */
export type ChooseToken = (scores: Float32Array) => number;

/** The first of the highest scores: greedy decoding. */
export const likeliest: ChooseToken = (scores) => {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
};

export interface Sampling {
  /** Above 0: scores are divided by it. */
  readonly temperature: number;
  /** Only tokens with a score of the K highest; ties with the last of them stay. */
  readonly topK?: number;
  /** Above 0, at most 1: only the likeliest tokens whose probabilities together reach this. */
  readonly topP?: number;
}

/** Tokens that may be drawn, in the order of their ids, and their probabilities. */
export interface Candidates {
  readonly ids: readonly number[];
  /** They sum to 1. */
  readonly probabilities: readonly number[];
}

/**
 * Temperature, then top-k, then top-p, as transformers' `generate` applies them.
 *
 * Source: transformers generation/logits_process.py, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper.
 * Differs: probabilities are summed in double precision.
 */
export function candidates(scores: Float32Array, { temperature, topK, topP }: Sampling): Candidates {
  const warped = scores.map((score) => score / temperature);
  let ids = Array.from(warped.keys());
  if (topK !== undefined && topK < warped.length) {
    const lowest = warped.slice().sort()[warped.length - topK]!;
    ids = ids.filter((id) => warped[id]! >= lowest);
  }
  let weights = softmax(ids.map((id) => warped[id]!));
  if (topP !== undefined && topP < 1) {
    const isKept = withinMass(weights, topP);
    ids = ids.filter((_, i) => isKept[i]);
    weights = softmax(ids.map((id) => warped[id]!));
  }
  return { ids, probabilities: weights };
}

/**
 * Draws each token by its probability.
 *
 * @throws when a setting is out of its range
 */
export function sampler(sampling: Sampling, random: Random): ChooseToken {
  const { temperature, topK, topP } = sampling;
  const refuse = (name: string, wanted: string, got: number): never => {
    throw new Error(`sampling: ${name} must be ${wanted}, got ${got}`);
  };
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    refuse('temperature', 'a number above 0', temperature);
  }
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1)) {
    refuse('top-k', 'a whole number of 1 or more', topK);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) refuse('top-p', 'above 0 and at most 1', topP);
  return (scores) => {
    const { ids, probabilities } = candidates(scores, sampling);
    let left = random.next();
    for (const [i, probability] of probabilities.entries()) {
      left -= probability;
      if (left < 0) return ids[i]!;
    }
    return ids.at(-1)!;
  };
}

function softmax(scores: readonly number[]): number[] {
  let highest = Number.NEGATIVE_INFINITY;
  for (const score of scores) highest = Math.max(highest, score);
  const weights = scores.map((score) => Math.exp(score - highest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Without the unlikeliest, whose probabilities together are at most 1 - `mass`; of equal ones the first goes first. */
function withinMass(weights: readonly number[], mass: number): boolean[] {
  const sorted = Float64Array.from(weights).sort();
  let removed = 0;
  for (let sum = 0; removed < sorted.length - 1; removed++) {
    sum += sorted[removed]!;
    if (sum > 1 - mass) break;
  }
  const lowest = sorted[removed]!;
  let equal = removed - sorted.indexOf(lowest);
  return weights.map((weight) => weight > lowest || (weight === lowest && equal-- <= 0));
}
