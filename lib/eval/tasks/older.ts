import type { EvalItem } from '../../data/examples';
import { strip } from '../whitespace';
import type { TaskDefinition, TaskName, TaskVariant } from './definition';
import { answerOf, LETTERS, letteredOptions, lettersOf, MMLU_TASKS, subjectOf, textsOf } from './parts';
import { PRESENT_TASKS } from './present';

/*
 * The forms of 2022 and 2023. The paper does not say which harness it ran nor with which prompts, and MedQA, MedMCQA
 * and USMLE were in no release then; the spread between these forms is part of what its numbers mean.
 */

/** A task that asked the same strings then as now. */
const sameStrings = (name: TaskName, variant: TaskVariant, changes: Partial<TaskDefinition>): TaskDefinition => ({
  ...PRESENT_TASKS.find((task) => task.name === name)!,
  variant,
  version: '0',
  ...changes,
});

/**
 * MMLU before May 2023: the options are shown with letters, the full text of each is scored, no subject is named.
 * Source: lm-evaluation-harness v0.3.0, lm_eval/tasks/hendrycks_test.py.
 */
const mmlu2022 = (name: TaskName): TaskDefinition => ({
  name,
  variant: '2022',
  version: '0',
  source: 'lm_eval/tasks/hendrycks_test.py at v0.3.0',
  choiceCount: { min: 4, max: 4 },
  docToText: (item) => `Question: ${item.question}\nChoices:\n${letteredOptions(item)}Answer:`,
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
});

/**
 * MMLU from May 2023 on: today's strings, and acc_norm was reported.
 * Source: lm_eval/tasks/hendrycks_test.py at b281b09 and 0bf683b.
 */
const mmlu2023 = (name: TaskName): TaskDefinition =>
  sameStrings(name, '2023', {
    version: '1',
    source: 'lm_eval/tasks/hendrycks_test.py at 0bf683b',
    metrics: ['acc', 'accNorm'],
  });

/**
 * MedQA as a pull request had it in September 2023: letters in brackets, the opening one at the prompt's end.
 * Source: lm-evaluation-harness pull request 848, never merged.
 */
const medqa2023: TaskDefinition = {
  name: 'medqa_4options',
  variant: '2023',
  version: 'pull request 848',
  source: 'lm-evaluation-harness pull request 848',
  choiceCount: { min: 4, max: 4 },
  docToText: (item) => {
    const options = item.choices.map((choice, i) => `(${LETTERS.charAt(i)}) ${choice}\n`).join('');
    return `Question: ${item.question}\n${options}Answer: (`;
  },
  docToChoice: lettersOf,
  docToTarget: answerOf,
  targetDelimiter: '',
  metrics: ['acc', 'accNorm'],
};

const DOCTOR =
  'You are a highly intelligent doctor who answers the following multiple choice question correctly.\n' +
  'Only write the answer down.';

/**
 * The prompt of a pull request of November 2023, after OpenAI's evals; MedMCQA's names the subject.
 *
 * Source: lm-evaluation-harness pull request 986 (MedMCQA), never merged; for MedQA and USMLE the fork
 * actualize-ae/lm-evaluation-harness, lm_eval/tasks/medqa_usmle_*.py. That fork has MedMCQA, MedQA and both USMLE exams
 * in this form and, in one commit, MMLU inside the paper's tags; that the paper's numbers were made with it is nowhere said.
 * Differs: an item without a subject leaves the place after `**Subject:**` empty.
 */
function doctor(name: TaskName, variant: TaskVariant): TaskDefinition {
  const asked = name === 'medmcqa';
  const source = 'lm-evaluation-harness pull request 986';
  return {
    name,
    variant,
    version: asked ? 'pull request 986' : '0',
    source: asked ? source : 'actualize-ae/lm-evaluation-harness, lm_eval/tasks/medqa_usmle_*.py',
    choiceCount: { min: 2, max: LETTERS.length },
    docToText: (item: EvalItem) => {
      const subject = asked ? `\n\n**Subject:**${item.subject ?? ''}` : '';
      return `${DOCTOR}${subject}\n\n**Question:**${item.question}\n\n${item.choices.join(',')}\n\n**Answer:**`;
    },
    docToChoice: textsOf,
    docToTarget: answerOf,
    targetDelimiter: ' ',
    metrics: ['acc', 'accNorm'],
  };
}

/**
 * MMLU's `mmlu_*_continuation`: options not shown, the full text of each scored.
 * Source: lm_eval/tasks/mmlu/continuation/_continuation_template_yaml.
 */
const mmluContinuation = (name: TaskName): TaskDefinition => ({
  name,
  variant: 'continuation',
  version: '1.0',
  source: 'lm_eval/tasks/mmlu/continuation/_continuation_template_yaml',
  choiceCount: { min: 4, max: 4 },
  docToText: (item) => {
    const description = `The following are questions (with answers) about ${subjectOf(name)}.\n\n`;
    return `${description}Question: ${strip(item.question)}\nAnswer:`;
  },
  docToChoice: textsOf,
  docToTarget: answerOf,
  targetDelimiter: ' ',
  metrics: ['acc', 'accNorm'],
});

export const OLDER_TASKS: readonly TaskDefinition[] = [
  ...MMLU_TASKS.map(mmlu2022),
  sameStrings('headqa_en', '2022', { source: 'lm_eval/tasks/headqa.py at v0.3.0' }),
  sameStrings('pubmedqa', '2022', { source: 'lm_eval/tasks/pubmedqa.py at v0.3.0' }),
  ...MMLU_TASKS.map(mmlu2023),
  sameStrings('headqa_en', '2023', { source: 'lm_eval/tasks/headqa.py at 0bf683b' }),
  doctor('medmcqa', '2023'),
  medqa2023,
  sameStrings('pubmedqa', '2023', { source: 'lm_eval/tasks/pubmedqa.py at 0bf683b' }),
  doctor('usmle_self_assessment', '2023'),
  doctor('usmle_sample_exam', '2023'),
  doctor('medmcqa', 'doctor-2023'),
  doctor('medqa_4options', 'doctor-2023'),
  doctor('usmle_self_assessment', 'doctor-2023'),
  doctor('usmle_sample_exam', 'doctor-2023'),
  ...MMLU_TASKS.map(mmluContinuation),
];
