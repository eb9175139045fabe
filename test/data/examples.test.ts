import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadDataset, loadEvalItems, loadTrainExamples } from '../../lib/data/examples';
import { mapSource } from '../../lib/data/sources/names';

const REAL = '../shared/data';

/** A data folder; a value is rows (written as JSON lines) or the file's very content. */
function folder(files: Readonly<Record<string, readonly unknown[] | string | Buffer>>): string {
  const root = mkdtempSync(join(tmpdir(), 'examples-'));
  for (const [name, content] of Object.entries(files)) {
    const text = Array.isArray(content) ? content.map((row) => `${JSON.stringify(row)}\n`).join('') : content;
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(text as string) : (text as string | Buffer));
  }
  return root;
}

const item = { id: 'e1', task: 'medqa', question: 'Which?', choices: ['a', 'b', 'c'], answer: 2 };
const row = { id: 't1', source: 'medquad', prompt: 'What is it?', response: 'It.' };
const evalError = (fields: object) => loadEvalItems(folder({ 'eval/q.jsonl': [{ ...item, ...fields }] }));
const trainError = (fields: object) => loadTrainExamples(folder({ 'train/t.jsonl': [{ ...row, ...fields }] }));

test('plain and gzipped files load in name order, with the bytes hashed as they lie on disk', async () => {
  const root = folder({
    'eval/b.jsonl.gz': [{ ...item, id: 'b', subject: 'step1', context: 'Given.' }],
    'eval/a.jsonl': [{ ...item, id: 'a', unknownField: 1 }],
    'eval/README.md': 'not data',
    'train/t.jsonl.gz': [{ ...row, system: '', question: 'Q', choices: ['x', 'y'], answer: 1 }],
  });
  const { evaluation, training } = await loadDataset(root);
  expect(evaluation.items).toEqual([
    { ...item, id: 'a' },
    { ...item, id: 'b', subject: 'step1', context: 'Given.' },
  ]);
  expect(training.examples).toEqual([{ ...row, system: '', question: 'Q', choices: ['x', 'y'], answer: 1 }]);
  const sha256 = createHash('sha256')
    .update(readFileSync(join(root, 'train/t.jsonl.gz')))
    .digest('hex');
  expect(training.files).toEqual([
    { path: 'train/t.jsonl.gz', rows: 1, sha256, format: 'JSON Lines', forms: { 'prompt, response': 1 } },
  ]);
  expect(evaluation.unread).toEqual([{ path: 'eval/README.md', why: 'not a file of rows by its ending' }]);
});

test('lines end at newlines alone: U+2028 in a string, CRLF, blank lines, a BOM and a missing last newline are fine', async () => {
  const odd = { ...row, response: 'one\u2028two\u0085three 😀' };
  const text = `\uFEFF${JSON.stringify(odd)}\r\n\n   \n${JSON.stringify({ ...row, id: 't2' })}`;
  const { examples } = await loadTrainExamples(folder({ 'train/t.jsonl': text }));
  expect(examples).toEqual([odd, { ...row, id: 't2' }]);
  await expect(loadTrainExamples(folder({ 'train/t.jsonl': `${text}\n{}` }))).rejects.toThrow('t.jsonl line 5:');
});

test('lines longer than a read are put together again', async () => {
  const long = Array.from({ length: 5 }, (_, i) => ({ ...row, id: `t${i}`, response: 'é'.repeat(100_001 + i) }));
  for (const name of ['train/t.jsonl', 'train/t.jsonl.gz']) {
    expect((await loadTrainExamples(folder({ [name]: long }))).examples).toEqual(long);
  }
});

test('a bad field is named with its file, line, id, what it must be and what came', async () => {
  const root = folder({ 'train/medquad.jsonl.gz': [row, { ...row, id: 'x', response: undefined }] });
  await expect(loadTrainExamples(root)).rejects.toThrow(
    'examples: train/medquad.jsonl.gz line 2 (id "x"): "response" must be a non-empty string, got nothing; fix or delete the row, or',
  );
  await expect(trainError({ response: ' \n' })).rejects.toThrow('"response" must be a non-empty string, got " \\n"');
  await expect(trainError({ source: 3 })).rejects.toThrow('"source" must be a non-empty string, got 3');
  await expect(trainError({ system: 3 })).rejects.toThrow('"system" must be a string when present, got 3');
  await expect(trainError({ choices: ['a', 'b'], answer: 2 })).rejects.toThrow(
    '"answer" must be an integer from 0 to 1, got 2',
  );
  await expect(evalError({ question: '' })).rejects.toThrow('"question" must be a non-empty string, got ""');
  await expect(evalError({ choices: ['a'] })).rejects.toThrow('"choices" must be an array of two choices or more');
  await expect(evalError({ choices: ['a', null] })).rejects.toThrow('"choices[1]" must be a string, got null');
  for (const answer of [3, -1, 0.5, '1', null]) {
    await expect(evalError({ answer })).rejects.toThrow(
      `examples: eval/q.jsonl line 1 (id "e1"): "answer" must be an integer from 0 to 2, a letter or the text of one choice`,
    );
  }
  await expect(evalError({ id: ' ' })).rejects.toThrow('"id" must be a non-empty string, got " "');
});

