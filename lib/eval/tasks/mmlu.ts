import { MMLU_SUBJECTS } from '../../data/sources/catalogue/mmlu';
import { strip } from '../whitespace';
import type { Benchmark, TaskForm } from './definition';
import { answerOf, FOUR_CHOICES, letteredOptions, lettersOf, textsOf } from './parts';

export type MmluSubject = (typeof MMLU_SUBJECTS)[number];

const FAMILY = { name: 'mmlu', label: 'MMLU' } as const;

/** 'medical_genetics' -> 'medical genetics' */
const wordsOf = (subject: MmluSubject): string => subject.replaceAll('_', ' ');

/**
 * Letters scored, after a line that names the subject, with an empty line after it.
 * Source: lm_eval/tasks/mmlu/default/_default_template_yaml, mmlu_<subject>.yaml.
 */
const presentForm = (subject: MmluSubject): TaskForm => ({
  version: '1.0',
  source: 'lm_eval/tasks/mmlu/default/_default_template_yaml',
  choiceCount: FOUR_CHOICES,
  docToText: (item) => {
    const description = `The following are multiple choice questions (with answers) about ${wordsOf(subject)}.\n\n`;
    return `${description}${strip(item.question)}\n${letteredOptions(item)}Answer:`;
  },
  docToChoice: lettersOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc'],
});

/**
 * Before May 2023: the options are shown with letters, the full text of each is scored, no subject is named.
 * Source: lm-evaluation-harness v0.3.0, lm_eval/tasks/hendrycks_test.py.
 */
const FORM_OF_2022: TaskForm = {
  version: '0',
  source: 'lm_eval/tasks/hendrycks_test.py at v0.3.0',
  choiceCount: FOUR_CHOICES,
  docToText: (item) => `Question: ${item.question}\nChoices:\n${letteredOptions(item)}Answer:`,
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
};

/**
 * From May 2023 on: the present strings, and acc_norm was reported.
 * Source: lm_eval/tasks/hendrycks_test.py at b281b09 and 0bf683b.
 */
const formOf2023 = (subject: MmluSubject): TaskForm => ({
  ...presentForm(subject),
  version: '1',
  source: 'lm_eval/tasks/hendrycks_test.py at 0bf683b',
  metrics: ['acc', 'accNorm'],
});

/**
 * The harness's `mmlu_*_continuation`: options not shown, the full text of each scored.
 * Source: lm_eval/tasks/mmlu/continuation/_continuation_template_yaml.
 */
const continuationForm = (subject: MmluSubject): TaskForm => ({
  version: '1.0',
  source: 'lm_eval/tasks/mmlu/continuation/_continuation_template_yaml',
  choiceCount: FOUR_CHOICES,
  docToText: (item) => {
    const description = `The following are questions (with answers) about ${wordsOf(subject)}.\n\n`;
    return `${description}Question: ${strip(item.question)}\nAnswer:`;
  },
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
});

/** MMLU, a task for each subject; an item may name it `mmlu` with its `subject`. */
export const MMLU = MMLU_SUBJECTS.map((subject): Benchmark<`mmlu_${MmluSubject}`> => {
  const words = wordsOf(subject);
  return {
    name: `mmlu_${subject}`,
    label: `${words.charAt(0).toUpperCase()}${words.slice(1)}`,
    family: FAMILY,
    itemTask: { task: 'mmlu', subject },
    forms: {
      present: presentForm(subject),
      '2022': FORM_OF_2022,
      '2023': formOf2023(subject),
      continuation: continuationForm(subject),
    },
    toDocument: ({ question, choices, answer }) => ({ question, subject, choices, answer }),
  };
});
