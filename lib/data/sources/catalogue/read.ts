import type { Fields } from '../../forms/fields';
import { readItem } from '../../forms/items';
import { readExample } from '../../forms/training';
import type { BenchmarkSource, LeftOut, ReadContext, Training, TrainingSource } from './entry';

/** How raw rows are read: by the forms that the workbook knows anyway, or as a source's own columns say. */

type ReadTraining = TrainingSource['read'];

/** The row as one of the known forms has it. */
export const asForm: ReadTraining = (row) => [exampleOf(row)];

/** The row as one of the known forms has it, under its own id. */
export const asFormWithId =
  (field = 'id'): ReadTraining =>
  (row) => [{ ...exampleOf(row), id: row.id(field) }];

function exampleOf(row: Fields): Training {
  const { id: _, source: __, system, ...example } = readExample(row).example;
  return { ...example, ...(system?.trim() ? { system } : {}) };
}

/** The row as an item of a known form. */
export const asItem =
  (idField?: string): BenchmarkSource['read'] =>
  (row) => {
    const { id: _, task: __, ...item } = readItem(row).item;
    return [{ ...item, ...(idField === undefined ? {} : { id: row.id(idField) }) }];
  };

/** A pair whose answer may be missing: such rows are no fault of the file. */
export const answered =
  (question: string, answer: string, id: string): ReadTraining =>
  (row) => {
    const value = row.get(answer);
    if (value === undefined || (typeof value === 'string' && value.trim() === '')) return { leftOut: 'no answer' };
    return [{ prompt: row.text(question), response: row.text(answer), ...(row.has(id) ? { id: row.id(id) } : {}) }];
  };

/** Rows of a set that several sources share, told apart by how their ids begin. */
export const withPrefix =
  (prefix: string): ReadTraining =>
  (row, context) =>
    row.id().startsWith(prefix) ? asFormWithId()(row, context) : { leftOut: 'of another sub-mix' };

/** Only rows whose id the file beside them lists, or only the others. */
export function listed<Read extends (row: Fields, context: ReadContext) => unknown>(
  wanted: boolean,
  idField: string,
  read: Read,
  leftOut: string,
): (row: Fields, context: ReadContext) => ReturnType<Read> | LeftOut {
  return (row, context) =>
    context.beside.has(row.id(idField)) === wanted ? (read(row, context) as ReturnType<Read>) : { leftOut };
}

interface Answer {
  readonly text?: unknown;
  readonly selected?: unknown;
  readonly pm_score?: unknown;
}

/** The answer that the asker accepted, else the one with the most votes, else the first. */
export const bestAnswer: ReadTraining = (row) => {
  const value = row.get('answers');
  if (!Array.isArray(value)) throw row.refuse('answers', 'an array of answers', value);
  const answers = (value as readonly Answer[]).filter(({ text }) => typeof text === 'string' && text.trim() !== '');
  const [first] = answers;
  if (!first) return { leftOut: 'no answer' };
  const votes = ({ pm_score: score }: Answer) => (typeof score === 'number' ? score : Number.NEGATIVE_INFINITY);
  const most = answers.reduce((best, one) => (votes(one) > votes(best) ? one : best), first);
  const { text } = answers.find(({ selected }) => selected === true) ?? most;
  return [{ prompt: row.text('question'), response: text as string, id: row.id('qid') }];
};

const TURN = /<\|(user|ai)\|>([\s\S]*?)(?=<\|(?:eos|user|ai|eod)\|>|$)/g;

/** OpenGPT's `<|user|> … <|eos|> <|ai|> … <|eos|> <|eod|>`: a row for each question and its answer. */
export const openGptTurns: ReadTraining = (row, { file, index }) => {
  const turns = [...row.text('text').matchAll(TURN)].map(([, who, text]) => ({ who, text: text!.trim() }));
  const pairs = turns.flatMap(({ who, text }, i): Training[] => {
    const before = turns[i - 1];
    return who === 'ai' && before?.who === 'user' && text !== '' && before.text !== ''
      ? [{ prompt: before.text, response: text }]
      : [];
  });
  if (pairs.length === 0) throw row.refuse('text', 'turns of <|user|> and <|ai|>', row.get('text'));
  const stem = file.replace(/^.*prepared_generated_data_for_|\.csv$/g, '');
  return pairs.map((pair, turn) => ({ ...pair, id: `${stem}-${index}-${turn}` }));
};

/** The abstract and its question, with the decision as the answer. Source: the prompt of lm_eval/tasks/pubmedqa. */
export const pubMedQa: ReadTraining = (row) => {
  const { question, context, choices, answer } = readItem(row).item;
  const prompt = `Abstract: ${context}\nQuestion: ${question}\nAnswer with yes, no or maybe.`;
  return [{ prompt, response: choices[answer]!, id: row.id('pubid') }];
};
