import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadEvalItems, loadTrainExamples } from '../../lib/data/examples';
import { mutateBytes, mutateJson, mutateLines } from './mutate';
import { DATA, ROOT, same, type Target } from './target';

/** The first rows of a file of the miniature. */
const firstLines = (file: string, count: number): string[] =>
  readFileSync(join(DATA, file), 'utf8').split('\n').slice(0, count);

const TRAIN = firstLines('train/medmcqa_miniature.jsonl', 8);
const EVAL = firstLines('eval/medqa.jsonl', 8);
const text = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''));

function put(folder: string, file: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), content);
}

interface Row {
  readonly id: string;
}

/** What rows of any form must be, and: a line that was not changed still reads the same. */
function wrongRows(rows: readonly Row[], lines: readonly string[], before: readonly Row[], all: readonly string[]) {
  const byId = new Map(before.map((row) => [row.id, row]));
  for (const row of rows) {
    const values = Object.values(row);
    if (row.id.trim() === '' || values.some((value) => typeof value === 'number' && !Number.isFinite(value)))
      return `row ${JSON.stringify(row).slice(0, 100)}`;
    const { choices, answer, prompt, response } = row as unknown as Record<string, unknown>;
    if (
      Array.isArray(choices) &&
      !(Number.isInteger(answer) && (answer as number) < choices.length) &&
      answer !== undefined
    )
      return `answer ${answer} of ${choices.length} choices`;
    if (typeof prompt === 'string' && (typeof response !== 'string' || response.trim() === '')) return 'no response';
  }
  const kept = all.filter((line) => lines.includes(line)).map((line) => (JSON.parse(line) as Row).id);
  const changed = kept.find((id) => !rows.some((row) => row.id === id && same(row, byId.get(id))));
  return changed === undefined ? undefined : `row ${changed} was not changed and reads differently`;
}

const jsonl = (half: 'train' | 'eval', all: readonly string[]): Target => ({
  name: `${half} rows, JSON Lines`,
  file: `${half}/rows.jsonl`,
  prepare: async (folder) => put(folder, `${half}/rows.jsonl`, text(all)),
  mutate: mutateLines,
  run: async (folder) => {
    const rows = half === 'train' ? (await loadTrainExamples(folder)).examples : (await loadEvalItems(folder)).items;
    return { rows, lines: readFileSync(join(folder, half, 'rows.jsonl'), 'utf8').split('\n') };
  },
  wrong: (value, before) => {
    const { rows, lines } = value as { rows: Row[]; lines: string[] };
    return wrongRows(rows, lines, (before as { rows: Row[] }).rows, all);
  },
});

const wholeFile = (name: string, file: string, content: Buffer, mutate: Target['mutate']): Target => ({
  name,
  file,
  prepare: async (folder) => put(folder, file, content),
  mutate,
  run: async (folder) =>
    file.startsWith('train') ? (await loadTrainExamples(folder)).examples : (await loadEvalItems(folder)).items,
  wrong: (rows) => wrongRows(rows as Row[], [], [], []),
});

const csv = (rows: readonly Record<string, unknown>[], names: readonly string[]): Buffer => {
  const cell = (value: unknown) =>
    `"${(typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('"', '""')}"`;
  return Buffer.from(
    [names.join(','), ...rows.map((row) => names.map((name) => cell(row[name])).join(','))].join('\n'),
  );
};

const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

/** Questions with a column for each choice, and the letter of the right one. */
const lettered = parsed(EVAL).map(({ id, question, choices, answer }) => ({
  id,
  question,
  ...Object.fromEntries((choices as string[]).map((choice, i) => ['ABCDE'[i], choice])),
  answer: 'ABCDE'[answer as number],
}));

export const ROW_TARGETS: readonly Target[] = [
  jsonl('train', TRAIN),
  jsonl('eval', EVAL),
  wholeFile('train rows, JSON array', 'train/rows.json', Buffer.from(`[${TRAIN.join(',')}]`), mutateJson),
  wholeFile(
    'train rows, CSV',
    'train/rows.csv',
    csv(parsed(TRAIN), ['id', 'source', 'prompt', 'response']),
    mutateBytes,
  ),
  wholeFile('train rows, Parquet', 'train/messages.parquet', parquet('messages'), mutateBytes),
  wholeFile('eval rows, JSON array', 'eval/rows.json', Buffer.from(`[${EVAL.join(',')}]`), mutateJson),
  // A CSV has choices as JSON text, or a column for each.
  wholeFile(
    'eval rows, CSV',
    'eval/rows.csv',
    csv(parsed(EVAL), ['id', 'task', 'question', 'choices', 'answer']),
    mutateBytes,
  ),
  wholeFile(
    'eval rows, CSV by letter',
    'eval/rows.csv',
    csv(lettered, ['id', 'question', 'A', 'B', 'C', 'D', 'answer']),
    mutateBytes,
  ),
  wholeFile('eval rows, Parquet', 'eval/headqa.parquet', parquet('headqa'), mutateBytes),
];

function parquet(name: string): Buffer {
  return readFileSync(join(ROOT, 'test', 'data', 'fixtures', `${name}.parquet`));
}
