/** '/home/me/models/x', 'C:\models\x', '\\host\x', 'file:///x', alone or inside a sentence; not '1/2', 'a/b' or 'https://x'. */
const ABSOLUTE = /(?<![\w.:/\\~-])(?:file:\/\/|~(?=[\\/])|[A-Za-z]:(?=[\\/])|(?=\/[^\s/])|(?=\\\\))[^\s"'`,;()<>]+/g;

/**
 * A copy in which each absolute path in a text has become its last part: a record for others says what was read, not
 * where one person keeps it. Keys are kept as they are.
 */
export function withoutPaths<T>(value: T): T {
  return replaced(value) as T;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(ABSOLUTE, lastPart);
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one)]));
}

function lastPart(path: string): string {
  return (
    path
      .split(/[\\/]/)
      .filter((part) => part !== '')
      .at(-1) ?? ''
  );
}
