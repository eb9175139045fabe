import { describe, expect, it } from 'vitest';
import { groupResults } from '../../lib/eval/groups';
import { chanceLevel, firstMaximum, majorityBaseline, perByte, perCharacter, perToken } from '../../lib/eval/metrics';
import type { TaskName } from '../../lib/eval/tasks/tasks';
import { TABLE_1, TABLE_A2 } from '../../lib/paper/tables';
import { proportion } from '../../lib/statistics/proportion';

describe('the decision', () => {
  it('takes the first of equal maxima and says so', () => {
    expect(firstMaximum([-2, -1, -1, -3])).toEqual({ index: 1, tied: true });
    expect(firstMaximum([-1, -2, -2])).toEqual({ index: 0, tied: false });
    expect(() => firstMaximum([])).toThrow(/needs numbers/);
    expect(() => firstMaximum([-1, Number.NaN])).toThrow(/needs numbers/);
  });

  it("normalises by the choice's code points: the harness's example", () => {
    const [logLikelihoods, choices] = [
      [-6.0, -6.6],
      ['Vitamin A', 'Vitamin B12'],
    ];
    expect(firstMaximum(logLikelihoods).index).toBe(0);
    const normed = perCharacter(logLikelihoods, choices);
    expect(normed[0]).toBeCloseTo(-0.6667, 4);
    expect(normed[1]).toBeCloseTo(-0.6, 12);
    expect(firstMaximum(normed).index).toBe(1);
  });

  it('counts neither bytes nor UTF-16 units, except where bytes or tokens are what is asked for', () => {
    expect(perCharacter([-6, -6, -6], ['µg', '🧬a', 'e\u0301'])).toEqual([-3, -3, -3]);
    expect(perByte([-6, -10, -6], ['µg', '🧬a', 'e\u0301'])).toEqual([-2, -2, -2]);
    expect(perToken([-6, -6], [2, 3])).toEqual([-3, -2]);
  });
});

it('knows what guessing gives', () => {
  expect(chanceLevel([4, 4, 2])).toBeCloseTo(1 / 3, 12);
  expect(majorityBaseline([2, 0, 2, 1])).toEqual({ answer: 2, share: 0.5 });
  expect(majorityBaseline([1, 0])).toEqual({ answer: 0, share: 0.5 });
});

describe("the paper's averages", () => {
  const results = (column: 'peFt' | 'fpFt') =>
    TABLE_1.filter((row) => row.key.includes('_') && /^(mmlu|usmle)/.test(row.key)).map((row) => {
      const n = TABLE_A2.find((other) => other.key === row.key)!.samples;
      return { task: row.key as TaskName, acc: proportion(Math.round((row[column] / 100) * n), n) };
    });

  it('are unweighted, and the weighted mean reverses the order of the models', () => {
    const [pe, fp] = [groupResults(results('peFt')), groupResults(results('fpFt'))];
    expect(pe.map((group) => group.group)).toEqual(['mmlu', 'usmle']);
    expect(pe[0]!.acc * 100).toBeCloseTo(76.7, 1);
    expect(fp[0]!.acc * 100).toBeCloseTo(76.7, 1);
    expect(pe[0]!.accWeighted * 100).toBeCloseTo(76.93, 1);
    expect(fp[0]!.accWeighted * 100).toBeCloseTo(76.3, 1);
    expect(fp[0]!.accWeightedStderr! * 100).toBeCloseTo(1.278, 2);
    expect(fp[0]!.accStderr! * 100).toBeCloseTo(Math.hypot(2.69, 3.07, 3.53, 3.49, 2.44, 4.05) / 6, 2);
    expect(pe[1]!.acc * 100).toBeCloseTo(68.3, 1);
  });

  it('say which of their tasks are missing', () => {
    const [mmlu] = groupResults(results('peFt').filter((result) => result.task !== 'mmlu_anatomy'));
    expect(mmlu!.missing).toEqual(['mmlu_anatomy']);
    expect(mmlu!.tasks).toHaveLength(5);
    expect(groupResults([])).toEqual([]);
  });
});
