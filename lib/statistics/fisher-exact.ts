import { gammaln, sum } from 'simple-statistics';
import { needsCounts } from './inputs';

/**
 * Fisher's exact test, two-sided, of two shares on different items: the probability, with all right answers dealt at
 * random, of every table no likelier than the one seen. It holds for a handful of items, where a z-test does not.
 *
 * @throws unless both are whole numbers, 0 <= count <= n and n > 0
 */
export function fisherExact(
  a: { readonly count: number; readonly n: number },
  b: { readonly count: number; readonly n: number },
): number {
  needsCounts('fisherExact', a.count, a.n);
  needsCounts('fisherExact', b.count, b.n);
  const right = a.count + b.count;
  const every = logChoose(a.n + b.n, right);
  const logMass = (k: number) => logChoose(a.n, k) + logChoose(b.n, right - k) - every;
  const first = Math.max(0, right - b.n);
  const counts = Array.from({ length: Math.min(a.n, right) - first + 1 }, (_, i) => first + i);
  const seen = logMass(a.count);
  // R's slack, so that tables equally likely by symmetry are counted on both sides.
  return Math.min(1, sum(counts.map(logMass).map((mass) => (mass <= seen + 1e-7 ? Math.exp(mass) : 0))));
}

function logChoose(n: number, k: number): number {
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
}
