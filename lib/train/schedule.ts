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
  const warmup = warmupUpdates(c.warmupSteps, totalSteps);
  if (step < warmup) return (c.learningRate * step) / Math.max(1, warmup);
  const progress = (step - warmup) / Math.max(1, totalSteps - warmup);
  const cosine = 0.5 * (1 + Math.cos(Math.PI * progress));
  return c.learningRate * Math.max(0, cosine * (1 - c.finalRateRatio) + c.finalRateRatio);
}

/** Updates of the warm-up; a share is rounded up, as transformers does with `warmup_ratio`. */
export function warmupUpdates(warmup: TrainConfig['warmupSteps'], totalSteps: number): number {
  return typeof warmup === 'number' ? warmup : Math.ceil((Number.parseFloat(warmup) / 100) * totalSteps);
}
