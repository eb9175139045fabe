import type { Benchmark } from '../../lib/eval/tasks/definition';
import { FOUR_CHOICES, LETTERED_QUESTION } from '../../lib/eval/tasks/parts';

/** A benchmark as a newcomer would write its file: four choices, no row in the paper. */
export const BOARDS: Benchmark<'boards'> = {
  name: 'boards',
  label: 'Board exam',
  itemTask: { task: 'board-exam' },
  forms: {
    present: {
      ...LETTERED_QUESTION,
      version: 'workbook 1',
      source: 'the letters form of lm_eval/tasks/medqa/medqa.yaml',
      choiceCount: FOUR_CHOICES,
      metrics: ['acc'],
    },
  },
  toDocument: ({ question, choices, answer }) => ({ question, options: choices, gold: answer }),
};
