import type { Benchmark, TaskForm } from './definition';
import { ANY_CHOICES, answerOf, textsOf } from './parts';

/**
 * The options are NOT shown; the full text of each is scored, so accNorm differs from acc.
 * Source: lm_eval/tasks/headqa/headqa_en.yaml.
 */
const present: TaskForm = {
  version: '1.0',
  source: 'lm_eval/tasks/headqa/headqa_en.yaml',
  choiceCount: ANY_CHOICES,
  docToText: (item) => `Question: ${item.question}\nAnswer:`,
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
};

/** HeadQA in English; the older forms asked the same strings. */
export const HEADQA: Benchmark<'headqa_en'> = {
  name: 'headqa_en',
  label: 'HeadQA',
  itemTask: { task: 'headqa' },
  forms: {
    present,
    '2022': { ...present, version: '0', source: 'lm_eval/tasks/headqa.py at v0.3.0' },
    '2023': { ...present, version: '0', source: 'lm_eval/tasks/headqa.py at 0bf683b' },
  },
  toDocument: ({ question, choices, answer }) => ({
    qtext: question,
    answers: choices.map((atext, i) => ({ aid: i + 1, atext })),
    ra: answer + 1,
  }),
};
