import { gammaln } from 'simple-statistics';

/**
 * The regularized incomplete beta function I_x(a, b), by Lentz's continued fraction.
 *
 * @param complement 1 - x, given apart so that nothing is lost where x is near 1
 * Source: Press et al., Numerical Recipes, 6.4.
 */
export function incompleteBeta(x: number, a: number, b: number, complement = 1 - x): number {
  if (x <= 0) return 0;
  if (complement <= 0) return 1;
  const front = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log(complement));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(complement, b, a)) / b;
}

function fraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let h = d;
  const step = (numerator: number): number => {
    d = 1 / (1 + numerator * d);
    c = 1 + numerator / c;
    h *= d * c;
    return d * c;
  };
  for (let m = 1, change = 0; Math.abs(change - 1) > 4 * Number.EPSILON; m++) {
    step((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)));
    change = step((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)));
  }
  return h;
}
