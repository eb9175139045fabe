import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadDataset, loadEvalItems, loadTrainExamples } from '../../lib/data/examples';
import { dataNotes } from '../../lib/data/reading/notes';

const FIXTURES = join(__dirname, 'fixtures');

/** A data folder: rows (as JSON lines), a file's content, or a fixture's name. */
function folder(files: Readonly<Record<string, readonly unknown[] | string | Buffer | { fixture: string }>>): string {
  const root = mkdtempSync(join(tmpdir(), 'forms-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === 'object' && 'fixture' in content) copyFileSync(join(FIXTURES, content.fixture), path);
    else if (Array.isArray(content)) writeFileSync(path, content.map((row) => `${JSON.stringify(row)}\n`).join(''));
    else writeFileSync(path, content as string | Buffer);
  }
  return root;
}

const one = async (row: object) =>
  (await loadTrainExamples(folder({ 'train/mine.jsonl': [{ id: 'x', source: 's', ...row }] }))).examples[0];
const base = { id: 'x', source: 's' };
const user = { role: 'user', content: 'Ask?' };
const assistant = { role: 'assistant', content: 'Say.' };

test.each<readonly [string, object, object]>([
  ['prompt, response', { prompt: 'Ask?', response: 'Say.' }, { prompt: 'Ask?', response: 'Say.' }],
  ['prompt, completion', { prompt: 'Ask?', completion: 'Say.' }, { prompt: 'Ask?', response: 'Say.' }],
  [
    'prompt, completion of messages',
    { prompt: [{ role: 'system', content: 'Be.' }, user], completion: [assistant] },
    { system: 'Be.', prompt: 'Ask?', response: 'Say.' },
  ],
  ['messages', { messages: [user, assistant] }, { prompt: 'Ask?', response: 'Say.' }],
  [
    'messages beside a prompt, as UltraChat has them',
    { prompt: 'Ask?', prompt_id: 'p', messages: [user, assistant] },
    { prompt: 'Ask?', response: 'Say.' },
  ],
  [
    'messages of three turns, parts of text',
    {
      messages: [
        { role: 'system', content: 'Be.' },
        user,
        assistant,
        { role: 'user', content: [{ type: 'text', text: 'And?' }] },
        { role: 'assistant', content: 'That.' },
        { role: 'user', content: 'Unanswered' },
      ],
    },
    { system: 'Be.', history: [{ prompt: 'Ask?', response: 'Say.' }], prompt: 'And?', response: 'That.' },
  ],
  [
    'ShareGPT',
    {
      conversations: [
        { from: 'system', value: 'Be.' },
        { from: 'human', value: 'Ask?' },
        { from: 'gpt', value: 'Say.' },
      ],
    },
    { system: 'Be.', prompt: 'Ask?', response: 'Say.' },
  ],
  ['Alpaca', { instruction: 'Do.', input: 'It', output: 'Done.' }, { prompt: 'Do.\nIt', response: 'Done.' }],
  ['Alpaca without input', { instruction: 'Do.', input: '', output: 'Done.' }, { prompt: 'Do.', response: 'Done.' }],
  [
    'Alpaca with a history',
    { instruction: 'And?', output: 'Done.', system: 'Be.', history: [['Ask?', 'Say.']] },
    { system: 'Be.', history: [{ prompt: 'Ask?', response: 'Say.' }], prompt: 'And?', response: 'Done.' },
  ],
  [
    'question, choices, answer',
    { question: 'Which?', choices: ['lung', 'heart'], answer: 'B' },
    {
      prompt: 'Which?\na. lung\nb. heart',
      response: 'b. heart',
      question: 'Which?',
      choices: ['lung', 'heart'],
      answer: 1,
    },
  ],
  [
    "the Hub's MedMCQA",
    { question: 'Which?', opa: 'a1', opb: 'b1', opc: 'c1', opd: 'd1', cop: 2 },
    {
      prompt: 'Which?\na. a1\nb. b1\nc. c1\nd. d1',
      response: 'c. c1',
      question: 'Which?',
      choices: ['a1', 'b1', 'c1', 'd1'],
      answer: 2,
    },
  ],
  ['question, answer', { question: 'Ask?', answer: 'Say.' }, { prompt: 'Ask?', response: 'Say.' }],
  ['MedQuAD', { qtype: 'x', Question: 'Ask?', Answer: 'Say.' }, { prompt: 'Ask?', response: 'Say.' }],
  [
    'OpenOrca',
    { system_prompt: 'Be.', question: 'Ask?', response: 'Say.' },
    { system: 'Be.', prompt: 'Ask?', response: 'Say.' },
  ],
  [
    'Natural Instructions',
    { definition: 'Do.', inputs: 'It', targets: 'Done.' },
    { prompt: 'Do.\n\nIt', response: 'Done.' },
  ],
  ['plain text', { text: 'Once upon a time' }, { prompt: '', response: 'Once upon a time', plain: true }],
])('a training row: %s', async (_, row, expected) => {
  expect(await one(row)).toEqual({ ...base, ...expected });
});

test.each<readonly [string, object, string]>([
  [
    'no form',
    { foo: 1, bar: 2 },
    'train/mine.jsonl line 1: no form of training row has the fields id, source, foo, bar',
  ],
  [
    'a tool turn',
    { messages: [user, { role: 'tool', content: '{}' }] },
    '"messages[1]" must be a turn of system, user',
  ],
  ['no assistant', { messages: [user] }, '"messages" must be turns with a user’s and then an assistant’s'],
  ['two users', { messages: [user, user, assistant] }, '"messages[1]" must be the assistant’s turn'],
  ['an image', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }, assistant] }, 'text alone: images'],
  [
    'a multiple-choice row that lost its response',
    { prompt: 'Which?', question: 'Which?', choices: ['a', 'b'], answer: 0 },
    '"response" must be a non-empty string, got nothing',
  ],
  ['an empty answer', { instruction: 'Do.', output: '' }, '"output" must be a non-empty string'],
])('a training row that is refused: %s', async (_, row, message) => {
  await expect(one(row)).rejects.toThrow(message);
});

