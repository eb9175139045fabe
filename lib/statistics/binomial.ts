import { gammaln, sum } from 'simple-statistics';
import { needsCounts, needsShare } from './inputs';

/**
 * log P(X = k) of n trials with chance p.
 * Differs: simple-statistics' binomialDistribution stops when all but 1e-4 of the probability is listed: no tails.
 */
function logMass(k: number, n: number, p: number): number {
  if (p === 0) return k === 0 ? 0 : Number.NEGATIVE_INFINITY;
  if (p === 1) return k === n ? 0 : Number.NEGATIVE_INFINITY;
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + k * Math.log(p) + (n - k) * Math.log1p(-p);
}

export type Alternative = 'two-sided' | 'greater' | 'less';

/**
 * Exact binomial test of `count` right of `n` against a fixed chance.
 * Two-sided: the probability of all counts no likelier than the one seen, as SciPy's binomtest has it.
 *
 * @throws unless 0 <= count <= n are whole numbers, n > 0 and 0 <= chance <= 1
 */
export function binomialTest(count: number, n: number, chance: number, alternative: Alternative = 'two-sided'): number {
  needsCounts('binomialTest', count, n);
  needsShare('binomialTest', 'chance', chance);
  const seen = logMass(count, n, chance);
  const counted = (k: number): boolean => {
    if (alternative === 'greater') return k >= count;
    if (alternative === 'less') return k <= count;
    // A part in ten million of slack, SciPy's, so that counts equally likely by symmetry are counted on both sides.
    return logMass(k, n, chance) <= seen + 1e-7;
  };
  const masses = Array.from({ length: n + 1 }, (_, k) => (counted(k) ? Math.exp(logMass(k, n, chance)) : 0));
  return Math.min(1, sum(masses));
}
