import type { EvalItem } from '../../data/examples';
import { TASK_NAMES, type TaskName } from './definition';

/** What several task definitions are made of. */

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** As many letters as an item has options. */
export const lettersOf = (item: EvalItem): string[] => item.choices.map((_, i) => LETTERS.charAt(i));

/** `A. first\nB. second\n`: options verbatim, each line ended. */
export const letteredOptions = (item: EvalItem): string =>
  item.choices.map((c, i) => `${LETTERS.charAt(i)}. ${c}\n`).join('');

export const textsOf = (item: EvalItem): readonly string[] => item.choices;

export const answerOf = (item: EvalItem): number => item.answer;

/** The MMLU tasks, in the order of the paper's table 1. */
export const MMLU_TASKS: readonly TaskName[] = TASK_NAMES.filter((name) => name.startsWith('mmlu_'));

/** 'mmlu_medical_genetics' -> 'medical genetics' */
export const subjectOf = (name: TaskName): string => name.slice('mmlu_'.length).replaceAll('_', ' ');

/** The line before an MMLU question, with the empty line after it. */
export const mmluDescription = (subject: string): string =>
  `The following are multiple choice questions (with answers) about ${subject}.\n\n`;
