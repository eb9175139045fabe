import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadEvalItems } from '../../lib/data/examples';
import { taskNameOf } from '../../lib/eval/tasks/tasks';

/** Questions as people bring them: choices and answers in the ways in which known benchmarks and spreadsheets write them. */

async function items(content: object | string) {
  const root = mkdtempSync(join(tmpdir(), 'own-items-'));
  mkdirSync(join(root, 'eval'));
  const [name, text] = typeof content === 'string' ? ['exam.csv', content] : ['exam.jsonl', JSON.stringify(content)];
  writeFileSync(join(root, 'eval', name), text);
  return (await loadEvalItems(root)).items;
}
const question = 'Which?';
const four = ['lung', 'heart', 'ear', 'skin'];
const HEART = { task: 'exam', question, answer: 1 };

test.each<readonly [string, object | string, readonly string[]]>([
  // Source: lm-evaluation-harness arc_easy.yaml: doc_to_target is choices.label.index(answerKey)
  [
    'ARC’s labels that are numbers',
    { question, choices: { text: four, label: ['1', '2', '3', '4'] }, answerKey: '2' },
    four,
  ],
  ['labels in another order', { question, choices: { text: four, label: ['B', 'A', 'C', 'D'] }, answerKey: 'A' }, four],
  ['a letter and its text', { question, choices: four, answer: 'B. heart' }, four],
  ['the same in brackets', { question, choices: four, answer: '(b) heart' }, four],
  [
    'pairs of key and value',
    {
      question,
      options: [
        { key: 'A', value: 'lung' },
        { key: 'B', value: 'heart' },
      ],
      answer: 'B',
    },
    ['lung', 'heart'],
  ],
  ['small letters', { question, options: { a: 'lung', b: 'heart' }, answer: 'b' }, ['lung', 'heart']],
  ['numbers from 1', { question, options: { 1: 'lung', 2: 'heart' }, answer: '2' }, ['lung', 'heart']],
  ['numbers from 0', { question, options: { 0: 'lung', 1: 'heart' }, answer: 1 }, ['lung', 'heart']],
  [
    'eleven numbers',
    { question, options: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i + 1, `c${i + 1}`])), answer: '2' },
    Array.from({ length: 11 }, (_, i) => `c${i + 1}`),
  ],
  ['the text of a choice under a number', { question, options: { 1: '20', 2: '10' }, answer: '10' }, ['20', '10']],
  ['a place called answer_index', { question, choices: four, answer_index: 1 }, four],
  ['a letter and a place', { question, choices: four, answer: 'B', answer_index: 1 }, four],
  ['a text, a letter and a key', { question, options: four, answer: 'heart', answer_idx: 'B', answerKey: 'b' }, four],
  ['a column for each choice', 'question,A,B,C,D,answer\nWhich?,lung,heart,ear,skin,B\n', four],
  ['columns of which the last are empty', 'question,A,B,C,D,E,answer\nWhich?,lung,heart,ear,skin,,heart\n', four],
  [
    'JSON of labelled choices in a cell',
    'question,choices,answerKey\nWhich?,"{""text"": [""lung"", ""heart""], ""label"": [""1"", ""2""]}",2\n',
    ['lung', 'heart'],
  ],
  ['a place in a cell', 'question,choices,answer\nWhich?,"[""lung"", ""heart""]",1\n', ['lung', 'heart']],
])('%s', async (_, content, choices) => {
  expect(await items(content)).toEqual([{ ...HEART, id: expect.any(String), choices }]);
});

