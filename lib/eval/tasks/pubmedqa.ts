import type { Benchmark, TaskForm } from './definition';

const CHOICES = ['yes', 'no', 'maybe'];

/**
 * Yes, no, maybe, in this order whatever the item's own.
 * Source: lm_eval/tasks/pubmedqa/pubmedqa.yaml, preprocess_pubmedqa.py.
 */
const present: TaskForm = {
  version: '1.0',
  source: 'lm_eval/tasks/pubmedqa/pubmedqa.yaml',
  choiceCount: { min: 3, max: 3 },
  docToText: (item) => `Abstract: ${item.context ?? ''}\nQuestion: ${item.question}\nAnswer:`,
  docToChoice: () => CHOICES,
  docToTarget: (item) => CHOICES.indexOf(item.choices[item.answer] ?? ''),
  targetDelimiter: ' ',
  metrics: ['acc'],
};

/** PubMedQA's labelled fold 0 test set; the older forms asked the same strings. */
export const PUBMEDQA: Benchmark<'pubmedqa'> = {
  name: 'pubmedqa',
  label: 'PubMedQA',
  forms: {
    present,
    '2022': { ...present, version: '0', source: 'lm_eval/tasks/pubmedqa.py at v0.3.0' },
    '2023': { ...present, version: '0', source: 'lm_eval/tasks/pubmedqa.py at 0bf683b' },
  },
  toDocument: ({ question, context, choices, answer }) => ({
    CONTEXTS: (context ?? '').split('\n'),
    QUESTION: question,
    final_decision: choices[answer],
  }),
  toTarget: (item) => item.choices[item.answer]!,
  unfit: ({ choices }) =>
    CHOICES.every((choice) => choices.includes(choice))
      ? undefined
      : `has the options ${JSON.stringify(choices)}, required ${CHOICES.join(', ')}`,
  answerInContext: true,
  itemFile: { context: 'the abstract', choices: CHOICES.join(', ') },
};
