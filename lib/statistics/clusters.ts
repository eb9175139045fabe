import { sum } from 'simple-statistics';

/** Sums of values within each cluster; a value without a name is a cluster of its own. */
export function clusterSums(values: readonly number[], clusters: readonly (string | undefined)[]): number[] {
  const named = new Map<string, number>();
  const alone: number[] = [];
  for (const [i, value] of values.entries()) {
    const cluster = clusters[i];
    if (cluster === undefined) alone.push(value);
    else named.set(cluster, (named.get(cluster) ?? 0) + value);
  }
  return [...named.values(), ...alone];
}

/**
 * Standard error of a mean whose values come in clusters: items that ask for one fact or share a passage are right or
 * wrong together, so many of them say less than as many independent ones.
 *
 *     sqrt(G / (G - 1) · Σ over clusters (Σ in it (x - mean))²) / n
 *
 * With every item a cluster of its own it is the ordinary s / sqrt(n).
 *
 * @param deviations x - mean of each item
 * @returns null for fewer than two clusters
 * Source: Liang and Zeger 1986; Miller 2024 (arXiv 2411.00640), equation 4.
 * Differs: Miller's has no G / (G - 1), which is statsmodels' small-sample correction and matters for few clusters.
 */
export function clusteredStandardError(
  deviations: readonly number[],
  clusters: readonly (string | undefined)[],
): { stderr: number | null; clusters: number } {
  const sums = clusterSums(deviations, clusters);
  const count = sums.length;
  if (count < 2) return { stderr: null, clusters: count };
  const squares = sum(sums.map((one) => one ** 2));
  return { stderr: Math.sqrt((count / (count - 1)) * squares) / deviations.length, clusters: count };
}
