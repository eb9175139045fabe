import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EvalItem } from '../../lib/data/examples';
import { checkItem } from '../../lib/eval/item-checks';
import { requestHash, requestsOf } from '../../lib/eval/requests';
import { TASK_NAMES, TASKS, taskNamed, taskOf } from '../../lib/eval/tasks/tasks';
import { strip } from '../../lib/eval/whitespace';
import { PAPER_BENCHMARKS } from '../../lib/paper/benchmarks';

const scurvy: EvalItem = {
  id: 'scurvy',
  task: 'medqa',
  question: 'Which vitamin deficiency causes scurvy?',
  choices: ['Vitamin A', 'Vitamin B12', 'Vitamin C', 'Vitamin D'],
  answer: 2,
};
const abstract: EvalItem = {
  id: 'abstract',
  task: 'pubmedqa',
  question: 'Does X reduce Y?',
  context: 'Background sentence.\nResults sentence.',
  choices: ['yes', 'no', 'maybe'],
  answer: 0,
};
const letters = [' A', ' B', ' C', ' D'];

describe("the harness's worked examples, verbatim", () => {
  it.each([
    [
      'medqa_4options',
      scurvy,
      'Question: Which vitamin deficiency causes scurvy?\nA. Vitamin A\nB. Vitamin B12\nC. Vitamin C\nD. Vitamin D\nAnswer:',
      letters,
    ],
    [
      'medmcqa',
      scurvy,
      'Question: Which vitamin deficiency causes scurvy?\nChoices:\nA. Vitamin A\nB. Vitamin B12\nC. Vitamin C\nD. Vitamin D\nAnswer:',
      letters,
    ],
    [
      'headqa_en',
      scurvy,
      'Question: Which vitamin deficiency causes scurvy?\nAnswer:',
      [' Vitamin A', ' Vitamin B12', ' Vitamin C', ' Vitamin D'],
    ],
    [
      'mmlu_clinical_knowledge',
      scurvy,
      'The following are multiple choice questions (with answers) about clinical knowledge.\n\nWhich vitamin deficiency causes scurvy?\nA. Vitamin A\nB. Vitamin B12\nC. Vitamin C\nD. Vitamin D\nAnswer:',
      letters,
    ],
    [
      'pubmedqa',
      abstract,
      'Abstract: Background sentence.\nResults sentence.\nQuestion: Does X reduce Y?\nAnswer:',
      [' yes', ' no', ' maybe'],
    ],
  ])('%s', (name, item, context, continuations) => {
    const requests = requestsOf(item, taskNamed(name));
    expect(requests).toEqual(continuations.map((continuation) => ({ id: item.id, context, continuation })));
    expect(taskNamed(name).docToTarget(item)).toBe(item.answer);
  });

  it('strips the question in MMLU alone, and never an option', () => {
    const item = { ...scurvy, question: '\u0085\u001c Q? \n', choices: ['a ', 'b', 'c', 'd'] };
    expect(taskNamed('mmlu_anatomy').docToText(item)).toContain('anatomy.\n\nQ?\nA. a \nB.');
    expect(taskNamed('medqa_4options').docToText(item)).toContain('Question: \u0085\u001c Q? \n\nA. a \n');
    expect(strip('\ufeffQ')).toBe('\ufeffQ');
    expect(strip(' \t ')).toBe('');
  });

  it('reports acc_norm where the harness does', () => {
    const present = TASKS.filter((task) => task.variant === 'present');
    const normed = present.filter((task) => task.metrics.includes('accNorm')).map((task) => task.name);
    // Of the paper's: a benchmark that is added says for itself what it reports.
    const ofPaper = normed.filter((name) => (PAPER_BENCHMARKS as readonly string[]).includes(name));
    expect(ofPaper).toEqual(['headqa_en', 'medmcqa', 'medqa_4options']);
  });
});

