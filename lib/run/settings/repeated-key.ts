/**
 * The first key that stands twice in one object: a reader keeps the last, and what stood under the first is lost.
 *
 * @param json a text that is JSON
 */
export function repeatedKey(json: string): string | undefined {
  /** Keys of the objects that are open; undefined where a list is. */
  const open: (Set<string> | undefined)[] = [];
  let isKey = false;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') open.pop();
    const keys = open.at(-1);
    if (token === '{' || token === ',') isKey = keys !== undefined;
    else if (isKey) {
      isKey = false;
      const key = token.startsWith('"') ? (JSON.parse(token) as string) : undefined;
      if (key !== undefined && keys?.has(key)) return key;
      if (key !== undefined) keys?.add(key);
    }
  }
  return undefined;
}
