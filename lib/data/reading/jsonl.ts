/** One line of a text file; `number` counts from 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** V8 has no longer strings. */
const LONGEST_LINE = 2 ** 29 - 25;

/**
 * The lines of a text in pieces, in time linear in its length.
 * Lines end at the byte 0x0A alone. (`node:readline` would also cut at U+2028, which JSON allows inside a string.)
 * Blank lines are counted but not yielded; a byte-order mark is ignored.
 *
 * @param name how errors call the file
 * @throws when a line is not UTF-8, or is longer than a string can be
 */
export async function* readLines(pieces: AsyncIterable<Buffer>, name: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  /** What the last pieces hold of the line that goes on. */
  let begun: Buffer[] = [];
  const end = (last: Buffer): string => {
    number++;
    const bytes = begun.length > 0 ? Buffer.concat([...begun, last]) : last;
    begun = [];
    if (bytes.length > LONGEST_LINE) {
      throw new Error(
        `examples: ${name} line ${number}: a line may have ${LONGEST_LINE} bytes at most, got ${bytes.length}; ` +
          'write one row a line',
      );
    }
    try {
      return decoder.decode(bytes);
    } catch (error) {
      throw new Error(`examples: ${name} line ${number}: not valid UTF-8; save the file as UTF-8`, { cause: error });
    }
  };
  for await (const bytes of pieces) {
    let start = 0;
    for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, start)) {
      const text = end(bytes.subarray(start, at));
      if (text.trim() !== '') yield { number, text };
      start = at + 1;
    }
    // A copy: the reader may reuse the piece's memory.
    if (start < bytes.length) begun.push(Buffer.from(bytes.subarray(start)));
  }
  if (begun.length > 0) {
    const text = end(Buffer.alloc(0));
    if (text.trim() !== '') yield { number, text };
  }
}