describe('the other forms, verbatim', () => {
  const Q = 'Which vitamin deficiency causes scurvy?';
  const lettered = 'A. Vitamin A\nB. Vitamin B12\nC. Vitamin C\nD. Vitamin D\n';
  const texts = [' Vitamin A', ' Vitamin B12', ' Vitamin C', ' Vitamin D'];
  const doctor =
    'You are a highly intelligent doctor who answers the following multiple choice question correctly.\nOnly write the answer down.';
  const joined = 'Vitamin A,Vitamin B12,Vitamin C,Vitamin D';
  const mmluLine = 'The following are multiple choice questions (with answers) about anatomy.\n\n';
  const chat = (prompt: string) =>
    `\n<|system|>: You are a helpful medical assistant created by M42 Health in the UAE.\n<|prompter|>:${prompt}\n<|assistant|>:\n`;

  it.each([
    ['mmlu_anatomy', '2022', `Question: ${Q}\nChoices:\n${lettered}Answer:`, texts],
    ['headqa_en', '2022', `Question: ${Q}\nAnswer:`, texts],
    ['mmlu_anatomy', '2023', `${mmluLine}${Q}\n${lettered}Answer:`, letters],
    [
      'medqa_4options',
      '2023',
      `Question: ${Q}\n(A) Vitamin A\n(B) Vitamin B12\n(C) Vitamin C\n(D) Vitamin D\nAnswer: (`,
      ['A', 'B', 'C', 'D'],
    ],
    ['medmcqa', '2023', `${doctor}\n\n**Subject:**Nutrition\n\n**Question:**${Q}\n\n${joined}\n\n**Answer:**`, texts],
    ['usmle_sample_exam', '2023', `${doctor}\n\n**Question:**${Q}\n\n${joined}\n\n**Answer:**`, texts],
    ['medqa_4options', 'doctor-2023', `${doctor}\n\n**Question:**${Q}\n\n${joined}\n\n**Answer:**`, texts],
    [
      'mmlu_anatomy',
      'continuation',
      `The following are questions (with answers) about anatomy.\n\nQuestion: ${Q}\nAnswer:`,
      texts,
    ],
    ['medqa_4options', 'chat', chat(`Question: ${Q}\n${lettered}Answer:`), ['A', 'B', 'C', 'D']],
    ['mmlu_anatomy', 'chat', chat(`${mmluLine}${Q}\n${lettered}Answer:`), ['A', 'B', 'C', 'D']],
  ] as const)('%s, %s', (name, variant, context, continuations) => {
    const requests = requestsOf({ ...scurvy, subject: 'Nutrition' }, taskNamed(name, variant));
    expect(requests.map((request) => request.context)).toEqual(continuations.map(() => context));
    expect(requests.map((request) => request.continuation)).toEqual(continuations);
  });

  it('names what a form does not have', () => {
    expect(() => taskNamed('medqa_4options', '2022')).toThrow(
      /medqa_4options has no variant '2022', it has present, 2023, doctor-2023, chat/,
    );
  });
});

