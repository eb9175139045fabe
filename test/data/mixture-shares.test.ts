import { expect, test } from 'vitest';
import { mixtureShares } from '../../lib/data/mixture-shares';

const sample = (source: string, prompt: number, loss: number) => {
  const ids = new Int32Array(prompt + loss).fill(7);
  return { source, ids, labels: ids.slice().fill(-100, 0, prompt) };
};

test('sources that table A1 does not have keep their own names, after its sets, and are of no domain', () => {
  const { subsets, domains } = mixtureShares([
    sample('my notes', 2, 8),
    sample('medmcqa', 5, 5),
    sample('__proto__', 10, 0),
  ]);
  expect(
    subsets.map(({ name, domain, samples, lossTokens }) => [name, domain, Math.round(samples), Math.round(lossTokens)]),
  ).toEqual([
    ['MedMCQA', 'medical', 33, 38],
    ['my notes', null, 33, 62],
    ['__proto__', null, 33, 0],
  ]);
  expect([domains.medical.lossTokens, domains.general.samples].map(Math.round)).toEqual([38, 0]);
});

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
