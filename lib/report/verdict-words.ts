import type { ValueWithInterval } from '../compare/estimate';
import type { Contrast, SliceComparison } from '../compare/models';
import type { RunRecord, Setting } from '../compare/run-record';
import { fairSetting, type ModelName, runsOf } from '../compare/runs';
import { isEstimate, numberText } from './table';

/*
 * How findings call things: the methods, a difference and its verdict; and what they are about.
 */

export const NAMES = { base: 'the base', lora: 'LoRA', full: 'full-parameter training' } as const;

/** 'higher' or 'lower' only where the whole 95% interval is. */
export type Direction = 'higher' | 'lower' | 'untold' | 'equal';

export function verdictOf(difference: ValueWithInterval | number): Direction {
  if (!isEstimate(difference)) return difference > 0 ? 'higher' : difference < 0 ? 'lower' : 'equal';
  return difference.low > 0 ? 'higher' : difference.high < 0 ? 'lower' : 'untold';
}

/** '+3.1 points [1.2, 5.0]' */
export function pointsText(difference: ValueWithInterval | number, signed = true): string {
  const number = (value: number) => numberText(value, 1, signed);
  if (!isEstimate(difference)) return `${number(difference)} points, the same on every item`;
  return `${number(difference.value)} points [${number(difference.low)}, ${number(difference.high)}]`;
}

/** The items that the answer is about: the facts that were fine-tuned on where they are known, else all. */
export function mainSlice({ slices }: Contrast): SliceComparison {
  return slices.find(({ kind }) => kind === 'tuned-groups') ?? slices.find(({ kind }) => kind === 'all')!;
}

/** Whether an arm's models are those that the answer is about; they may have been trained for another setting first. */
export function isCompared(record: RunRecord, { method, setting }: { method: ModelName; setting: Setting }): boolean {
  return runsOf(record, method, fairSetting(record))[0]?.setting === setting;
}
