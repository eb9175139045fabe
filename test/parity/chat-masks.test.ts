import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { messagesOf, requireChatTemplate } from '../../lib/data/chat/chat-template';
import { loadTrainExamples } from '../../lib/data/examples';
import { IGNORED, tokenizeExamples } from '../../lib/data/samples';
import { loadTokenizer } from '../../lib/data/tokenizer';
import { pythonReady } from './python';

const ROOT = join(__dirname, '..', '..');
const BASE = join(ROOT, 'data', 'miniature', 'base');

/**
 * ChatML's shape, with this tokenizer's own control tokens. The answer's end is the turn's: of a character of two tokens,
 * as a newline after a control token is here, transformers marks the first alone.
 */
const template = (generation: boolean) => {
  const [open, close] = generation ? ['{% generation %}', '{% endgeneration %}'] : ['', ''];
  return (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}<|assistant|>\n" +
    `${open}{{ m['content'] }}{{ eos_token }}${close}` +
    "{% else %}<|{{ m['role'] }}|>\n{{ m['content'] }}\n{% endif %}{% endfor %}" +
    '{% if add_generation_prompt %}<|assistant|>\n{% endif %}'
  );
};

const turn = (role: string, content: string) => ({ role, content });
const ROWS = {
  'messages.jsonl': [
    { messages: [turn('system', 'Be brief.'), turn('user', 'What is a goat?'), turn('assistant', 'An animal.')] },
    {
      messages: [
        turn('user', 'What is a goat?'),
        turn('assistant', 'An animal.'),
        turn('user', 'And a carrot?'),
        turn('assistant', 'A plant, 😀 é.'),
        turn('user', 'Sure?'),
        turn('assistant', 'Yes.'),
      ],
    },
  ],
  'sharegpt.jsonl': [
    {
      conversations: [
        { from: 'human', value: 'Name two.' },
        { from: 'gpt', value: 'One\ntwo' },
        { from: 'human', value: 'More.' },
        { from: 'gpt', value: 'Three' },
      ],
    },
  ],
  'alpaca.json': [{ instruction: 'Say it.', input: 'goat', output: 'A goat it is.' }],
  'more.parquet': [
    { messages: [turn('user', 'Which is a plant?'), turn('assistant', 'A carrot.')] },
    {
      messages: [
        turn('system', 'Name one.'),
        turn('user', 'A plant 🥕?'),
        turn('assistant', 'Carrot.\nA root.'),
        turn('user', 'Another?'),
        turn('assistant', 'Reed é.'),
      ],
    },
  ],
};

/** Written by DuckDB: a list of structures, as the Hub's data sets of conversations have it. */
async function writeParquet(file: string, rows: readonly object[]): Promise<void> {
  writeFileSync(`${file}.jsonl`, rows.map((row) => JSON.stringify(row)).join('\n'));
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (SELECT * FROM read_json_auto('${file}.jsonl', format = 'newline_delimited')) TO '${file}' (FORMAT parquet)`,
  );
  connection.closeSync();
  rmSync(`${file}.jsonl`);
}

/** Of each answer the text alone is learnt, and not its end. */
const NARROW = template(true).replace('{{ eos_token }}{% endgeneration %}', '{% endgeneration %}{{ eos_token }}');

describe.skipIf(!pythonReady)('conversations in a model’s own chat template, against transformers', () => {
  test.each([
    ['without a generation block', template(false), template(true)],
    ['with one', NARROW, NARROW],
  ])('token ids and learnt tokens are those of apply_chat_template, %s', async (_, ours, marked) => {
    const work = mkdtempSync(join(tmpdir(), 'masks-'));
    const folder = join(work, 'model');
    cpSync(BASE, folder, { recursive: true });
    writeFileSync(join(folder, 'chat_template.jinja'), ours);
    mkdirSync(join(work, 'data', 'train'), { recursive: true });
    for (const [name, rows] of Object.entries(ROWS)) {
      if (name.endsWith('.parquet')) {
        await writeParquet(join(work, 'data', 'train', name), rows);
        continue;
      }
      const text = name.endsWith('.json') ? JSON.stringify(rows) : rows.map((row) => JSON.stringify(row)).join('\n');
      writeFileSync(join(work, 'data', 'train', name), text);
    }
    const { examples, files } = await loadTrainExamples(join(work, 'data'));
    const read = files.map(({ path, format, rows }) => [path, format, rows]);
    expect(read).toContainEqual(['train/more.parquet', 'Parquet', 2]);
    const tokenizer = await loadTokenizer(folder);
    const { samples } = await tokenizeExamples(examples, tokenizer, await requireChatTemplate(folder));
    const job = join(work, 'job.json');
    const conversations = examples.map(messagesOf);
    writeFileSync(job, JSON.stringify({ folder, template: marked, conversations }));
    const python = join(ROOT, '.venv-parity', 'bin', 'python');
    const theirs = JSON.parse(execFileSync(python, [join(__dirname, 'chat_masks.py'), job], { encoding: 'utf8' }));
    expect(samples.map(({ ids }) => [...ids])).toEqual(theirs.ids);
    expect(samples.map(({ labels }) => [...labels].map((label) => Number(label !== IGNORED)))).toEqual(theirs.masks);
    // Files in the order of their names: alpaca's row, two of messages, two of the Parquet file, ShareGPT's.
    const turns = theirs.masks.map((mask: number[]) => mask.join('').match(/01/g)!.length);
    expect(turns).toEqual([1, 1, 3, 1, 2, 2]);
  });
});
