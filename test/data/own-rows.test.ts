import { describe, expect, test } from 'vitest';
import { loadTrainExamples } from '../../lib/data/examples';
import type { Renaming } from '../../lib/data/forms/renaming';
import { trainingNotes } from '../../lib/data/reading/notes';
import { folderOf } from './folder-of';

/** Training rows as people bring them: what is read of them, what is refused, and whether the advice given helps. */

const set = (row: object, fields: Renaming = {}) =>
  loadTrainExamples(folderOf({ 'train/mine.jsonl': [row] }), { fields });
const one = async (row: object) => {
  const { id: _, source: __, ...rest } = (await set(row)).examples[0]!;
  return rest;
};
const user = { role: 'user', content: 'Ask?' };
const assistant = { role: 'assistant', content: 'Say.' };
const human = { from: 'human', value: 'Ask?' };
const gpt = { from: 'gpt', value: 'Say.' };
const PAIR = { prompt: 'Ask?', response: 'Say.' };

describe('read', () => {
  test.each<readonly [string, object, object]>([
    // Source: transformers' and `datasets`' exports of a list of turns
    ['turns as JSON in a text', { messages: JSON.stringify([user, assistant]) }, PAIR],
    [
      'a list for each field of the turns',
      { conversations: { from: ['human', 'gpt'], value: ['Ask?', 'Say.'] } },
      PAIR,
    ],
    [
      'the role ai',
      {
        messages: [
          { role: 'human', content: 'Ask?' },
          { role: 'ai', content: 'Say.' },
        ],
      },
      PAIR,
    ],
    ['the role bing', { conversations: [human, { from: 'bing', value: 'Say.' }] }, PAIR],
    [
      'parts as OpenAI’s newer interface has them',
      {
        messages: [
          { role: 'user', content: [{ type: 'input_text', text: 'Ask?' }] },
          { role: 'assistant', content: [{ type: 'output_text', text: 'Say.' }] },
        ],
      },
      PAIR,
    ],
    [
      'turns with fields of nulls, as Parquet has them',
      { messages: [user, { ...assistant, train_detail: [], function_call: { name: null, arguments: null } }] },
      PAIR,
    ],
    [
      'a class beside a text',
      { text: 'Say.', label: 0, weight: 70, loss: 0 },
      { prompt: '', response: 'Say.', plain: true },
    ],
    ['a prompt of turns and its completion as text', { prompt: [user], completion: 'Say.' }, PAIR],
    [
      'a prompt of turns and its response',
      { prompt: [{ role: 'system', content: 'Be.' }, user], response: [assistant] },
      { system: 'Be.', ...PAIR },
    ],
    ['turns that are learnt in so many words', { messages: [user, { ...assistant, weight: 1, train: true }] }, PAIR],
    ['an input alone', { instruction: '', input: 'Ask?', output: 'Say.' }, PAIR],
    ['an input of null', { instruction: 'Ask?', input: null, output: 'Say.' }, PAIR],
    [
      'an input beside a response',
      { instruction: 'Do.', input: 'It', response: 'Done.' },
      { prompt: 'Do.\nIt', response: 'Done.' },
    ],
    // databricks-dolly-15k
    [
      'the context of an instruction',
      { instruction: 'Ask?', context: 'It is.', response: 'Say.', category: 'closed_qa' },
      { prompt: 'Ask?\nIt is.', response: 'Say.' },
    ],
    ['a context that is empty', { instruction: 'Ask?', context: '', response: 'Say.' }, PAIR],
    [
      'the context of a question',
      { question: 'Ask?', answer: 'Say.', context: 'It is.' },
      { prompt: 'It is.\nAsk?', response: 'Say.' },
    ],
  ])('%s', async (_, row, expected) => {
    expect(await one(row)).toEqual(expected);
  });

  test('a system turn goes before the row’s own system text, and that is said', async () => {
    const read = await set({ system: 'Outer.', messages: [{ role: 'system', content: 'Be.' }, user, assistant] });
    expect(read.examples).toMatchObject([{ system: 'Be.' }]);
    expect(trainingNotes(read)).toContain('not used: the field "system" (in 1 row of 1)');
  });

  test('that a user’s turn is to be learnt too is said not to be done', async () => {
    const read = await set({ messages: [{ ...user, train: true, weight: 0 }, assistant] });
    expect(trainingNotes(read)).toContain('not used: the field "turns: train" (in 1 row of 1)');
  });

  test('turns in a cell of a CSV', async () => {
    const cell = JSON.stringify([user, assistant]).replaceAll('"', '""');
    const { examples } = await loadTrainExamples(folderOf({ 'train/mine.csv': `messages\n"${cell}"\n` }));
    expect(examples).toMatchObject([PAIR]);
  });

  test('what a turn has beside its text is said', async () => {
    const thinking = { ...assistant, reasoning_content: 'Hm.', name: null, tool_calls: [] };
    expect(trainingNotes(await set({ messages: [user, thinking] }))).toContain(
      'not used: the field "turns: reasoning_content" (in 1 row of 1)',
    );
  });
});

