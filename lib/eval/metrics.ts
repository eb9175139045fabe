/** The standard normal's 97.5% point. Differs: simple-statistics' probit gives 1.957, 0.14% short, so it is written out. */
const Z_95 = 1.959963984540054;

/** A share of items, with what it rests on. */
export interface Proportion {
  /** count / n */
  readonly value: number;
  readonly count: number;
  readonly n: number;
  /** sqrt(p (1 - p) / (n - 1)), the harness's; null for a single item. */
  readonly stderr: number | null;
  /** Wilson's 95% interval. */
  readonly interval: readonly [low: number, high: number];
}

/**
 * The place of the largest value; the FIRST of equals, so a tie goes to A, or to 'yes'.
 * Ties are common in low precision: 16-bit logits near -5 are 0.031 apart.
 *
 * Source: numpy.argmax in lm_eval/api/task.py.
 * @throws when there is nothing to choose from, or a value is NaN
 */
export function firstMaximum(values: readonly number[]): { index: number; tied: boolean } {
  if (values.length === 0 || values.some(Number.isNaN)) {
    throw new Error(`metrics: firstMaximum needs numbers, got [${values.join(', ')}]`);
  }
  const index = values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
  return { index, tied: values.lastIndexOf(values[index]!) !== index };
}

/**
 * Log-likelihood per character of the choice: what accNorm compares.
 * The length is Python's len of the choice WITHOUT the leading space: code points, not bytes and not UTF-16 units.
 *
 * Source: lm_eval/api/task.py, process_results of multiple_choice.
 */
export function perCharacter(logLikelihoods: readonly number[], choices: readonly string[]): number[] {
  return logLikelihoods.map((logLikelihood, i) => logLikelihood / [...choices[i]!].length);
}

/**
 * A proportion with its standard error and Wilson interval.
 *
 *     (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
 *
 * @throws when n is 0
 */
export function proportion(count: number, n: number): Proportion {
  if (n < 1 || count < 0 || count > n)
    throw new Error(`metrics: proportion needs 0 <= count <= n, got ${count} of ${n}`);
  const value = count / n;
  const spread = Z_95 ** 2 / n;
  const centre = value + spread / 2;
  const half = Math.sqrt(spread * (value * (1 - value) + spread / 4));
  return {
    value,
    count,
    n,
    stderr: n > 1 ? Math.sqrt((value * (1 - value)) / (n - 1)) : null,
    interval: [Math.max(0, (centre - half) / (1 + spread)), Math.min(1, (centre + half) / (1 + spread))],
  };
}

/** What guessing gives: the mean of 1/choices over the items. */
export function chanceLevel(choiceCounts: readonly number[]): number {
  return choiceCounts.reduce((sum, count) => sum + 1 / count, 0) / choiceCounts.length;
}

/** What always giving one answer gives, for the best such answer: a model that knows only the letters' frequencies. */
export function majorityBaseline(answers: readonly number[]): { answer: number; share: number } {
  const counts: number[] = [];
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  const { index } = firstMaximum(Array.from(counts, (count) => count ?? 0));
  return { answer: index, share: counts[index]! / answers.length };
}
