import type { Benchmark, TaskForm } from './definition';
import { ANY_CHOICES, doctorForm, LETTERED_QUESTION } from './parts';

const FAMILY = { name: 'usmle', label: 'USMLE' } as const;

/**
 * MedQA's letters form with as many options as each item has.
 * Differs: never a harness task; how the paper asked these questions is not stated.
 */
const present: TaskForm = {
  ...LETTERED_QUESTION,
  version: 'workbook 1',
  source: 'the letters form of lm_eval/tasks/medqa/medqa.yaml',
  choiceCount: ANY_CHOICES,
  metrics: ['acc'],
};

const exam = <Name extends string>(name: Name, label: string): Benchmark<Name> => ({
  name,
  label,
  family: FAMILY,
  forms: { present, '2023': doctorForm(), 'doctor-2023': doctorForm() },
  toDocument: ({ question, choices, answer }) => ({ question, choices, answer }),
  itemFile: { why: 'the exam’s licence does not let this workbook bring them' },
});

/** The two USMLE practice exams, from the reader's own files. */
export const USMLE = [
  exam('usmle_self_assessment', 'Self-assessment'),
  exam('usmle_sample_exam', 'Sample exam'),
] as const;