describe('refused', () => {
  test.each<readonly [string, object, string]>([
    [
      'two answers in a row',
      { conversations: [human, gpt, { from: 'gpt', value: 'More.' }] },
      '"conversations[2]" must be the user’s turn (user and assistant in turn), got "assistant"',
    ],
    [
      'a system turn at the end',
      { messages: [user, assistant, { role: 'system', content: 'Be.' }] },
      '"messages[2]" must be the user’s turn',
    ],
    [
      'a system turn in the middle',
      { messages: [user, assistant, { role: 'system', content: 'Be.' }, user, assistant] },
      '"messages[2]" must be the user’s turn',
    ],
    ['an answer first', { conversations: [gpt, human, gpt] }, '"conversations[0]" must be the user’s turn'],
    [
      'an answer that is not to be learnt',
      { messages: [user, { ...assistant, weight: 0 }, user, assistant] },
      '"messages[1]" must be a turn that is learnt',
    ],
    [
      'the same in Axolotl’s word',
      { conversations: [human, { ...gpt, train: false }] },
      '"conversations[1]" must be a turn that is learnt',
    ],
    // The words of OpenAI, Axolotl and ms-swift, as JSON and as a table's cell have them
    ...[
      { weight: '0' },
      { weight: false },
      { weight: 0.5 },
      { train: 'false' },
      { training: false },
      { loss: false },
    ].map((mark): readonly [string, object, string] => [
      `the same as ${JSON.stringify(mark)}`,
      { messages: [user, { ...assistant, ...mark }] },
      '"messages[1]" must be a turn that is learnt',
    ]),
    [
      'an answer that is not wanted, as KTO has it',
      { prompt: 'Ask?', completion: 'Say.', label: false },
      '"label" must be true (or 1) where it stands',
    ],
    ...[
      { prompt: 'Ask?', completion: 'Say.', label: 0 },
      { prompt: 'Ask?', completion: 'Say.', label: 'False' },
      { messages: [user, assistant], label: false },
      { conversations: [human, gpt], kto_tag: false },
      { instruction: 'Ask?', output: 'Say.', kto_tag: 'false' },
      { ...PAIR, weight: 0 },
      { ...PAIR, train: false },
      { text: 'It is.', loss: 'false' },
    ].map((row): readonly [string, object, string] => [
      `a mark not to learn ${JSON.stringify(row)}`,
      row,
      `"${Object.keys(row).at(-1)}" must be true (or 1) where it stands: an answer that is not wanted is not to be learnt`,
    ]),
    [
      'parts of an answer that are not to be learnt, as Axolotl has it',
      { messages: [user, { ...assistant, train_detail: [{ begin_offset: 0, end_offset: 2, train: false }] }] },
      '"messages[1]" must be a turn that is learnt',
    ],
    [
      'a call of a tool beside text',
      { messages: [user, { ...assistant, tool_calls: [{ id: '1', function: { name: 'f' } }] }] },
      '"messages[1]" must be a turn of text alone',
    ],
    [
      'an answer of nothing',
      { messages: [user, { role: 'assistant', content: null, tool_calls: [] }] },
      'must be text',
    ],
    [
      'a question that is blank',
      { messages: [{ ...user, content: ' ' }, assistant] },
      '"messages[0]" must be a question',
    ],
    [
      'a later question without a part',
      { messages: [user, assistant, { ...user, content: [] }, assistant] },
      '"messages[2]" must be a question with text',
    ],
    [
      'rows under their ids',
      { 1: { QUESTION: 'Ask?', LONG_ANSWER: 'Say.' }, 2: { QUESTION: 'Ask?', LONG_ANSWER: 'Say.' } },
      "has the fields 1, 2. Each field holds a row: write each row on a line of its own (jq -c '.[]' FILE)",
    ],
    [
      'a row of the Hub’s viewer',
      { row_idx: 0, row: PAIR, truncated_cells: [] },
      'The field "row" holds a row: write each row on a line of its own (jq -c \'.row\' FILE)',
    ],
    [
      'an answer of the Hub’s viewer',
      { features: [{ name: 'prompt' }], rows: Array.from({ length: 9 }, (_, i) => ({ row_idx: i, row: PAIR })) },
      'the field "rows" holds a list of objects',
    ],
    [
      'thousands of fields',
      Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`f${i}`, i])),
      'f18, f19 and 8,980 more. Known forms',
    ],
    [
      'a call of a tool',
      { messages: [user, { role: 'assistant', content: null, tool_calls: [{ id: '1' }] }] },
      '"messages[1]" must be a turn of text alone: images, sounds and tool calls are not read',
    ],
    [
      'a turn without content',
      { messages: [{ role: 'user', text: 'Ask?' }, assistant] },
      '"messages[0].content" must be text, got {"role":"user","text":"Ask?"}',
    ],
    [
      'turns as Python shows them',
      { messages: "[{'role': 'user'}]" },
      'JSON of one (as json.dumps writes it, not str)',
    ],
    [
      'columns of a whole file',
      { prompt: ['Ask?'], response: ['Say.'] },
      '"prompt" must be a non-empty string, got ["Ask?"]',
    ],
    [
      'fields without a value',
      { prompt: null, response: null },
      'has the fields prompt (which is empty), response (which is empty)',
    ],
    ['an id that JSON’s readers round', { id: 2 ** 60, ...PAIR }, '"id" must be a text, or a number that is exact'],
  ])('%s', async (_, row, message) => {
    await expect(set(row)).rejects.toThrow(message);
  });
});

