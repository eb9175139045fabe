import { gammaln } from 'simple-statistics';

/**
 * The upper regularized incomplete gamma function Q(a, x) = Γ(a, x) / Γ(a), to about 1e-14 of its value also far out
 * in the tail: the series below a + 1, Lentz's continued fraction above.
 *
 * Source: Press et al., Numerical Recipes, 6.2.
 * Differs: simple-statistics' errorFunction, which would do for a = 1/2, is good to 1e-7 absolutely, no use for small p-values.
 */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const front = Math.exp(a * Math.log(x) - x - gammaln(a));
  return x < a + 1 ? 1 - front * series(a, x) : front * fraction(a, x);
}

function series(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; Math.abs(term) > sum * Number.EPSILON; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

function fraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = Number.MAX_VALUE;
  let d = 1 / b;
  let h = d;
  for (let i = 1, change = 0; Math.abs(change - 1) > 4 * Number.EPSILON; i++) {
    const numerator = -i * (i - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    change = d * c;
    h *= change;
  }
  return h;
}