test('a line that is no JSON object is named', async () => {
  const load = (text: string | Buffer) => loadTrainExamples(folder({ 'train/t.jsonl': text }));
  await expect(load(`${JSON.stringify(row)}\n{"id": "x",`)).rejects.toThrow(
    'examples: train/t.jsonl line 2: invalid JSON',
  );
  await expect(load('3\n')).rejects.toThrow('examples: train/t.jsonl line 1: must be a JSON object, got 3');
  await expect(load('[1]\n')).rejects.toThrow('examples: train/t.jsonl row 1: must be a JSON object, got 1');
  await expect(load(Buffer.from([0x22, 0xff, 0x22]))).rejects.toThrow(
    'examples: train/t.jsonl line 1: not valid UTF-8',
  );
  await expect(load('')).rejects.toThrow('examples: train/t.jsonl has no rows; fill the file or delete it');
});

test('a text in two or four bytes a character is called what it is, in every form', async () => {
  const wide = (text: string, order: 'le' | 'be') => {
    const bytes = Buffer.from(text, 'utf16le');
    return order === 'le' ? bytes : bytes.swap16();
  };
  const line = JSON.stringify(row);
  for (const [file, bytes, encoding] of [
    ['t.jsonl', wide(`\ufeff${line}`, 'le'), 'UTF-16'],
    ['t.jsonl', wide(line, 'be'), 'UTF-16'],
    ['t.csv', wide('\ufeffprompt,response\na,b\n', 'be'), 'UTF-16'],
    ['t.json', wide(`[${line}]`, 'le'), 'UTF-16'],
    ['t.jsonl', Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0]), 'UTF-32'],
  ] as const) {
    await expect(loadTrainExamples(folder({ [`train/${file}`]: bytes }))).rejects.toThrow(
      `examples: train/${file} must be UTF-8, is ${encoding}; save it as UTF-8`,
    );
  }
});

test('two evaluation items may not share an id, even across files', async () => {
  const root = folder({ 'eval/a.jsonl': [item], 'eval/b.jsonl': [{ ...item, id: 'e2' }, item] });
  await expect(loadEvalItems(root)).rejects.toThrow(
    'examples: eval/b.jsonl line 2 (id "e1"): "id" must be unique among evaluation items, got the id of eval/a.jsonl line 1; rename or delete one',
  );
});

test('missing folders and halves say what to pass', async () => {
  await expect(loadDataset('no/such/folder')).rejects.toThrow('examples: no folder no/such/folder; pass a folder');
  const evalOnly = folder({ 'eval/a.jsonl': [item] });
  await expect(loadDataset(evalOnly)).rejects.toThrow(
    `${evalOnly} holds eval/ but no file of rows in train/ (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, and .gz or .zst of the first five); add the train files, or load the one half with loadEvalItems`,
  );
  const trainOnly = folder({ 'train/t.jsonl': [row], 'eval/notes.txt': '' });
  await expect(loadDataset(trainOnly)).rejects.toThrow('holds train/ but no file of rows in eval/');
  await expect(loadDataset(folder({}))).rejects.toThrow('no file of rows in');
  await expect(loadTrainExamples(evalOnly)).rejects.toThrow('no file of rows in');
});

test('a file beside its own compressed copy is refused: the rows would count twice', async () => {
  const root = folder({ 'train/t.jsonl': [row], 'train/t.jsonl.gz': [row] });
  await expect(loadTrainExamples(root)).rejects.toThrow('both train/t.jsonl and train/t.jsonl.gz are there; keep one');
});

test('a gzip file cut short is an error, not a short set', async () => {
  const whole = gzipSync(`${JSON.stringify(row)}\n`.repeat(1000));
  const root = folder({ 'train/t.jsonl': [row] });
  writeFileSync(join(root, 'train/u.jsonl.gz'), whole.subarray(0, whole.length - 20));
  await expect(loadTrainExamples(root)).rejects.toThrow('examples: train/u.jsonl.gz cannot be read');
});

test('items with an image are kept and counted, or excluded and counted', async () => {
  const root = folder({ 'eval/a.jsonl': [item, { ...item, id: 'e2', image: 'x.png' }] });
  const kept = await loadEvalItems(root);
  expect([kept.items.length, kept.items[1]?.image, kept.withImage, kept.excluded]).toEqual([2, 'x.png', 1, 0]);
  const excluded = await loadEvalItems(root, { images: 'exclude' });
  expect([excluded.items.length, excluded.withImage, excluded.excluded, excluded.files[0]?.rows]).toEqual([1, 1, 1, 1]);
});

test('end markers are taken off and counted', async () => {
  const marked = { ...row, response: 'Yes.<|im_end|>\n</s>' };
  const root = folder({ 'train/t.jsonl': [marked, { ...row, id: 't2', response: 'It </s> goes on ' }] });
  const { examples, endMarkers } = await loadTrainExamples(root);
  expect(examples.map(({ response }) => response)).toEqual(['Yes.', 'It </s> goes on ']);
  expect(endMarkers).toEqual({ '</s>': 1 });
  const empty = folder({ 'train/t.jsonl': [{ ...row, response: '<|endoftext|>' }] });
  await expect(loadTrainExamples(empty)).rejects.toThrow('"response" must be more than the end marker');
});

test.skipIf(!existsSync(REAL))("the paper's real sets load whole, with table A2's counts", async () => {
  const { evaluation, training } = await loadDataset(REAL);
  expect(Object.fromEntries(evaluation.files.map(({ path, rows }) => [path.slice(5, 12), rows]))).toEqual({
    headqa_: 2742,
    medmcqa: 4183,
    medqa_u: 1273,
    mmlu_cl: 1089,
    pubmedq: 500,
  });
  expect(evaluation.withImage).toBe(67);
  expect(training.examples.length).toBe(training.files.reduce((sum, { rows }) => sum + rows, 0));
  for (const source of new Set(training.examples.map((example) => example.source))) mapSource(source);
});
