import type { Difference } from '../compare/estimate';
import { isEstimate, numberText } from './table';

/** What sentences call the methods. */
export const NAMES = { base: 'the base', lora: 'LoRA', full: 'full-parameter training' } as const;

/** '+3.1 points [1.2, 5.0]' */
export function pointsText(difference: Difference, signed = true): string {
  const number = (value: number) => numberText(value, 1, signed);
  if (!isEstimate(difference)) return `${number(difference)} points, the same on every item`;
  return `${number(difference.value)} points [${number(difference.low)}, ${number(difference.high)}]`;
}
