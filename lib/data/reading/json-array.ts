import { Readable } from 'node:stream';

/**
 * The elements of a JSON array, one after another, in time linear in its length and in constant memory.
 *
 * @throws naming the element after which the text is no JSON, or that it ends too early
 */
export async function* readJsonArray(
  pieces: AsyncIterable<string>,
  file: string,
): AsyncGenerator<{ readonly number: number; readonly fields: unknown }> {
  const { default: streamArray } = await import('stream-json/streamers/stream-array.js');
  const source = Readable.from(pieces);
  const elements = streamArray.withParserAsStream();
  source.on('error', (error) => elements.destroy(error));
  let number = 0;
  try {
    for await (const { value } of source.pipe(elements) as AsyncIterable<{ value: unknown }>) {
      yield { number: ++number, fields: value };
    }
  } catch (error) {
    const { message } = error as Error;
    if (!message.startsWith('Parser')) throw error;
    const hint = /unexpected characters/.test(message)
      ? ': after the array nothing may follow; write one array, or one object a line'
      : /expected a value/.test(message)
        ? ': where it is a NaN or Infinity of Python, write null'
        : '';
    throw new Error(
      `examples: ${file} row ${number + 1}: invalid JSON (${message}); the file is a JSON array that cannot be read from there on${hint}`,
      { cause: error },
    );
  }
}
