import { binomialTest } from './binomial';

/**
 * McNemar's exact test, two-sided: two models answered the same items; only the items that one of them alone got right
 * say anything about their difference, and each is a coin toss if there is none.
 *
 * It takes the items as independent. Where several ask for one fact or share a passage, `pairedDifference` with
 * clusters is the honest one.
 *
 * @param onlyA items that A alone got right
 * @param onlyB items that B alone got right
 * @returns the p-value; 1 where no item tells them apart
 * @throws unless both are whole numbers from 0 on
 */
export function mcNemarExact(onlyA: number, onlyB: number): number {
  if (![onlyA, onlyB].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw new Error(`mcNemarExact: needs two whole numbers from 0 on, got ${onlyA} and ${onlyB}`);
  }
  const n = onlyA + onlyB;
  return n === 0 ? 1 : Math.min(1, 2 * binomialTest(Math.min(onlyA, onlyB), n, 0.5, 'less'));
}
