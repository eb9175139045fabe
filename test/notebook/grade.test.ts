import { expect, test } from 'vitest';
import { grade, gradeAnswer } from '../../lib/notebook/cell/grade';
import type { Random } from '../../lib/random';

const mean = {
  like: (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length,
  given: (random: Random): [number[]] => [Array.from({ length: 2 + random.int(4) }, () => random.next())],
};

test('a blank, a wrong, a throwing and a right answer are told apart, and none throws', () => {
  expect(grade(() => undefined, mean)).toMatch(/^not yet: the answer is still blank/);
  expect(grade((values) => values[0]!, mean)).toMatch(/^not yet: for \(\[ 0\.\d+.*your function gives 0\.\d+/);
  expect(
    grade(() => {
      throw new Error('oh');
    }, mean),
  ).toContain('your function stopped with "oh"');
  expect(grade((values) => values.reduceRight((a, b) => a + b, 0) / values.length, mean)).toBe(
    "right: equal to the library's on 100 random inputs.",
  );
});

test('an answer that is right at first and wrong later is found out', () => {
  const verdict = grade((values) => (values.length < 5 ? mean.like(values) : 0), mean);
  expect(verdict).toMatch(/your function gives 0, .* \(the \d+ inputs before were right\)/);
});

test('an answer that writes into its inputs does not change what it is compared with', () => {
  const first = { like: (values: number[]) => values[0]!, given: mean.given };
  expect(grade((values) => values.fill(7)[0]!, first)).toMatch(/^not yet/);
});

test('lists, typed arrays and records are compared inside; numbers by nearness; NaN is NaN', () => {
  const record = (value: unknown) => ({ like: () => value, given: (): [] => [] });
  expect(grade(() => [1, { a: 2 + 1e-9 }], record([1, { a: 2 }]))).toMatch(/^right/);
  expect(grade(() => [1, 2], record(Int32Array.of(1, 2)))).toMatch(/^right/);
  expect(grade(() => Number.NaN, record(Number.NaN))).toMatch(/^right/);
  expect(grade(() => ({ a: 1, b: 2 }), record({ a: 1 }))).toMatch(/^not yet/);
  expect(grade(() => [1], record([1, 2]))).toMatch(/^not yet/);
  expect(grade(() => 2.001, record(2))).toMatch(/^not yet/);
});

test('one answer: the hint helps, the right answer stays untold', () => {
  expect(gradeAnswer(undefined, 8, 'Count again.')).toMatch(/^not yet: the answer is still blank/);
  expect(gradeAnswer(7, 8, 'Count again.')).toBe('not yet: it is not 7. Count again.');
  expect(gradeAnswer(8, 8, 'Count again.')).toBe('right: 8.');
});
