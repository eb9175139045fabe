import { normalQuantile } from './distributions';
import { needsShare } from './inputs';

export interface PowerOptions {
  /** Of a two-sided test; default 0.05. */
  readonly alpha?: number;
  /** Default 0.8: four times out of five the difference is found. */
  readonly power?: number;
}

/**
 * The smallest true difference that a z-test with this standard error finds with the wanted power: 2.80 standard errors
 * at 80%. Null for a standard error of 0, which says that nothing varied, not that everything could be seen.
 *
 * @throws on a negative standard error
 * Source: Miller 2024 (arXiv 2411.00640), section 5.
 */
export function detectableDifference(stderr: number, options: PowerOptions = {}): number | null {
  if (!(stderr >= 0)) throw new Error(`detectableDifference: needs a standard error from 0 on, got ${stderr}`);
  const { zAlpha, zPower } = quantiles(options);
  return stderr === 0 ? null : (zAlpha + zPower) * stderr;
}

/**
 * The smallest difference in accuracy that McNemar's test finds on n shared items, of which so large a share is
 * answered rightly by just one of the models.
 *
 *     z_α sqrt(π) + z_β sqrt(π - δ²) = sqrt(n) δ,   π the discordant share
 *
 * @param designEffect clustered variance over plain variance, where items come in clusters; default 1
 * @returns null where even all discordant items on one side would not be enough
 * @throws on a discordance outside 0..1 or no items
 * Source: Connor 1987 (Biometrics 43, 207), solved for δ.
 */
export function detectablePaired(
  n: number,
  discordance: number,
  { designEffect = 1, ...options }: PowerOptions & { readonly designEffect?: number } = {},
): number | null {
  needsItems('detectablePaired', n);
  needsShare('detectablePaired', 'discordance', discordance);
  if (!(designEffect > 0)) throw new Error(`detectablePaired: designEffect must be above 0, got ${designEffect}`);
  const { zAlpha, zPower } = quantiles(options);
  const independent = n / designEffect;
  const a = zAlpha * Math.sqrt(discordance * independent);
  const b = zPower ** 2;
  const root = a ** 2 - (independent + b) * (zAlpha ** 2 - b) * discordance;
  const difference = (a + Math.sqrt(root)) / (independent + b);
  return difference < discordance ? difference : null;
}

/**
 * The smallest difference from an accuracy p that two models on different items, or known by p and n alone, show.
 * The larger of the differences upwards and downwards.
 *
 *     δ = z_α sqrt(2 m (1 - m) / n) + z_β sqrt((p (1 - p) + q (1 - q)) / n),   q = p ± δ, m = (p + q) / 2
 *
 * @returns null where no accuracy from 0 to 1 is far enough away
 * @throws on a p outside 0..1 or no items
 * Source: Fleiss, Levin and Paik 2003, section 4.2, solved for δ.
 */
export function detectableUnpaired(p: number, n: number, options: PowerOptions = {}): number | null {
  needsShare('detectableUnpaired', 'p', p);
  needsItems('detectableUnpaired', n);
  const { zAlpha, zPower } = quantiles(options);
  const variance = (share: number) => share * (1 - share);
  const lacking = (q: number): number =>
    zAlpha * Math.sqrt((2 * variance((p + q) / 2)) / n) +
    zPower * Math.sqrt((variance(p) + variance(q)) / n) -
    Math.abs(q - p);
  const towards = (end: 0 | 1): number | null => {
    if (lacking(end) > 0) return null;
    let [near, far] = [p, end as number];
    for (let i = 0; i < 60; i++) {
      const middle = (near + far) / 2;
      if (lacking(middle) > 0) near = middle;
      else far = middle;
    }
    return Math.abs(far - p);
  };
  const [down, up] = [towards(0), towards(1)];
  return down === null && up === null ? null : Math.max(down ?? 0, up ?? 0);
}

function quantiles({ alpha = 0.05, power = 0.8 }: PowerOptions): { zAlpha: number; zPower: number } {
  return { zAlpha: normalQuantile(1 - alpha / 2), zPower: normalQuantile(power) };
}

function needsItems(who: string, n: number): void {
  if (!Number.isSafeInteger(n) || n < 1) throw new Error(`${who}: n must be a whole number above 0, got ${n}`);
}
