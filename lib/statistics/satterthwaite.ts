/** An independent part of an estimate's variance, and the degrees of freedom it was itself estimated with. */
export interface VariancePart {
  readonly variance: number;
  readonly df: number;
}

/**
 * The standard error of the parts together, and the degrees of freedom of a t distribution that fits it.
 *
 *     (Σ variance)² / Σ (variance² / df);   the smallest part's df where all are 0
 *
 * Source: Satterthwaite 1946.
 */
export function satterthwaite(parts: readonly VariancePart[]): { stderr: number; df: number } {
  const variance = parts.reduce((total, part) => total + part.variance, 0);
  const squares = parts.reduce((total, part) => total + part.variance ** 2 / part.df, 0);
  const df = squares > 0 ? variance ** 2 / squares : Math.min(...parts.map((part) => part.df));
  return { stderr: Math.sqrt(variance), df };
}
