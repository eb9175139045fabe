import { expect, test } from 'vitest';
import { mixtureShares } from '../../lib/data/mixture-shares';

const sample = (source: string, prompt: number, loss: number) => {
  const ids = new Int32Array(prompt + loss).fill(7);
  return { source, ids, labels: ids.slice().fill(-100, 0, prompt) };
};

test('short answers are many samples and little of the loss', () => {
  const shares = mixtureShares([
    sample('medmcqa', 8, 1),
    sample('medmcqa_miniature', 8, 1),
    sample('openorca_cot', 4, 6),
    sample('medquad', 0, 12),
  ]);
  expect(
    shares.subsets.map(({ subset, samples, tokens, lossTokens }) => [subset, samples, tokens, lossTokens]),
  ).toEqual([
    ['medmcqa', 50, 45, 10],
    ['medquad', 25, 30, 60],
    ['openorca_cot', 25, 25, 30],
  ]);
  expect(shares.domains.medical).toEqual({ samples: 75, tokens: 75, lossTokens: 70 });
  expect(() => mixtureShares([])).toThrow('mixture: there must be a sample');
});
