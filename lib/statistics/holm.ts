import { needsShare } from './inputs';

/**
 * Holm's correction: p-values adjusted so that, over all of them together, a false alarm below 0.05 has at most a
 * probability of 0.05, whatever their dependence. The smallest is multiplied by their number, the next by one less, ...
 *
 * @returns the adjusted values in the order given; none for none
 * @throws on a value that is no p-value
 */
export function holm(pValues: readonly number[]): number[] {
  for (const [i, p] of pValues.entries()) needsShare('holm', `p-value ${i}`, p);
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length);
  let floor = 0;
  for (const [rank, i] of order.entries()) {
    floor = Math.max(floor, Math.min(1, (pValues.length - rank) * pValues[i]!));
    adjusted[i] = floor;
  }
  return adjusted;
}
