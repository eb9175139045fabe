import { expect, test } from 'vitest';
import { constantAnswers } from '../../lib/eval/constant-answers';
import type { ItemResult } from '../../lib/eval/score';

const item = (prediction: number, answer: number, task: ItemResult['task'] = 'medmcqa'): ItemResult =>
  ({ task, prediction, answer }) as ItemResult;

test('a model that always gives one choice is found, with what that choice alone would score', () => {
  const items = Array.from({ length: 20 }, (_, i) => item(i === 0 ? 1 : 3, i < 8 ? 3 : 0));
  expect(constantAnswers(items)).toEqual([{ task: 'medmcqa', choice: 3, share: 0.95, accuracy: 0.4 }]);
});

test('varied answers are not, and tasks are told apart', () => {
  const varied = Array.from({ length: 20 }, (_, i) => item(i % 4, 0));
  const constant = Array.from({ length: 4 }, () => item(0, 2, 'pubmedqa'));
  expect(constantAnswers([...varied, ...constant])).toEqual([{ task: 'pubmedqa', choice: 0, share: 1, accuracy: 0 }]);
});
