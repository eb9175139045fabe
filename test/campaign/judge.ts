/** What became of a case. */
export const VERDICTS = ['sane', 'refused', 'unclear', 'crash', 'hang', 'silently wrong'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Judged {
  readonly verdict: Verdict;
  /** The error's text, or what is wrong. */
  readonly detail: string;
}

/** What JavaScript, or a native library, says when nobody thought of it. */
const RAW =
  /(?:of|is) undefined|is not a function|is not iterable|Cannot (?:read|convert|destructure)|call stack|Invalid (?:array|typed|string length|code)|\[object |at .*\.js:\d|ENOENT: |EISDIR: |EACCES: |panicked|heap/;

/**
 * A refusal is clear when it names the file (or a field in quotes, or an item), the cause, and after a semicolon what to do.
 *
 * @param file the name of the file that was changed
 */
export function judgeError(error: unknown, file: string): Judged {
  const message = error instanceof Error ? error.message : String(error);
  const isOurs = error instanceof Error && ![TypeError, RangeError, SyntaxError].some((raw) => error instanceof raw);
  const names = message.includes(file) || /"[^"]+"|\bitem \S+/.test(message);
  const clear = isOurs && names && /^[a-z][\w ]*: .+(?:;|\n).+/s.test(message) && !RAW.test(withoutQuotes(message));
  return { verdict: clear ? 'refused' : 'unclear', detail: message.slice(0, 300) };
}

/** What the file itself says may hold anything. */
const withoutQuotes = (message: string): string => message.replace(/"(?:[^"\\]|\\.)*"/g, '""');

/** @param wrong what an accepted file's result breaks; undefined where it is sane */
export const judgeResult = (wrong: string | undefined): Judged =>
  wrong === undefined ? { verdict: 'sane', detail: '' } : { verdict: 'silently wrong', detail: wrong.slice(0, 300) };
