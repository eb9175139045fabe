import type { EvalItem, TrainExample } from '../../lib/data/examples';

/**
 * The two pairs of the paper's figure A.1, 'two examples of contaminated samples from our instruction-tuning (left) and
 * evaluation datasets', quoted with the hyphens of its line breaks taken out. They are no rows of the project's data.
 */
const mcq = (id: string, question: string, choices: readonly string[], answer: number): TrainExample => ({
  id,
  source: 'medmcqa',
  prompt: [question, ...choices.map((text, i) => `${'abcd'[i]}. ${text}`)].join('\n'),
  response: `${'abcd'[answer]}. ${choices[answer]}`,
  question,
  choices,
  answer,
});

export const FIGURE_A1_ROWS: readonly TrainExample[] = [
  mcq(
    'coma-train',
    'In a patient with head injury, eye opening is seen with painful stimulus, localizes the pain and there is ' +
      'inappropriate verbal response. What would be score on Glasgow coma scale?',
    ['8', '9', '10', '11'],
    2,
  ),
  mcq(
    'uvula-train',
    'Uvula vesicae seen in bladder is formed from the following structure ?',
    ['Lateral lobe of prostate', 'Median lobe of prostate', 'Anterior lobe of prostate', 'Posterior lobe of prostate'],
    1,
  ),
];

export const FIGURE_A1_ITEMS: readonly EvalItem[] = [
  {
    id: 'coma',
    task: 'headqa',
    question:
      'Before a patient with traumatic brain injury, what score on the Glasgow Coma Scale does it show if we observe ' +
      'that it emits inappropriate words, opens its eyes when speaking to it and makes a withdrawal response when ' +
      'applying a painful stimulus?',
    choices: ['11', '10', '9', '8'],
    answer: 1,
  },
  {
    id: 'uvula',
    task: 'medmcqa',
    question: 'Uvula vesicae is produced by which prostate lobe?',
    choices: ['Anterior lobe', 'Post lobe', 'Median lobe', 'Lateral lobe'],
    answer: 2,
  },
];
