import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { RawRow } from './records';

/** What a column is called that the file calls nothing. */
const unnamed = (column: number): string => `(column ${column}, unnamed)`;
const UNNAMED = /^\(column \d+, unnamed\)$/;
/** Excel's own line before the names: `sep=;`. */
const SEPARATOR_LINE = /^"?sep=(.)"?$/i;

/** What to do, by the parser's code. */
const ADVICE: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_COLUMNS: 'a row needs a cell for each name of the first line',
  CSV_QUOTE_NOT_CLOSED: 'a cell that begins with a quote must end with one: close it',
  CSV_INVALID_CLOSING_QUOTE: 'in a cell within quotes each quote of its text must be there twice ("")',
  INVALID_OPENING_QUOTE:
    'a cell with quotes must begin with one, right after the separator, and hold those of its text twice ("")',
};
const CSV_QUOTES = ' (one that holds a separator must begin and end with a quote)';
const TSV_QUOTES = ' (in a .tsv quotes are text: where they enclose cells with tabs or new lines, call the file .csv)';

/**
 * The rows of a CSV with a line of names first (RFC 4180: cells in double quotes may hold separators and new lines). Names
 * that semicolons, tabs or bars separate, and no comma, say that cells are so separated too; so do more semicolons or tabs
 * than commas, and a line `sep=;` before the names. Names may be missing: Excel ends all lines with the separators of its
 * widest one. The names once more, as two files joined have them, are a bad row. In a TSV quotes are text, but in a cell that is written as a CSV
 * writes one with quotes: `"Say ""it""."`.
 *
 * @throws naming the line that has another number of cells, or an open quote
 */
export async function* readCsv(
  pieces: AsyncIterable<string>,
  file: string,
  delimiter: ',' | '\t',
): AsyncGenerator<RawRow> {
  const { first, number, rest } = await firstLine(pieces);
  const named = SEPARATOR_LINE.exec(first)?.[1];
  const isTsv = delimiter === '\t';
  const parser = parse({
    delimiter: named ?? (isTsv ? delimiter : separatorOf(first)),
    info: true,
    skip_empty_lines: true,
    columns: (names: string[]) => uniqueNames(names, file),
    ...(named === undefined ? {} : { from_line: number + 1 }),
    ...(isTsv ? { quote: false as const, cast: unquoted } : {}),
  });
  const source = Readable.from(rest);
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: object; info: { lines: number } }>) {
      const place = { file, at: `line ${info.lines}` };
      const cells = Object.entries(record) as [name: string, cell: string][];
      const isNames = cells.every(([name, cell]) => cell.trim() === (UNNAMED.test(name) ? '' : name));
      const message = `examples: ${file} ${place.at}: must be a row, is the first line again, which names the columns; delete the line`;
      const broken = { message, reason: 'the line of names again' };
      yield { fields: record, place, untyped: true, ...(isNames ? { broken } : {}) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { code, message } = error;
    const isLength = code === 'CSV_RECORD_INCONSISTENT_COLUMNS';
    const advice = `${ADVICE[code] ?? 'correct the line'}${isTsv ? TSV_QUOTES : isLength ? CSV_QUOTES : ''}`;
    throw new Error(`examples: ${file}: ${message}; ${advice}`, { cause: error });
  }
}

/** What separates the names of the first line, and so the cells: spreadsheets of many countries and databases have others. */
function separatorOf(first: string): string {
  const plain = first.replace(/"[^"]*"/g, '');
  const count = (separator: string) => plain.split(separator).length - 1;
  const commas = count(',');
  const most = [';', '\t'].find((one) => count(one) > commas);
  return most ?? (commas === 0 && count('|') > 0 ? '|' : ',');
}

/** pandas and Excel write a cell with quotes as a CSV does. One in quotes that holds none is its text. */
const unquoted = (cell: string): string =>
  /^"(?=.*"")(?:[^"]|"")*"$/s.test(cell) ? cell.slice(1, -1).replaceAll('""', '"') : cell;

/** The first line that is not blank, its number, and all the text from the beginning on. */
async function firstLine(
  pieces: AsyncIterable<string>,
): Promise<{ first: string; number: number; rest: AsyncIterable<string> }> {
  const taken = pieces[Symbol.asyncIterator]();
  let begin = '';
  while (!/\S.*[\r\n]/.test(begin)) {
    const { value, done } = await taken.next();
    if (done) break;
    begin += value;
  }
  const all = async function* () {
    yield begin;
    yield* { [Symbol.asyncIterator]: () => taken };
  };
  const lines = begin.split(/\r\n|[\r\n]/);
  const place = Math.max(
    0,
    lines.findIndex((line) => line.trim() !== ''),
  );
  return { first: lines[place]!, number: place + 1, rest: all() };
}

function uniqueNames(names: readonly string[], file: string): string[] {
  const trimmed = names.map((name, i) => name.trim() || unnamed(i + 1));
  const twice = trimmed.find((name, i) => trimmed.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new Error(`examples: ${file} line 1: column "${twice}" must be there once, got it twice; rename one`);
  }
  return trimmed;
}
