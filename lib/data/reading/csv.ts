import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { RawRow } from './records';

/**
 * The rows of a CSV with a line of names first (RFC 4180: cells in double quotes may hold separators and new lines). Names
 * that semicolons, tabs or bars separate, and no comma, say that cells are so separated too.
 *
 * @throws naming the line that has another number of cells, or an open quote
 */
export async function* readCsv(
  pieces: AsyncIterable<string>,
  file: string,
  delimiter: ',' | '\t',
): AsyncGenerator<RawRow> {
  const { first, rest } = await firstLine(pieces);
  // Spreadsheets of many countries save a ".csv" with semicolons; databases save one with tabs or bars.
  const other =
    delimiter === ',' && !first.includes(',') ? [';', '\t', '|'].find((one) => first.includes(one)) : undefined;
  const parser = parse({
    delimiter: other ?? delimiter,
    info: true,
    skip_empty_lines: true,
    columns: (names: string[]) => uniqueNames(names, file),
    // A TSV's quotes are usually text.
    ...(delimiter === '\t' ? { quote: false as const } : {}),
  });
  const source = Readable.from(rest);
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: object; info: { lines: number } }>) {
      yield { fields: record, place: { file, at: `line ${info.lines}` }, untyped: true };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { message } = error;
    throw new Error(`examples: ${file}: ${message}; a row needs a cell for each name of the first line`, {
      cause: error,
    });
  }
}

/** The line of names, and all the text from the beginning on. */
async function firstLine(pieces: AsyncIterable<string>): Promise<{ first: string; rest: AsyncIterable<string> }> {
  const taken = pieces[Symbol.asyncIterator]();
  let begin = '';
  while (!/[\r\n]/.test(begin)) {
    const { value, done } = await taken.next();
    if (done) break;
    begin += value;
  }
  const all = async function* () {
    yield begin;
    yield* { [Symbol.asyncIterator]: () => taken };
  };
  return { first: begin.split(/[\r\n]/)[0]!, rest: all() };
}

function uniqueNames(names: readonly string[], file: string): string[] {
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, i) => trimmed.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new Error(`examples: ${file} line 1: column "${twice}" must be there once, got it twice; rename one`);
  }
  return trimmed;
}