describe('advice that helps', () => {
  /** The renaming that a message names. */
  const advised = async (row: object): Promise<Renaming> => {
    const { message } = await set(row).then(
      () => Promise.reject(new Error('the row was read')),
      (error: Error) => error,
    );
    const [, pairs = ''] = /`--fields ([^`]+)`/.exec(message) ?? [];
    return Object.fromEntries(pairs.split(',').map((pair) => pair.split('=')));
  };

  test.each<readonly [string, object, string]>([
    ['two answers to choose from', { prompt: 'Ask?', chosen: 'Say.', rejected: 'No.' }, 'response=chosen'],
    [
      'the same as turns',
      { chosen: [user, assistant], rejected: [user, { ...assistant, content: 'No.' }] },
      'messages=chosen',
    ],
    ['the same beside a prompt of turns', { prompt: [user], chosen: [assistant], rejected: [user] }, 'response=chosen'],
    [
      'two answers to choose from, of a question',
      { question: 'Ask?', chosen: 'Say.', rejected: 'No.' },
      'response=chosen',
    ],
    ['turns under another name', { chat: [user, assistant] }, 'messages=chat'],
    ['names in capitals', { PROMPT: 'Ask?', RESPONSE: 'Say.' }, 'prompt=PROMPT,response=RESPONSE'],
    [
      'names beside others',
      { title: 'T', problem: 'Ask?', level: 'x', solution: 'Say.' },
      'prompt=problem,response=solution',
    ],
    ['two texts', { frage: 'Ask?', antwort: 'Say.' }, 'prompt=frage,response=antwort'],
  ])('%s', async (_, row, pairs) => {
    const fields = await advised(row);
    expect(
      Object.entries(fields)
        .map((pair) => pair.join('='))
        .join(),
    ).toBe(pairs);
    expect((await set(row, fields)).examples).toMatchObject([PAIR]);
  });

  test('whole dialogues to choose from are texts', async () => {
    const row = { chosen: 'Human: Ask? Assistant: Say.', rejected: 'Human: Ask? Assistant: No.' };
    expect(await advised(row)).toEqual({ text: 'chosen' });
    expect((await set(row, { text: 'chosen' })).examples).toMatchObject([{ plain: true, response: row.chosen }]);
  });

  test('none is given where none is known, and rows inside an object are pointed at', async () => {
    // SQuAD's: neither title nor context is an answer.
    await expect(advised({ title: 'T', context: 'C', question: 'Ask?', answers: { text: ['Say.'] } })).resolves.toEqual(
      { '': undefined },
    );
    await expect(set({ version: '1', data: [PAIR] })).rejects.toThrow(
      'the field "data" holds a list of objects: if these are the rows',
    );
  });
});
