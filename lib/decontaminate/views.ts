import type { EvalItem, TrainExample } from '../data/examples';
import { VIEWS, type View } from './record';

const letter = (index: number): string => String.fromCharCode(97 + index);

/** "a. first\nb. second", as the training prompts of multiple-choice rows list their choices. */
const listed = (choices: readonly string[]): string => choices.map((text, i) => `${letter(i)}. ${text}`).join('\n');

/**
 * What of an item is compared.
 *
 *     question           the question alone
 *     question-options   passage, question and lettered choices: all that is asked, as a training prompt asks it
 *     question-answer    the question and the text of its right choice
 *
 * Source: paper, appendix A.4, which compares 'our instruction-tuning dataset and each sample in the evaluation
 * dataset' and does not say what text of either. Figure A.1 shows question, choices and answer. Its second pair has a
 * cosine of 0.755 by the questions alone and 0.905 with the choices (all-MiniLM-L6-v2), so the paper must have had these
 * or the answers in: the second view is the default.
 */
export function itemText(item: EvalItem, view: View): string {
  if (view === 'question') return item.question;
  if (view === 'question-answer') return `${item.question}\n${item.choices[item.answer]!}`;
  const asked = `${item.question}\n${listed(item.choices)}`;
  return item.context === undefined ? asked : `${item.context}\n${asked}`;
}

/**
 * What of a training row is compared. A row that does not keep its question apart stands with its whole prompt.
 *
 *     question           the question, or the prompt
 *     question-options   the prompt
 *     question-answer    the question (or the prompt) and the right choice (or the response)
 */
export function rowText(row: TrainExample, view: View): string {
  if (view === 'question-options') return row.prompt;
  const question = row.question ?? row.prompt;
  if (view === 'question') return question;
  const choice = row.choices && row.answer !== undefined ? row.choices[row.answer] : undefined;
  return `${question}\n${choice ?? row.response}`;
}

/** A row as it is compared: each exchange of a conversation for itself, plain text as a prompt. All keep the row's id. */
export function comparedRows(row: TrainExample): readonly TrainExample[] {
  const { history, plain, ...last } = row;
  if (plain) return [{ ...last, prompt: row.response }];
  if (!history) return [row];
  return [...history.map((exchange) => ({ id: row.id, source: row.source, ...exchange })), last];
}

/** @throws when `name` is no view */
export function viewNamed(name: string): View {
  const found = VIEWS.find((view) => view === name);
  if (!found) throw new Error(`decontaminate: unknown view "${name}"; use one of ${VIEWS.join(', ')}`);
  return found;
}