describe('refused', () => {
  test.each<readonly [string, object | string, string]>([
    ...[0, 3].map((answer): readonly [string, object, string] => [
      `the place ${answer}, where choices have numbers`,
      { question, options: { 1: 'lung', 2: 'heart' }, answer },
      `"answer" must be the label of one choice (1, 2) or its text, got ${answer}`,
    ]),
    [
      'two answers that differ',
      { question, choices: four, answer: 'lung', answer_idx: 'B' },
      '"answer_idx" must be the same choice as "answer" ("lung", the choice at 0), got "B"',
    ],
    [
      'the same in MedQA’s columns',
      { question, options: { A: 'lung', B: 'heart' }, meta_info: 'step1', answer: 'lung', answer_idx: 'B' },
      '"answer" must be the same choice as "answer_idx"',
    ],
    ['the same in MMLU-Pro’s', { question, options: four, answer: 'B', answer_index: 2 }, '"answer_index" must be'],
    [
      'an answer of HeadQA that is nothing',
      { qtext: question, ra: 2, answers: [null, { aid: 2, atext: 'heart' }] },
      '"answers[0].atext" must be a string, got nothing',
    ],
    [
      'a letter with the text of another',
      { question, choices: four, answer: 'A. heart' },
      '"answer" must be an integer from 0 to 3, a letter or the text of one choice',
    ],
    ['a place as text, which may count from 0 or 1', { question, choices: four, answer: '1' }, 'got "1"'],
    [
      'a label that no choice has',
      { question, choices: { text: four, label: ['1', '2', '3', '4'] }, answerKey: '5' },
      'got "5"',
    ],
    [
      'labels with a gap',
      { question, options: { 1: 'lung', 3: 'heart' }, answer: '1' },
      'the letters A, B and so on, or the numbers 0, 1 or 1, 2 and so on',
    ],
    ['one choice', { question, options: { A: 'lung' }, answer: 'A' }, 'an array of two choices or more'],
    [
      'choices as Python shows them',
      "question,choices,answer\nWhich?,\"['lung', 'heart']\",1\n",
      '(as json.dumps writes it, not str)',
    ],
    [
      'OpenBookQA’s name of the question',
      { question_stem: question, choices: four, answer: 1 },
      '(it has "question_stem": misspelt?)',
    ],
    [
      'a CSV without names, as MMLU’s own are',
      'Which?,lung,heart,ear,skin,B\nWhy?,lung,heart,ear,skin,B\n',
      'has the fields Which?, lung, heart, ear, skin, B (as its first line names them).',
    ],
    [
      'numbers that reading rounds together',
      { id: 2 ** 60, question, choices: four, answer: 1 },
      '"id" must be a text, or a number that is exact',
    ],
  ])('%s', async (_, content, message) => {
    await expect(items(content)).rejects.toThrow(message);
  });
});

test.each<readonly [string, unknown, boolean]>([
  // Source: datasets.Image as Parquet and to_json have it
  ['a structure of nulls', { bytes: null, path: null }, false],
  ['an empty path', { bytes: null, path: '' }, false],
  ['an empty list', [], false],
  ['a list of none', [null], false],
  ['false', false, false],
  ['bytes', { bytes: 'AAAA', path: null }, true],
  ['a list of paths', ['a.png'], true],
])('an image that is %s', async (_, image, isImage) => {
  const [read] = await items({ question, choices: four, answer: 1, image });
  expect(read!.image !== undefined).toBe(isImage);
});

test('a benchmark of one’s own in several parts, or of a name in either form of é, is one', async () => {
  const row = JSON.stringify({ question, choices: four, answer: 1 });
  const names = ['exam-00000-of-00002', 'exam-00001-of-00002', 'examé'.normalize('NFC'), 'examé'.normalize('NFD')];
  const root = mkdtempSync(join(tmpdir(), 'own-items-'));
  mkdirSync(join(root, 'eval'));
  for (const name of names) writeFileSync(join(root, 'eval', `${name}.jsonl`), row);
  const { items: read } = await loadEvalItems(root);
  expect(read.map(({ task }) => task)).toEqual(['exam', 'exam', 'exam\u00e9', 'exam\u00e9']);
  const [named] = await items({ task: 'examé'.normalize('NFD'), question, choices: four, answer: 1 });
  expect(named!.task).toBe('exam\u00e9');
});

test.each(['exámen', '体检', 'পরীক্ষা', 'परीक्षा', 'สอบ', 'v1.2'])('a benchmark of one’s own called %s', async (task) => {
  const [item] = await items({ task, question, choices: four, answer: 1 });
  expect(taskNameOf(item!)).toBe(task.normalize('NFC'));
});

test('a benchmark of one’s own whose name has a space is refused with what to do', async () => {
  const [item] = await items({ task: 'My exam', question, choices: four, answer: 1 });
  expect(() => taskNameOf(item!)).toThrow('rename the file, or give its rows a "task" of such a name');
});
