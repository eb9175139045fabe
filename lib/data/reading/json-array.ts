/** Where numbers and texts are put together: several times faster than joining strings. */
const BUFFERS = { stringBufferSize: 65536, numberBufferSize: 64 };

/**
 * The elements of a JSON array, one after another, in time linear in its length; memory holds those of one piece.
 *
 * @param pieces of a text whose first character that is no white space is `[`
 * @throws naming the element at which the text is no JSON or ends too early
 */
export async function* readJsonArray(
  pieces: AsyncIterable<string>,
  file: string,
): AsyncGenerator<{ readonly number: number; readonly fields: unknown }> {
  const { JSONParser } = await import('@streamparser/json');
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false, ...BUFFERS });
  let elements: unknown[] = [];
  let failed: Error | undefined;
  parser.onValue = ({ value }) => {
    elements.push(value);
  };
  parser.onError = (error) => {
    failed ??= error;
  };
  let number = 0;
  for await (const piece of pieces) {
    parser.write(piece);
    if (failed) throw invalid(failed, file, number + elements.length);
    for (const fields of elements) yield { number: ++number, fields };
    elements = [];
  }
  if (parser.isEnded) return;
  throw new Error(
    `examples: ${file} row ${number + 1}: invalid JSON: the array must be closed with ], the file ends before that; it is cut short, ` +
      'or a text, list or object of this row is not closed: close it, or fetch the file again',
  );
}

function invalid(error: Error, file: string, read: number): Error {
  const { message } = error;
  const what = message.replace(/ at chunk position.*/, '').replace(/ in state.*/, '');
  if (/state ENDED/.test(message)) {
    return new Error(
      `examples: ${file}: invalid JSON behind row ${read} (${what}): after the array nothing may follow; write one array, or one ` +
        'object a line',
      { cause: error },
    );
  }
  const hint = /Unexpected "[NI]"/.test(message)
    ? ': where it is a NaN or Infinity of Python, write null'
    : /\("[\]},]"\) in state VALUE/.test(message)
      ? ': a value is missing before it; write one, or delete a comma too many'
      : '';
  return new Error(
    `examples: ${file} row ${read + 1}: invalid JSON (${what}); the file is a JSON array that cannot be read from there on${hint}`,
    { cause: error },
  );
}
