import { mean } from 'simple-statistics';
import { clusterSums } from '../statistics/clusters';
import type { Estimate } from '../statistics/paired-difference';
import { wilsonFromShare } from '../statistics/proportion';

/** A number with its 95% interval. */
export interface ValueWithInterval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The chance level lies in the interval: marked with a star. */
  readonly atChance?: boolean;
}

/** A difference in points with its 95% interval; a bare number where nothing varies, so that no interval can be told. */
export type Difference = ValueWithInterval | number;

/** A difference of shares, 0..1, in points. */
export function inPoints({ value, interval }: Pick<Estimate, 'value' | 'interval'>): Difference {
  return interval ? { value: 100 * value, low: 100 * interval[0], high: 100 * interval[1] } : 100 * value;
}

/** 'higher' or 'lower' only where the whole 95% interval is. */
export type Direction = 'higher' | 'lower' | 'untold' | 'equal';

export function verdictOf(difference: Difference): Direction {
  if (typeof difference === 'number') return difference > 0 ? 'higher' : difference < 0 ? 'lower' : 'equal';
  return difference.low > 0 ? 'higher' : difference.high < 0 ? 'lower' : 'untold';
}

/** One item's answer by one method. */
export interface Answer {
  readonly id: string;
  readonly task: string;
  /** Share of the method's training seeds that answer rightly: 0 or 1 with one seed. */
  readonly right: number;
  /** 1 / choices. */
  readonly chance: number;
  /** Items of one cluster ask for one fact, and are not independent. */
  readonly cluster: string;
}

/**
 * The share of right answers in percent with a 95% interval over the items that might have been asked.
 *
 * 'items': every item counts alike. 'tasks': the unweighted mean of the tasks' shares, the paper's 'MMLU (average)'.
 *
 * The standard error is by clusters, se² = G/(G-1) Σ_cluster (Σ_item w (right - its task's mean))²; the interval is
 * Wilson's with the number of independent items that would have this error, n · p(1-p)/(n-1) / se². With one seed and
 * no clusters it is Wilson's of k right of n. What another training seed would change is not in it beyond the mean over the seeds.
 *
 * @returns null for no answers
 * Source: Korn and Graubard (1998) for the interval; Miller (arXiv 2411.00640) for clustered errors in evaluations.
 */
export function shareRight(answers: readonly Answer[], over: 'items' | 'tasks' = 'items'): ValueWithInterval | null {
  if (answers.length === 0) return null;
  const strata = new Map<string, Answer[]>();
  for (const answer of answers) {
    const key = over === 'tasks' ? answer.task : '';
    const stratum = strata.get(key);
    if (stratum) stratum.push(answer);
    else strata.set(key, [answer]);
  }
  const terms = [...strata.values()].flatMap((stratum) => {
    const weight = 1 / (strata.size * stratum.length);
    const own = mean(stratum.map(({ right }) => right));
    return stratum.map((answer) => ({ ...answer, weight, residual: weight * (answer.right - own) }));
  });
  const sum = (of: (term: (typeof terms)[number]) => number) => terms.reduce((total, term) => total + of(term), 0);
  const p = sum(({ weight, right }) => weight * right);
  const chance = sum((term) => term.weight * term.chance);
  const residuals = clusterSums(
    terms.map(({ residual }) => residual),
    terms.map(({ cluster }) => cluster),
  );
  const clusters = residuals.length;
  const squares = residuals.reduce((total, residual) => total + residual ** 2, 0);
  // All right, all wrong, or all equally often over the seeds: no spread to tell by, so a cluster counts as one item.
  const known = clusters > 1 && squares > 1e-15;
  const n = terms.length;
  const ifIndependent = (p * (1 - p)) / (n - 1);
  const independent = known ? (n * ifIndependent) / ((clusters / (clusters - 1)) * squares) : clusters;
  const [low, high] = wilsonFromShare(Math.min(1, Math.max(0, p)), independent);
  return { value: percent(p), low: percent(low), high: percent(high), atChance: low <= chance && chance <= high };
}

/** To a millionth of a percent, so that 0.29 becomes 29 and not 28.999999999999996. */
export function percent(share: number): number {
  return Number((100 * share).toFixed(6));
}