describe('from an item to its task', () => {
  it('has one present definition for every name, and never two of a form', () => {
    for (const variant of ['present', 'chat'] as const) {
      expect(TASKS.filter((task) => task.variant === variant).map((task) => task.name)).toEqual([...TASK_NAMES]);
    }
    expect(new Set(TASKS.map(({ name, variant }) => `${name} ${variant}`)).size).toBe(TASKS.length);
  });

  it.each([
    ['medqa', undefined, 'medqa_4options'],
    ['medqa', 'step1', 'medqa_4options'],
    ['headqa', 'biology', 'headqa_en'],
    ['medmcqa', 'Physiology', 'medmcqa'],
    ['pubmedqa', undefined, 'pubmedqa'],
    ['mmlu', 'professional_medicine', 'mmlu_professional_medicine'],
    ['usmle_sample_exam', undefined, 'usmle_sample_exam'],
    ['mmlu_anatomy', undefined, 'mmlu_anatomy'],
  ])('%s, subject %s: %s', (task, subject, name) => {
    const item: EvalItem = { ...scurvy, task, ...(subject === undefined ? {} : { subject }) };
    expect(taskOf(item).name).toBe(name);
  });

  it('takes a task that is not listed for one of the user’s own, unless it is one misspelt or no name', () => {
    expect(taskOf({ ...scurvy, task: 'our_exam' })).toMatchObject({ name: 'our_exam', version: 'own' });
    expect(taskOf({ ...scurvy, task: 'our_exam' }, 'continuation').docToText(scurvy)).toBe(
      `Question: ${scurvy.question}\nAnswer:`,
    );
    expect(() => taskOf({ ...scurvy, task: 'MedQA' })).toThrow(/item scurvy: "task" "MedQA" must be written medqa/);
    expect(() => taskOf({ ...scurvy, task: 'our exam' })).toThrow(/"task" must be letters, digits/);
    expect(() => taskOf({ ...scurvy, task: 'our_exam' }, '2022')).toThrow(
      "item scurvy: our_exam has no variant '2022', it has present, continuation, chat",
    );
    expect(() => taskOf({ ...scurvy, task: 'mmlu', subject: 'astronomy' })).toThrow(
      /"subject" must be one of .*anatomy, got "astronomy"/,
    );
  });

  it('gives a USMLE question as many letters as options', () => {
    const item = { ...scurvy, task: 'usmle_sample_exam', choices: ['p', 'q', 'r', 's', 't'], answer: 4 };
    const requests = requestsOf(item, taskOf(item));
    expect(requests[4]).toMatchObject({ context: expect.stringContaining('\nE. t\nAnswer:'), continuation: ' E' });
    expect(requests).toHaveLength(5);
  });
});

describe('items that mean nothing are refused by name', () => {
  const refusal = (changes: Partial<EvalItem>, name = 'medqa_4options') => {
    return () => checkItem({ ...scurvy, ...changes }, taskNamed(name));
  };

  it.each([
    [{ answer: 4 }, 'medqa_4options', /medqa_4options: item scurvy has answer 4, required an index from 0 to 3/],
    [{ answer: -1 }, 'medqa_4options', /answer -1/],
    [{ answer: 1.5 }, 'medqa_4options', /answer 1.5/],
    [{ choices: ['a'], answer: 0 }, 'headqa_en', /1 option\(s\), a choice needs at least 2/],
    [{ choices: ['a', 'b', 'c', 'd', 'e'] }, 'medqa_4options', /5 options, the task needs 4/],
    [{ question: ' \n' }, 'medqa_4options', /empty question/],
    [{ choices: ['yes', 'no', 'perhaps'] }, 'pubmedqa', /\["yes","no","perhaps"\], required yes, no, maybe/],
  ])('%j', (changes, name, message) => {
    expect(refusal(changes, name)).toThrow(message);
  });

  it('lets an item through that is whole', () => {
    expect(refusal({})).not.toThrow();
  });

  it("finds PubMedQA's answer by its word, whatever the order", () => {
    const item = { ...abstract, choices: ['maybe', 'no', 'yes'], answer: 2 };
    checkItem(item, taskNamed('pubmedqa'));
    expect(taskNamed('pubmedqa').docToTarget(item)).toBe(0);
  });
});

it('hashes the request strings in order, and nothing else', () => {
  const requests = requestsOf(scurvy, taskOf(scurvy));
  const lines = requests.map(({ context, continuation }) => `${JSON.stringify([context, continuation])}\n`).join('');
  expect(requestHash(requests)).toBe(createHash('sha256').update(lines).digest('hex'));
  expect(requestHash(requests)).toBe(requestHash(requestsOf({ ...scurvy, id: 'other' }, taskOf(scurvy))));
  expect(requestHash([...requests].reverse())).not.toBe(requestHash(requests));
});
