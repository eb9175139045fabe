/** What became of one recomputed number. */
export type Verdict =
  /** It prints as printed. */
  | 'agrees'
  /** It does only if numbers were rounded before they went into it. */
  | 'rounding'
  /** No numbers that print as the others do can give it. */
  | 'disagrees';

/** One printed number, computed again from the others. */
export interface AuditCheck {
  readonly table: '1' | 'A1' | 'A2' | 'A3' | 'text';
  /** Row and column. */
  readonly cell: string;
  readonly rule: 'sum' | 'percent' | 'average' | 'count' | 'change' | 'removal' | 'size' | 'statement';
  readonly printed: string;
  readonly computed: string;
  readonly verdict: Verdict;
  /** What would explain it, as far as that can be computed; empty where there is nothing to say. */
  readonly explanation: string;
}

/** Half a unit of the last printed digit: a printed value stands for all within it. */
function halfUnit(decimals: number): number {
  return 0.5 * 10 ** -decimals;
}

/** Whether a value prints as `printed` with so many decimals, ties either way. */
export function printsAs(value: number, printed: number, decimals: number): boolean {
  return Math.abs(value - printed) <= halfUnit(decimals) + 1e-9;
}

/** Whether a value gives `printed` when its further digits are cut off, not rounded. */
export function cutsTo(value: number, printed: number, decimals: number): boolean {
  return Math.abs(Math.trunc(value * 10 ** decimals + Math.sign(value) * 1e-9) / 10 ** decimals - printed) < 1e-9;
}

/**
 * Counts k for which 100 k / n prints as `percent`: a share of n items can only be one of n + 1 values.
 * None: the percentage is not of n items.
 *
 * Source: Brown and Heathers 2017, the GRIM test. It is weak where n is large: from n = 1,000 on every value with one
 * decimal is possible.
 */
export function countsPrintedAs(percent: number, n: number, decimals = 1): number[] {
  const first = Math.max(0, Math.floor(((percent - halfUnit(decimals)) / 100) * n) - 1);
  const last = Math.min(n, Math.ceil(((percent + halfUnit(decimals)) / 100) * n) + 1);
  const candidates = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return candidates.filter((k) => printsAs((100 * k) / n, percent, decimals));
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
