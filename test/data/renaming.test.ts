import { expect, test } from 'vitest';
import { loadDataset, loadEvalItems, loadTrainExamples } from '../../lib/data/examples';
import { fieldsOf } from '../../lib/data/forms/fields';
import { ITEM_FORMS } from '../../lib/data/forms/items';
import { FIELD_NAMES } from '../../lib/data/forms/renaming';
import { TRAINING_FORMS } from '../../lib/data/forms/training';
import { evaluationNotes, trainingNotes } from '../../lib/data/reading/notes';
import { folderOf } from './folder-of';

/** Fields that a file calls otherwise, fields that nobody reads, and rows that are of no form. */

const asked = { question: 'How long does it bake?', input: 'rye', reply: 'An hour.' };
const fields = { prompt: 'question', response: 'reply' };

test('a field that the form does not read is said, with its rows, and so is what was read', async () => {
  const rows = [asked, { ...asked, input: '' }, { ...asked, note: ['x'] }];
  const set = await loadTrainExamples(folderOf({ 'train/t.jsonl': rows }), { fields });
  expect(trainingNotes(set)).toEqual([
    'read: 3 rows of the form prompt, response (by --fields), JSON Lines: train/t.jsonl',
    'not used: the fields "input" (in 2 rows of 3), "note" (in 1 row of 3)',
  ]);
  const whole = await loadTrainExamples(folderOf({ 'train/t.jsonl': rows.slice(0, 1) }), {
    fields: { instruction: 'question', output: 'reply' },
  });
  expect(whole.examples[0]!.prompt).toBe('How long does it bake?\nrye');
  expect(whole.unused).toEqual({});
});

test('a field whose name another one takes is not used either; two fields may change names', async () => {
  const row = { prompt: 'Old?', question: 'Ask?', response: 'Say.' };
  const root = folderOf({ 'train/t.jsonl': [row] });
  const set = await loadTrainExamples(root, { fields: { prompt: 'question' } });
  expect([set.examples[0]!.prompt, set.unused]).toEqual(['Ask?', { prompt: 1 }]);
  const swapped = await loadTrainExamples(root, { fields: { prompt: 'response', response: 'prompt' } });
  expect(swapped.examples[0]).toMatchObject({ prompt: 'Say.', response: 'Old?' });
});

test('of items as well; fields that are empty or read are not said', async () => {
  const item = { question: 'Which?', choices: ['a', 'b'], answer: 'a', exp: 'Because.', image: null, note: ' ' };
  const set = await loadEvalItems(folderOf({ 'eval/e.jsonl': [item] }));
  expect(evaluationNotes(set)).toEqual([
    'read: 1 row of the form question, choices, answer, JSON Lines: eval/e.jsonl',
    'not used: the field "exp" (in 1 row of 1)',
  ]);
});

test('a renamed field that no row has is refused with those there, in one half or in both', async () => {
  const root = folderOf({
    'train/a.jsonl': [asked],
    'train/b.csv': 'prompt,response\nAsk?,Say.\n',
    'eval/e.jsonl': [{ question: 'Which?', choices: ['a', 'b'], answer: 0 }],
  });
  const wrong = { fields: { ...fields, prompt: 'questoin' } };
  const message = 'fields: no row has "questoin"; the fields are question, input, reply, prompt, response: correct';
  await expect(loadTrainExamples(root, wrong)).rejects.toThrow(message);
  await expect(loadDataset(root, wrong)).rejects.toThrow('"questoin"; the fields are question, choices, answer, input');
  // What one file of several has is enough, and so is what one half has.
  await expect(loadDataset(root, { fields: { response: 'reply' } })).resolves.toBeDefined();
});

test('the left side must be a field that a form reads', async () => {
  const root = folderOf({ 'train/t.jsonl': [asked] });
  await expect(loadTrainExamples(root, { fields: { promt: 'question' } })).rejects.toThrow(
    'fields: "promt=question": no form of rows has a field "promt", did you mean "prompt"',
  );
});

