import type { EvalItem } from '../../data/examples';
import type { TaskForm } from './definition';

/** What the forms of several benchmarks are made of. */

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** As many letters as an item has options. */
export const lettersOf = (item: EvalItem): string[] => item.choices.map((_, i) => LETTERS.charAt(i));

/** `A. first\nB. second\n`: options verbatim, each line ended. */
export const letteredOptions = (item: EvalItem): string =>
  item.choices.map((c, i) => `${LETTERS.charAt(i)}. ${c}\n`).join('');

export const textsOf = (item: EvalItem): readonly string[] => item.choices;

export const answerOf = (item: EvalItem): number => item.answer;

export const FOUR_CHOICES = { min: 4, max: 4 } as const;

export const ANY_CHOICES = { min: 2, max: LETTERS.length } as const;

/*
 * In the harness's present forms, letter for letter, no prompt ends in a space or a newline, the space stands before the
 * choice, and only MMLU's question is stripped: trailing spaces in the data survive everywhere else.
 */

/** The letters form of MedQA, which the USMLE exams borrow: options shown, letters scored. */
export const LETTERED_QUESTION = {
  docToText: (item: EvalItem) => `Question: ${item.question}\n${letteredOptions(item)}Answer:`,
  docToChoice: lettersOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
} as const;

const DOCTOR =
  'You are a highly intelligent doctor who answers the following multiple choice question correctly.\n' +
  'Only write the answer down.';

/**
 * The prompt of a pull request of November 2023, after OpenAI's evals; `heading` is what follows its first lines.
 *
 * Source: lm-evaluation-harness pull request 986 (MedMCQA), never merged; for MedQA and USMLE the fork
 * actualize-ae/lm-evaluation-harness, lm_eval/tasks/medqa_usmle_*.py. That fork has MedMCQA, MedQA and both USMLE exams
 * in this form and, in one commit, MMLU inside the paper's tags; that the paper's numbers were made with it is nowhere said.
 */
export const doctorForm = (
  { version, source }: Pick<TaskForm, 'version' | 'source'> = {
    version: '0',
    source: 'actualize-ae/lm-evaluation-harness, lm_eval/tasks/medqa_usmle_*.py',
  },
  heading: (item: EvalItem) => string = () => '',
): TaskForm => ({
  version,
  source,
  choiceCount: ANY_CHOICES,
  docToText: (item) =>
    `${DOCTOR}${heading(item)}\n\n**Question:**${item.question}\n\n${item.choices.join(',')}\n\n**Answer:**`,
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
});