const item = async (row: object) => (await loadEvalItems(folder({ 'eval/my_exam.jsonl': [row] }))).items[0];
const choices = ['lung', 'heart', 'ear', 'skin'];
const asked = { question: 'Which?', choices, answer: 1 };

test.each<readonly [string, object, object]>([
  ['a letter', { id: 1, ...asked, answer: 'b' }, { id: '1', task: 'my_exam', ...asked }],
  ['its text', { id: 'x', ...asked, answer: 'heart' }, { id: 'x', task: 'my_exam', ...asked }],
  [
    'options by letter',
    { id: 'x', question: 'Which?', options: { A: 'lung', B: 'heart', C: 'ear', D: 'skin', E: null }, answer_idx: 'B' },
    { id: 'x', task: 'my_exam', ...asked },
  ],
  [
    'text and label',
    { id: 'x', question: 'Which?', choices: { text: choices, label: ['A', 'B', 'C', 'D'] }, answerKey: 'B' },
    { id: 'x', task: 'my_exam', ...asked },
  ],
  ['no id', asked, { id: 'eval/my_exam.jsonl line 1', task: 'my_exam', ...asked }],
])('an item, its answer or choices as %s', async (_, row, expected) => {
  expect(await item(row)).toEqual(expected);
});

test('an answer that may mean two choices is refused', async () => {
  await expect(item({ ...asked, choices: ['B', 'A'], answer: 'A' })).rejects.toThrow('mean one choice alone');
  await expect(item({ ...asked, answer: 4 })).rejects.toThrow('places are counted from 0');
  await expect(item({ question: 'Which?', opa: 'a', opb: 'b', opc: 'c', opd: 'd', cop: -1 })).rejects.toThrow(
    '-1 marks the test split',
  );
});

test('a CSV whose cells semicolons separate, as spreadsheets of many countries save it', async () => {
  const root = folder({ 'train/a.csv': '\uFEFFprompt;response\r\n"Ask; now?";"Say, so"\r\n' });
  const { examples } = await loadTrainExamples(root);
  expect(examples).toMatchObject([{ prompt: 'Ask; now?', response: 'Say, so' }]);
});

