import type { Benchmark, TaskForm } from './definition';
import { answerOf, doctorForm, FOUR_CHOICES, LETTERED_QUESTION, LETTERS, lettersOf } from './parts';

/**
 * The options with letters, letters scored.
 * Source: lm_eval/tasks/medqa/medqa.yaml, preprocess_medqa.py.
 */
const present: TaskForm = {
  ...LETTERED_QUESTION,
  version: 'unversioned',
  source: 'lm_eval/tasks/medqa/medqa.yaml',
  choiceCount: FOUR_CHOICES,
  metrics: ['acc', 'accNorm'],
};

/**
 * As a pull request had it in September 2023: letters in brackets, the opening one at the prompt's end.
 * Source: lm-evaluation-harness pull request 848, never merged.
 */
const bracketed: TaskForm = {
  version: 'pull request 848',
  source: 'lm-evaluation-harness pull request 848',
  choiceCount: FOUR_CHOICES,
  docToText: (item) => {
    const options = item.choices.map((choice, i) => `(${LETTERS.charAt(i)}) ${choice}\n`).join('');
    return `Question: ${item.question}\n${options}Answer: (`;
  },
  docToChoice: lettersOf,
  docToTarget: answerOf,
  targetDelimiter: '',
  metrics: ['acc', 'accNorm'],
};

/** MedQA-USMLE with four options. */
export const MEDQA: Benchmark<'medqa_4options'> = {
  name: 'medqa_4options',
  label: 'MedQA',
  itemTask: { task: 'medqa' },
  forms: { present, '2023': bracketed, 'doctor-2023': doctorForm() },
  toDocument: ({ question, choices, answer }) => ({
    sent1: question,
    ...Object.fromEntries(choices.map((choice, i) => [`ending${i}`, choice])),
    label: answer,
  }),
};
