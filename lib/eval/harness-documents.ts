import type { EvalItem } from '../data/examples';
import type { TaskDefinition } from './tasks/definition';
import { LETTERS, subjectOf } from './tasks/parts';

/** The harness's own name of a task in a form: `mmlu_anatomy_continuation`. */
export const harnessName = ({ name, variant }: Pick<TaskDefinition, 'name' | 'variant'>): string =>
  variant === 'continuation' ? `${name}_continuation` : name;

/**
 * An item with the columns of the data set that the harness downloads for a task, as its sample files hold it.
 * Columns that no task reads (MedMCQA's explanation, HeadQA's year) are not there.
 */
export function harnessDocument(item: EvalItem, { name }: Pick<TaskDefinition, 'name'>): Record<string, unknown> {
  const { question, choices, answer } = item;
  const numbered = (column: string) => Object.fromEntries(choices.map((choice, i) => [`${column}${i}`, choice]));
  switch (name) {
    case 'medqa_4options':
      return { sent1: question, ...numbered('ending'), label: answer };
    case 'medmcqa': {
      const options = choices.map((choice, i) => [`op${LETTERS.charAt(i).toLowerCase()}`, choice]);
      const subject = item.subject === undefined ? {} : { subject_name: item.subject };
      return { question, ...Object.fromEntries(options), cop: answer, ...subject };
    }
    case 'pubmedqa':
      return { CONTEXTS: (item.context ?? '').split('\n'), QUESTION: question, final_decision: choices[answer] };
    case 'headqa_en':
      return { qtext: question, answers: choices.map((atext, i) => ({ aid: i + 1, atext })), ra: answer + 1 };
    case 'usmle_self_assessment':
    case 'usmle_sample_exam':
      return { question, choices, answer };
    default:
      return { question, subject: subjectOf(name).replaceAll(' ', '_'), choices, answer };
  }
}

/** What the harness's `target` says of an item: a word where the task's answers are words, else the place. */
export const harnessTarget = (item: EvalItem, task: TaskDefinition): string =>
  task.name === 'pubmedqa' ? item.choices[item.answer]! : String(task.docToTarget(item));
