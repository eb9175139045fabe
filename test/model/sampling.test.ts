import { expect, test } from 'vitest';
import { candidates, likeliest, sampler } from '../../lib/model/sampling';
import { createRandom } from '../../lib/random';

/** What may be drawn is compared with transformers in test/parity/generation.test.ts; here that it is drawn so. */

const scores = Float32Array.from([1, 3, -2, 3, 0.5, 2]);

test('a seed repeats its draws, another seed does not', () => {
  const draw = (seed: number) => {
    const choose = sampler({ temperature: 1 }, createRandom(seed));
    return Array.from({ length: 50 }, () => choose(scores));
  };
  expect(draw(4)).toEqual(draw(4));
  expect(draw(5)).not.toEqual(draw(4));
});

test('tokens are drawn as often as they are likely', () => {
  const sampling = { temperature: 1.2, topK: 5, topP: 0.95 };
  const { ids, probabilities } = candidates(scores, sampling);
  const choose = sampler(sampling, createRandom(1));
  const counts = new Map<number, number>();
  const draws = 20_000;
  for (let i = 0; i < draws; i++) {
    const id = choose(scores);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual([...ids]);
  for (const [i, id] of ids.entries()) {
    const expected = probabilities[i]! * draws;
    expect(Math.abs(counts.get(id)! - expected)).toBeLessThan(5 * Math.sqrt(expected));
  }
});

test('the likeliest is the first of equals; a low temperature comes to it', () => {
  expect(likeliest(scores)).toBe(1);
  const cold = sampler({ temperature: 0.01 }, createRandom(1));
  expect(new Set(Array.from({ length: 100 }, () => cold(scores)))).toEqual(new Set([1, 3]));
  expect(sampler({ temperature: 1, topP: 1e-9 }, createRandom(1))(Float32Array.of(0, 5, 1))).toBe(1);
});

test('settings out of range are refused', () => {
  const random = createRandom(1);
  expect(() => sampler({ temperature: 0 }, random)).toThrow('sampling: temperature must be a number above 0, got 0');
  expect(() => sampler({ temperature: Number.NaN }, random)).toThrow('got NaN');
  expect(() => sampler({ temperature: 1, topK: 2.5 }, random)).toThrow('sampling: top-k must be a whole number');
  expect(() => sampler({ temperature: 1, topP: 0 }, random)).toThrow('sampling: top-p must be above 0 and at most 1');
});
