import { expect, test } from 'vitest';
import { createRandom } from '../lib/random';

test.for([-1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY])('a seed of %d is refused', (seed) => {
  expect(() => createRandom(seed)).toThrow(`random: seed must be a whole number from 0 to 4294967295, got ${seed}`);
});

test('the first and the last seed give other numbers', () => {
  const draw = (seed: number) => createRandom(seed).next();
  expect(new Set([0, 1, 2 ** 32 - 1].map(draw)).size).toBe(3);
});
