import { normalQuantile } from './distributions';
import { needsCounts, needsLevel } from './inputs';

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
 * A proportion with the harness's standard error and Wilson's interval.
 *
 * @throws unless both are whole numbers, 0 <= count <= n and n > 0
 * Source: lm_eval/api/metrics.py, mean_stderr.
 */
export function proportion(count: number, n: number): Proportion {
  const interval = wilsonInterval(count, n);
  const value = count / n;
  return { value, count, n, stderr: n > 1 ? Math.sqrt((value * (1 - value)) / (n - 1)) : null, interval };
}

/**
 * Wilson's score interval: the shares that a two-sided z-test would not reject.
 *
 *     (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
 *
 * @throws unless both are whole numbers, 0 <= count <= n and n > 0, and level lies between 0 and 1
 */
export function wilsonInterval(count: number, n: number, level = 0.95): readonly [low: number, high: number] {
  needsCounts('proportion', count, n);
  return wilsonFromShare(count / n, n, level);
}

/** Wilson's interval of a share that need not be a count over n: printed with one decimal, say. */
export function wilsonFromShare(p: number, n: number, level = 0.95): readonly [low: number, high: number] {
  needsLevel('wilson', level);
  const spread = normalQuantile((1 + level) / 2) ** 2 / n;
  const centre = p + spread / 2;
  const half = Math.sqrt(spread * (p * (1 - p) + spread / 4));
  return [Math.max(0, (centre - half) / (1 + spread)), Math.min(1, (centre + half) / (1 + spread))];
}
