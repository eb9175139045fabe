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

/** Per byte of the choice in UTF-8: the harness's `acc_bytes`, since October 2025. */
export function perByte(logLikelihoods: readonly number[], choices: readonly string[]): number[] {
  return logLikelihoods.map((logLikelihood, i) => logLikelihood / Buffer.byteLength(choices[i]!));
}

/** Per token of the continuation, delimiter included. Differs: no harness metric; GPT-3's paper normalises so. */
export function perToken(logLikelihoods: readonly number[], tokenCounts: readonly number[]): number[] {
  return logLikelihoods.map((logLikelihood, i) => logLikelihood / tokenCounts[i]!);
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
