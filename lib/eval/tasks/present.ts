import type { EvalItem } from '../../data/examples';
import { strip } from '../whitespace';
import type { TaskDefinition, TaskName } from './definition';
import { answerOf, LETTERS, letteredOptions, lettersOf, MMLU_TASKS, mmluDescription, subjectOf } from './parts';

/*
 * The harness's present form, letter for letter. No prompt ends in a space or a newline, the space stands before the
 * choice, and only MMLU's question is stripped: trailing spaces in the data survive everywhere else.
 */

const PUBMEDQA_CHOICES = ['yes', 'no', 'maybe'];

const PRESENT = { variant: 'present', targetDelimiter: ' ' } as const;

/** The letters form of MedQA, which the USMLE exams borrow. */
const LETTERED_QUESTION = {
  ...PRESENT,
  docToText: (item: EvalItem) => `Question: ${item.question}\n${letteredOptions(item)}Answer:`,
  docToChoice: lettersOf,
  docToTarget: answerOf,
} as const;

/**
 * MedQA-USMLE with four options, letters scored.
 * Source: lm_eval/tasks/medqa/medqa.yaml, preprocess_medqa.py.
 */
const medqa: TaskDefinition = {
  ...LETTERED_QUESTION,
  name: 'medqa_4options',
  version: 'unversioned',
  source: 'lm_eval/tasks/medqa/medqa.yaml',
  choiceCount: { min: 4, max: 4 },
  metrics: ['acc', 'accNorm'],
};

/**
 * MedMCQA's validation set, letters scored, with a line `Choices:`.
 * Source: lm_eval/tasks/medmcqa/medmcqa.yaml, utils_medmcqa.py.
 */
const medmcqa: TaskDefinition = {
  ...PRESENT,
  name: 'medmcqa',
  version: 'unversioned',
  source: 'lm_eval/tasks/medmcqa/medmcqa.yaml',
  choiceCount: { min: 4, max: 4 },
  docToText: (item) => `Question: ${item.question}\nChoices:\n${letteredOptions(item)}Answer:`,
  docToChoice: lettersOf,
  docToTarget: answerOf,
  metrics: ['acc', 'accNorm'],
};

/**
 * PubMedQA's labelled fold 0 test set: yes, no, maybe, in this order whatever the item's own.
 * Source: lm_eval/tasks/pubmedqa/pubmedqa.yaml, preprocess_pubmedqa.py.
 */
const pubmedqa: TaskDefinition = {
  ...PRESENT,
  name: 'pubmedqa',
  version: '1.0',
  source: 'lm_eval/tasks/pubmedqa/pubmedqa.yaml',
  choiceCount: { min: 3, max: 3 },
  docToText: (item) => `Abstract: ${item.context ?? ''}\nQuestion: ${item.question}\nAnswer:`,
  docToChoice: () => PUBMEDQA_CHOICES,
  docToTarget: (item) => PUBMEDQA_CHOICES.indexOf(item.choices[item.answer] ?? ''),
  metrics: ['acc'],
};

/**
 * HeadQA in English. The options are NOT shown; the full text of each is scored, so accNorm differs from acc.
 * Source: lm_eval/tasks/headqa/headqa_en.yaml.
 */
const headqa: TaskDefinition = {
  ...PRESENT,
  name: 'headqa_en',
  version: '1.0',
  source: 'lm_eval/tasks/headqa/headqa_en.yaml',
  choiceCount: { min: 2, max: LETTERS.length },
  docToText: (item) => `Question: ${item.question}\nAnswer:`,
  docToChoice: (item) => item.choices,
  docToTarget: answerOf,
  metrics: ['acc', 'accNorm'],
};

/**
 * One MMLU subject, letters scored, after a line that names the subject.
 * Source: lm_eval/tasks/mmlu/default/_default_template_yaml, mmlu_<subject>.yaml.
 */
function mmlu(name: TaskName): TaskDefinition {
  const description = mmluDescription(subjectOf(name));
  return {
    ...PRESENT,
    name,
    version: '1.0',
    source: 'lm_eval/tasks/mmlu/default/_default_template_yaml',
    choiceCount: { min: 4, max: 4 },
    docToText: (item) => `${description}${strip(item.question)}\n${letteredOptions(item)}Answer:`,
    docToChoice: lettersOf,
    docToTarget: answerOf,
    metrics: ['acc'],
  };
}

/**
 * A USMLE practice exam from the reader's own file, in MedQA's letters form with as many options as each item has.
 * Differs: never a harness task; how the paper asked these questions is not stated.
 */
function usmle(name: TaskName): TaskDefinition {
  return {
    ...LETTERED_QUESTION,
    name,
    version: 'workbook 1',
    source: 'the letters form of lm_eval/tasks/medqa/medqa.yaml',
    choiceCount: { min: 2, max: LETTERS.length },
    metrics: ['acc'],
  };
}

/** The twelve rows of the paper's table 1 in the harness's present form. */
export const PRESENT_TASKS: readonly TaskDefinition[] = [
  ...MMLU_TASKS.map(mmlu),
  headqa,
  medmcqa,
  medqa,
  pubmedqa,
  usmle('usmle_self_assessment'),
  usmle('usmle_sample_exam'),
];
