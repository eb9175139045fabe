import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { loadEvalItems, loadTrainExamples } from '../../lib/data/examples';
import { trainingNotes } from '../../lib/data/reading/notes';
import { folderOf } from './folder-of';

/** Files as people have them in a data folder: packed, named, laid and separated otherwise than usual. */

const ROW = '{"prompt":"Ask?","response":"Say."}\n';
const read = async (files: Readonly<Record<string, string | Buffer>>) =>
  (await loadTrainExamples(folderOf(files))).examples.map(({ prompt, response }) => [prompt, response]);
const PAIR = ['Ask?', 'Say.'];

describe('packed', () => {
  const zstd = readFileSync(join(__dirname, 'fixtures', 'alpaca.jsonl.zst'));
  // Source: RFC 8878, 3.1.2: a magic number of sixteen, a length, bytes to be skipped
  const skipped = (last: number) => Buffer.from([0x50 + last, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

  test.each([
    [
      'gzip in two members, as pigz and cat make it',
      'train/x.jsonl.gz',
      Buffer.concat([gzipSync(ROW), gzipSync(ROW)]),
      2,
    ],
    ['zstd in two frames', 'train/x.jsonl.zst', Buffer.concat([zstd, zstd]), 6],
    ['zstd after a frame to be skipped, as pzstd makes it', 'train/x.jsonl.zst', Buffer.concat([skipped(0), zstd]), 3],
    ['the same between two frames', 'train/x.jsonl.zst', Buffer.concat([skipped(15), zstd, skipped(3), zstd]), 6],
  ])('%s', async (_, name, content, rows) => {
    expect(await read({ [name]: content })).toHaveLength(rows);
  });
});

describe('something else in a file’s place', () => {
  const tar = Buffer.concat([Buffer.alloc(257, 'x'), Buffer.from('ustar\0'), Buffer.alloc(249)]);
  const wide = Buffer.from(`\uFEFF${ROW}`, 'utf16le');
  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n';
  test.each<readonly [string, string, string | Buffer, string]>([
    ['an empty zip', 'x.jsonl', Buffer.from('PK\x05\x06\0\0\0\0'), 'is a zip archive'],
    ['an .xls', 'x.csv', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'is a file of an older Office'],
    ['bzip2', 'x.jsonl', Buffer.from('425a68393141592653', 'hex'), 'is compressed with bzip2'],
    ['xz', 'x.jsonl', Buffer.from('fd377a585a000004', 'hex'), 'is compressed with xz'],
    ['tar', 'x.jsonl', tar, 'is a tar archive'],
    ['tar in gzip', 'x.jsonl.gz', gzipSync(tar), 'is a tar archive'],
    ['gzip in gzip', 'x.jsonl.gz', gzipSync(gzipSync(ROW)), 'is compressed twice'],
    ['UTF-16 in gzip', 'x.jsonl.gz', gzipSync(wide), 'must be UTF-8, is UTF-16'],
    ['a pointer in gzip', 'x.jsonl.gz', gzipSync(pointer), 'is a Git LFS pointer'],
    ['a pointer called Parquet', 'x.parquet', pointer, 'is a Git LFS pointer'],
    ['a web page in gzip', 'x.csv.gz', gzipSync('<!DOCTYPE html><title>Sign in</title>'), 'is a web page'],
    ['Arrow called Parquet', 'x.parquet', 'ARROW1\0\0', 'is an Arrow file'],
    ['JSON Lines called CSV', 'x.csv', ROW, 'must hold cells with separators, begins as JSON does; call it .jsonl'],
    ['a JSON array called TSV', 'x.tsv', `\uFEFF\n[${ROW}]`, 'begins as JSON does; call it .jsonl or .json'],
    ['zero bytes', 'x.jsonl', `${ROW}${'\0'.repeat(99)}`, 'line 2: invalid JSON'],
    ['zero bytes', 'x.jsonl', `${ROW}${'\0'.repeat(99)}`, 'zero bytes stand in the line'],
    ['rows that CR parts', 'x.jsonl', (ROW + ROW).replaceAll('\n', '\r'), 'end lines with \\n'],
  ])('%s (%s)', async (_, name, content, message) => {
    await expect(read({ [`train/${name}`]: content })).rejects.toThrow(message);
  });
});

describe('separated', () => {
  test.each([
    ['tabs', 'prompt\tresponse\nAsk?\tSay.\n'],
    ['bars', 'prompt|response\r\nAsk?|Say.\r\n'],
    ['semicolons', 'prompt;response\nAsk?;Say.\n'],
    ['commas, with the index that pandas writes', ',prompt,response\n0,Ask?,Say.\n'],
    ['commas, with the line ends of old', 'prompt,response\rAsk?,Say.\r'],
  ])('a .csv by %s', async (_, content) => {
    expect(await read({ 'train/x.csv': content })).toEqual([PAIR]);
  });

  test.each([
    ['semicolons and a comma in a name', 'prompt;response;"a note, if any";b, c\nAsk?;Say.;;\n'],
    ['the semicolons that Excel’s own line names', 'sep=;\r\nprompt;response\r\nAsk?;Say.\r\n'],
    ['commas, with bars in a name', 'prompt,response,choice (a|b|c|d)\nAsk?,Say.,\n'],
  ])('a .csv by %s', async (_, content) => {
    expect(await read({ 'train/x.csv': content })).toEqual([PAIR]);
  });

  test.each([
    ['semicolons, after lines that are blank', '\n\nprompt;response\nAsk?;Say.\n'],
    ['semicolons that a line after a blank one names', '\nsep=;\nprompt;response\nAsk?;Say.\n'],
    ['commas, ended with those of the widest line, as Excel does', 'prompt,response,,\r\nAsk?,Say.,,\r\n'],
  ])('a .csv by %s', async (_, content) => {
    expect(await read({ 'train/x.csv': content })).toEqual([PAIR]);
  });

  test('what a column without a name holds is said', async () => {
    const set = await loadTrainExamples(folderOf({ 'train/x.csv': 'prompt,response,,\nAsk?,Say.,,note\n' }));
    expect(trainingNotes(set)).toContain('not used: the field "(column 4, unnamed)" (in 1 row of 1)');
  });

  test('the line of names once more, as joined files have it, is no row', async () => {
    const root = folderOf({ 'train/x.csv': 'prompt,response,\nAsk?,Say.,\n\uFEFFprompt, response,\nAsk?,Say.,\n' });
    await expect(loadTrainExamples(root)).rejects.toThrow('train/x.csv line 3: must be a row, is the first line again');
    const { examples, skipped } = await loadTrainExamples(root, { badRows: 'skip' });
    expect([examples.length, skipped]).toEqual([2, { 'the line of names again': 1 }]);
    const blank = { 'train/x.csv': 'prompt,response,\nAsk?,Say.,\n,,\n' };
    await expect(read(blank)).rejects.toThrow('line 3: no "prompt", "response"');
  });

  test('a .tsv’s cell with quotes, as pandas writes it, and as it is', async () => {
    // Source: pandas, DataFrame([['Ask "me"?', '"Say", 5" long.']]).to_csv(sep='\t', index=False)
    const pandas = 'prompt\tresponse\n"Ask ""me""?"\t"""Say"", 5"" long."\n';
    const plain = 'prompt\tresponse\nAsk "me"?\t"Say", 5" long.\n';
    const pair = ['Ask "me"?', '"Say", 5" long.'];
    expect(await read({ 'train/x.tsv': pandas, 'train/y.tsv': plain })).toEqual([pair, pair]);
    expect(await read({ 'train/x.tsv': 'prompt\tresponse\n"Ask"\t"Say"\n' })).toEqual([['"Ask"', '"Say"']]);
  });

  test.each([
    ['a quote after a space', 'prompt, response\nAsk?, "Say, so."\n', 'must begin with one, right after the separator'],
    ['a quote after a backslash', 'prompt,response\n"a \\"b\\"",c\n', 'each quote of its text must be there twice'],
    ['a quote left open', 'prompt,response\n"a,b\nc,d\n', 'must end with one: close it'],
  ])('%s in a .csv is refused with what to do about it', async (_, content, message) => {
    await expect(read({ 'train/x.csv': content })).rejects.toThrow(message);
  });

  test('cells of several lines in a .tsv are refused with what to do', async () => {
    const cells = 'prompt\tresponse\n"Ask\nme"\tSay.\n';
    await expect(read({ 'train/x.tsv': cells })).rejects.toThrow('call the file .csv');
    expect(await read({ 'train/x.csv': cells })).toEqual([['Ask\nme', 'Say.']]);
  });

  test('a cell of several lines keeps them; JSON Lines with CRLF and a mark of bytes are read', async () => {
    expect(await read({ 'train/x.csv': 'prompt,response\n"Ask\nme,\n""now""?",Say.\n' })).toEqual([
      ['Ask\nme,\n"now"?', 'Say.'],
    ]);
    expect(await read({ 'train/x.jsonl': `\uFEFF${ROW.replace('\n', '\r\n').repeat(2)}` })).toEqual([PAIR, PAIR]);
  });

  test('a CSV of names alone says that it is that', async () => {
    await expect(read({ 'train/x.csv': 'Ask?,Say.\n' })).rejects.toThrow(
      'train/x.csv has no rows beside its first line, which names the columns',
    );
  });
});

describe('laid', () => {
  test('what the datasets library writes beside rows is no rows, and an Arrow file says what to do', async () => {
    const info = JSON.stringify({ citation: '', features: {} }, null, 2);
    const set = await loadTrainExamples(
      folderOf({
        'train/x.jsonl': ROW,
        'train/dataset_info.json': info,
        'train/dataset_infos.json': info,
        'train/state.json': info,
        'train/data-00000-of-00001.arrow': 'ARROW1',
      }),
    );
    expect(set.examples).toHaveLength(1);
    expect(trainingNotes(set).at(-1)).toBe(
      'not read: train/data-00000-of-00001.arrow (an Arrow file; write it as Parquet, with Dataset.to_parquet or pyarrow), ' +
        'train/dataset_info.json (what the datasets library says of its rows), train/dataset_infos.json (what the datasets library says of its rows), ' +
        'train/state.json (what the datasets library says of its rows)',
    );
  });

  test.each([
    ['beside the halves', { 'train.jsonl': ROW, 'test.jsonl': ROW }, 'rows lie in test.jsonl, train.jsonl: put those'],
    [
      'as the Hub has them',
      { 'README.md': '', 'data/train-00000-of-00001.parquet': 'PAR1' },
      'rows lie in data/train-00000-of-00001.parquet',
    ],
    [
      'a folder deeper',
      { 'train/medquad/a.jsonl': ROW },
      'only train/medquad (a folder); rows lie in train/medquad/a.jsonl',
    ],
    ['nowhere', { 'notes.md': '' }, 'pass a folder that holds eval/ and train/'],
  ])('rows %s are pointed at', async (_, files, message) => {
    await expect(read(files as Record<string, string>)).rejects.toThrow(message);
  });
});

test('a link that leads nowhere, as a copy of the Hub’s cache has them, is called that', async () => {
  const root = folderOf({ 'train/a.jsonl': ROW });
  symlinkSync('../../blobs/0123', join(root, 'train', 'b.jsonl'));
  await expect(loadTrainExamples(root)).rejects.toThrow('train/b.jsonl is a link to what is not there');
});

test('the half itself, given as the folder, is told from the folder above', async () => {
  const root = folderOf({ 'train/x.jsonl': ROW });
  await expect(loadTrainExamples(join(root, 'train'))).rejects.toThrow(
    `rows lie in x.jsonl: give the folder above, ${root}`,
  );
});

const TALK = JSON.stringify([{ role: 'user', content: 'Ask?' }]);
test.each([
  [
    'lines that are conversations',
    `${TALK}\n${TALK}\n`,
    'after the array nothing may follow; write one array, or one object a line',
  ],
  ['an array of conversations', `[${TALK},${TALK}]`, 'write a conversation as {"messages": [...]}'],
  ['NaN in an array', '[{"prompt":"Ask?","response":"Say.","score":NaN}]', 'NaN or Infinity of Python, write null'],
  [
    'NaN in a line',
    '{"prompt":"Ask?","response":"Say.","score":NaN}',
    'NaN and Infinity of Python are no JSON: write null',
  ],
])('%s in a .json are refused with what to write', async (_, content, message) => {
  await expect(read({ 'train/x.json': content })).rejects.toThrow(message);
});

describe('a JSON array', () => {
  const row = (i: number) => JSON.stringify({ prompt: `Ask "${i}", [now}?`, response: 'Say {\\" é 漢.' });
  const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i));

  test('of many pieces of the file is read as JSON.parse reads it', async () => {
    const text = `\uFEFF [${rows(20000).join(' ,\n')}]\n\n`;
    const { examples } = await loadTrainExamples(folderOf({ 'train/x.json': text }));
    const expected = JSON.parse(text.slice(1)) as { prompt: string; response: string }[];
    expect(examples.map(({ prompt, response }) => ({ prompt, response }))).toEqual(expected);
  });

  test.each<readonly [string, string, string]>([
    [
      'a row that is no JSON',
      `[${rows(500).join()},{"prompt":bad},${row(0)}]`,
      'row 501: invalid JSON (Unexpected "b")',
    ],
    ['-Infinity', `[${rows(500).join()},{"a":-Infinity}]`, 'row 501: invalid JSON (Unexpected "I")'],
    ['a comma at the end', `[${rows(3).join()},]`, 'row 4: invalid JSON (Unexpected RIGHT_BRACKET ("]"))'],
    ['a comma twice', `[${rows(2).join()},,${row(0)}]`, 'a value is missing before it; write one, or delete a comma'],
    [
      'a text that is not closed',
      `[${rows(500).join()},{"a":"`,
      'row 501: invalid JSON: the array must be closed with ]',
    ],
    ['no end', `[${rows(500).join()}\n`, 'the array must be closed with ], the file ends before that'],
    ['more behind it', `[${rows(3).join()}]\nx`, 'behind row 3 (Unexpected "x"): after the array nothing may follow'],
  ])('with %s is refused with its place', async (_, content, message) => {
    await expect(read({ 'train/x.json': content })).rejects.toThrow(message);
  });
});

test('64-bit ids of Parquet stay apart, where a number would round them together', async () => {
  const root = folderOf({ 'eval/x.txt': '' });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (SELECT 1152921504606846976 + i AS id, 'Which?' AS question, ['lung', 'heart'] AS choices, 1 AS answer FROM range(2) t(i)) ` +
      `TO '${join(root, 'eval', 'x.parquet')}' (FORMAT parquet)`,
  );
  connection.closeSync();
  const { items } = await loadEvalItems(root);
  expect(items.map(({ id, answer }) => [id, answer])).toEqual([
    ['1152921504606846976', 1],
    ['1152921504606846977', 1],
  ]);
});

test('a folder of a name that Hive gives has no part in a Parquet file’s rows', async () => {
  const root = join(folderOf({ 'system=Be bad./train/x.txt': '' }), 'system=Be bad.');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (SELECT 'Ask?' AS prompt, 'Say.' AS response) TO '${join(root, 'train', 'x.parquet')}' (FORMAT parquet)`,
  );
  connection.closeSync();
  const { examples } = await loadTrainExamples(root);
  expect(examples).toEqual([{ id: 'train/x.parquet row 1', source: 'x', prompt: 'Ask?', response: 'Say.' }]);
});