test('CSV, TSV, a JSON array, Parquet and zstd in one folder, each as it is', async () => {
  const root = folder({
    'train/a.csv': 'Question,Answer\n"Ask, you?","Say ""it"".\nTwice."\n',
    'train/b.tsv': 'prompt\tresponse\nAsk "me\tSay.\n',
    'train/c.json': `\uFEFF[\n  ${JSON.stringify({ text: 'One' })},\n  ${JSON.stringify({ text: 'Two' })}\n]\n`,
    'train/d.parquet': { fixture: 'messages.parquet' },
    'train/e.jsonl.zst': { fixture: 'alpaca.jsonl.zst' },
    'train/f.json.gz': gzipSync('{"prompt":"Ask?","response":"Say."}'),
    'train/notes.md': 'not data',
    'eval/items.parquet': { fixture: 'headqa.parquet' },
    'eval/more.csv': 'question,choices,answer\nWhich?,"[""lung"",""heart""]",1\n',
  });
  const dataset = await loadDataset(root);
  const { examples, files } = dataset.training;
  expect(examples.map(({ source, prompt, response }) => [source, prompt, response])).toEqual([
    ['a', 'Ask, you?', 'Say "it".\nTwice.'],
    ['b', 'Ask "me', 'Say.'],
    ['c', '', 'One'],
    ['c', '', 'Two'],
    ...[0, 1, 2].map((i) => ['d', `Question ${i}?`, `Answer ${i}.`]),
    ...[0, 1, 2].map((i) => ['e', `Do ${i}.`, `Done ${i}.`]),
    ['f', 'Ask?', 'Say.'],
  ]);
  expect(files.map(({ format }) => format)).toEqual([
    'CSV',
    'TSV',
    'JSON array',
    'Parquet',
    'JSON Lines',
    'JSON Lines',
  ]);
  const { items } = dataset.evaluation;
  expect(items.map(({ task, answer }) => [task, answer])).toEqual([
    ['headqa', 0],
    ['headqa', 1],
    ['headqa', 2],
    ['more', 1],
  ]);
  expect(dataNotes(dataset)).toEqual([
    'read: 3 rows of the form HeadQA (qtext, answers, ra), Parquet: eval/items.parquet',
    'read: 1 row of the form question, choices, answer, CSV: eval/more.csv',
    'read: 1 row of the form Question, Answer, CSV: train/a.csv',
    'read: 1 row of the form prompt, response, TSV: train/b.tsv',
    'read: 2 rows of the form plain text, JSON array: train/c.json',
    'read: 3 rows of the form messages (role, content), Parquet: train/d.parquet',
    'read: 3 rows of the form Alpaca (instruction, input, output), JSON Lines: train/e.jsonl.zst',
    'not read: train/notes.md (not a file of rows by its ending)',
  ]);
});

test('field names are mapped, and bad rows are counted by reason when they are skipped', async () => {
  const root = folder({
    'train/t.jsonl': [
      { frage: 'Ask?', antwort: 'Say.' },
      { frage: 'Ask?' },
      { frage: 3, antwort: 'x' },
      { frage: 'Ask?' },
    ],
  });
  const fields = { prompt: 'frage', response: 'antwort' };
  await expect(loadTrainExamples(root, { fields })).rejects.toThrow('line 2: "response" must be a non-empty string');
  const { examples, skipped } = await loadTrainExamples(root, { fields, badRows: 'skip' });
  expect(examples.map(({ prompt, response }) => [prompt, response])).toEqual([['Ask?', 'Say.']]);
  expect(skipped).toEqual({
    '"response" must be a non-empty string': 2,
    '"prompt" must be a non-empty string': 1,
  });
});

test('a line that is no JSON is one bad row: the lines after it are read', async () => {
  const good = JSON.stringify({ prompt: 'Ask?', response: 'Say.' });
  const root = folder({ 'train/t.jsonl': `${good}\n{"prompt": "cut\n${good}\n` });
  await expect(loadTrainExamples(root)).rejects.toThrow('train/t.jsonl line 2: invalid JSON');
  const { examples, skipped } = await loadTrainExamples(root, { badRows: 'skip' });
  expect(examples).toHaveLength(2);
  expect(skipped).toEqual({ 'invalid JSON': 1 });
});

test.each<readonly [string, string, string]>([
  ['train/a.csv', 'a,b\n1\n', 'Invalid Record Length'],
  ['train/a.csv', 'a,a\n1,2\n', 'column "a" must be there once'],
  ['train/a.json', '[{"text":"One"},{"text":', 'row 2: invalid JSON'],
  ['train/a.json', '{\n "text": "One"\n}', 'an object may not go over several lines'],
  ['train/a.parquet', 'PAR1', 'cannot be read as Parquet'],
  ['train/a.parquet', 'nothing', 'must begin with PAR1'],
  ['train/a.csv', 'PK\x03\x04xl/workbook.xml', 'train/a.csv is a zip archive (as an .xlsx is one)'],
  ['train/a.jsonl', '<!DOCTYPE html><title>Sign in</title>', 'train/a.jsonl is a web page (HTML)'],
  ['train/a.jsonl', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', 'Git LFS pointer'],
])('a damaged %s is refused by name', async (name, content, message) => {
  await expect(loadTrainExamples(folder({ [name]: content }))).rejects.toThrow(message);
});

test('a zstd file cut short is an error, not a short set', async () => {
  const root = folder({ 'train/t.jsonl.zst': { fixture: 'alpaca.jsonl.zst' } });
  const { readFileSync } = await import('node:fs');
  const whole = readFileSync(join(root, 'train/t.jsonl.zst'));
  writeFileSync(join(root, 'train/t.jsonl.zst'), whole.subarray(0, whole.length - 8));
  await expect(loadTrainExamples(root)).rejects.toThrow('train/t.jsonl.zst cannot be read');
});