test('every field that a form reads may stand on the left', () => {
  const names = new Set<string>();
  /** A row that has every field, and notes which are asked for. */
  const place = { file: 'x.jsonl', at: 'line 1' };
  const row = fieldsOf({ fields: {}, place, untyped: false });
  const noting = new Proxy(row, {
    get: (target, key: keyof typeof row) => {
      const value = target[key];
      if (typeof value !== 'function' || key === 'refuse') return value;
      return (...args: string[]) => {
        for (const arg of args) if (typeof arg === 'string') names.add(arg);
        return (value as (...all: string[]) => unknown)(...args);
      };
    },
  });
  for (const form of [...TRAINING_FORMS, ...ITEM_FORMS]) {
    form.fits(noting);
    try {
      form.read(noting);
    } catch {
      // The row has nothing: a form stops at the first field that it needs.
    }
  }
  expect(names.size).toBeGreaterThan(20);
  expect([...names].filter((name) => !FIELD_NAMES.includes(name))).toEqual([]);
});

test.each<readonly [string, readonly object[], string]>([
  [
    'a misspelt field after good rows',
    [
      { instruction: 'Do.', output: 'Done.' },
      { instruction: 'Do.', ouput: 'Done.' },
    ],
    'examples: train/t.jsonl line 2: no "output" (the rows before it are of the form Alpaca (instruction, input, output)); ' +
      'it has "ouput": misspelt? Fix the row, or leave such rows out with --skip-bad-rows',
  ],
  [
    'another field after good rows',
    [{ text: 'One' }, { body: 'Two' }],
    'train/t.jsonl line 2: no "text" (the rows before it are of the form plain text); it has the fields body. Fix',
  ],
  [
    'a response misspelt beside a prompt',
    [{ prompt: 'Ask?', respones: 'Say.' }],
    'line 1: "response" must be a non-empty string, got nothing (it has "respones": misspelt?); fix or delete the row',
  ],
  [
    'a file of unknown names',
    [{ id: 1, frage: 'Ask?', antwort: 'Say.' }],
    'or say what the file calls the fields: `--fields prompt=frage,response=antwort`, or "fields" in a settings file',
  ],
])('a training row of no form: %s', async (_, rows, message) => {
  await expect(loadTrainExamples(folderOf({ 'train/t.jsonl': rows }))).rejects.toThrow(message);
});

test('the forms are listed once each, and a renamed field that is not there is named', async () => {
  const root = folderOf({ 'train/t.jsonl': [{ frage: 'Ask?', antwort: 'Say.' }] });
  const error = await loadTrainExamples(root, { fields: { prompt: 'frgae', response: 'antwrot' } }).catch(String);
  expect(error).toContain('It has no "frgae", "antwrot", which --fields (or "fields" in the settings) names.');
  const forms = String(error).split('\n').slice(1, -1);
  expect(new Set(forms).size).toBe(forms.length);
});

test.each<readonly [string, object, string]>([
  [
    'unknown names',
    { frage: 'Which?', wahl: ['a', 'b'], loesung: 'a' },
    '`--fields question=frage,choices=wahl,answer=loesung`',
  ],
  ['no answer', { question: 'Which?', choices: ['a', 'b'] }, 'a letter or the text of one choice, got nothing; fix'],
  [
    'a misspelt answer',
    { question: 'Which?', choices: ['a', 'b'], anwser: 0 },
    'got nothing (it has "anwser": misspelt?); fix',
  ],
])('an item that cannot be read: %s', async (_, row, message) => {
  await expect(loadEvalItems(folderOf({ 'eval/e.jsonl': [row] }))).rejects.toThrow(message);
});

test('a field called as one of JavaScript’s own is counted as any other', async () => {
  const set = await loadTrainExamples(
    folderOf({ 'train/t.jsonl': [{ prompt: 'Ask?', response: 'Say.', constructor: 'Ferrari' }] }),
  );
  expect(set.unused).toEqual({ constructor: 1 });
});

test('where all rows are left out as bad ones, the reasons are the error', async () => {
  const root = folderOf({
    'train/t.jsonl': [{ prompt: 'Ask?' }, { prompt: 'Ask?', response: '' }, { prompt: 1, response: 'x' }],
  });
  await expect(loadTrainExamples(root, { badRows: 'skip' })).rejects.toThrow(
    'is left: all were left out as bad rows: "response" must be a non-empty string (2); "prompt" must be a non-empty string (1); correct',
  );
});
