import type { Benchmark, TaskForm } from './definition';
import { answerOf, doctorForm, FOUR_CHOICES, LETTERS, letteredOptions, lettersOf } from './parts';

/**
 * Letters scored, with a line `Choices:`.
 * Source: lm_eval/tasks/medmcqa/medmcqa.yaml, utils_medmcqa.py.
 */
const present: TaskForm = {
  version: 'unversioned',
  source: 'lm_eval/tasks/medmcqa/medmcqa.yaml',
  choiceCount: FOUR_CHOICES,
  docToText: (item) => `Question: ${item.question}\nChoices:\n${letteredOptions(item)}Answer:`,
  docToChoice: lettersOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
};

/**
 * The doctor's prompt, which here names the subject.
 * Differs: an item without a subject leaves the place after `**Subject:**` empty.
 */
const doctor = doctorForm(
  { version: 'pull request 986', source: 'lm-evaluation-harness pull request 986' },
  (item) => `\n\n**Subject:**${item.subject ?? ''}`,
);

/** MedMCQA's validation set. */
export const MEDMCQA: Benchmark<'medmcqa'> = {
  name: 'medmcqa',
  label: 'MedMCQA',
  forms: { present, '2023': doctor, 'doctor-2023': doctor },
  toDocument: ({ question, choices, answer, subject }) => ({
    question,
    ...Object.fromEntries(choices.map((choice, i) => [`op${LETTERS.charAt(i).toLowerCase()}`, choice])),
    cop: answer,
    ...(subject === undefined ? {} : { subject_name: subject }),
  }),
};
