import type { EvalItem } from '../../data/examples';
import type { Benchmark, TaskForm } from './definition';
import { ANY_CHOICES, answerOf, LETTERED_QUESTION, textsOf } from './parts';

const contextOf = ({ context }: EvalItem): string => (context === undefined ? '' : `${context}\n`);

/** The options with letters, letters scored: MedQA's form, after the item's context where it has one. */
const present: TaskForm = {
  ...LETTERED_QUESTION,
  docToText: (item) => contextOf(item) + LETTERED_QUESTION.docToText(item),
  version: 'own',
  source: 'lm_eval/tasks/medqa/medqa.yaml, for items of one’s own',
  choiceCount: ANY_CHOICES,
  metrics: ['acc', 'accNorm'],
};

/** The options not shown, the whole text of each scored: HeadQA's form. */
const continuation: TaskForm = {
  version: 'own',
  source: 'lm_eval/tasks/headqa/headqa_en.yaml, for items of one’s own',
  choiceCount: ANY_CHOICES,
  docToText: (item) => `${contextOf(item)}Question: ${item.question}\nAnswer:`,
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
};

/** The benchmark that items of an unlisted task make: any question with choices, as letters and as whole texts. */
export const ownBenchmark = (name: string): Benchmark => ({
  name,
  label: name,
  forms: { present, continuation },
  toDocument: ({ question, context, choices, answer }) => ({
    question,
    ...(context === undefined ? {} : { context }),
    choices,
    answer,
  }),
});
