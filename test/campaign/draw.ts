import fc from 'fast-check';

/** What a seed draws; neighbouring seeds draw unlike things. */
export const one = <T>(arbitrary: fc.Arbitrary<T>, seed: number): T =>
  fc.sample(arbitrary, { seed: Math.imul(seed, 0x9e3779b1), numRuns: 1 })[0]!;
