import { describe, expect, it } from 'vitest';
import { proportion, wilsonInterval } from '../../lib/statistics/proportion';

describe('a proportion', () => {
  it("has the harness's standard error", () => {
    expect(proportion(3, 4).stderr).toBeCloseTo(0.25, 12);
    expect(proportion(1, 1).stderr).toBeNull();
  });

  // Published examples of the interval: Newcombe 1998, table I (81/263, 15/148, 0/20, 1/29).
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("has Wilson's interval: %i of %i", (count, n, low, high) => {
    expect(proportion(count, n).interval[0]).toBeCloseTo(low, 4);
    expect(proportion(count, n).interval[1]).toBeCloseTo(high, 4);
  });

  it('needs an item', () => {
    expect(() => proportion(0, 0)).toThrow(/got 0 of 0/);
    expect(() => proportion(3, 2)).toThrow(/got 3 of 2/);
    expect(() => proportion(0.5, 2)).toThrow(/whole numbers .* got 0.5 of 2/);
    expect(() => proportion(Number.NaN, 2)).toThrow(/got NaN of 2/);
    for (const level of [1, 0, -0.5, Number.NaN]) {
      expect(() => wilsonInterval(1, 2, level)).toThrow(`level must lie between 0 and 1, got ${level}`);
    }
  });
});
