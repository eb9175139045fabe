import type { TrainConfig } from '../config';

/**
 * The learning rate of update `step` (0-based): linear from 0 over the warm-up, then a cosine from the peak to
 * `finalRateRatio` of it at `totalSteps`. The very first update has rate 0.
 *
 *     rate
 *      peak      /\
 *               /  `-.
 *      floor   /      `--
 *             0  warmup  total
 *
 * Source: transformers optimization.py, get_cosine_with_min_lr_schedule_with_warmup
 */
export function learningRateAt(
  step: number,
  totalSteps: number,
  c: Pick<TrainConfig, 'learningRate' | 'warmupSteps' | 'finalRateRatio'>,
): number {
  if (step < c.warmupSteps) return (c.learningRate * step) / Math.max(1, c.warmupSteps);
  const progress = (step - c.warmupSteps) / Math.max(1, totalSteps - c.warmupSteps);
  const cosine = 0.5 * (1 + Math.cos(Math.PI * progress));
  return c.learningRate * Math.max(0, cosine * (1 - c.finalRateRatio) + c.finalRateRatio);
}
