import fc from 'fast-check';
import { one } from './draw';

/*
 * One change of a file, drawn from a seed. Each says in words what it did, for the table and for whoever repeats a case.
 */

export interface Mutated {
  readonly what: string;
  readonly bytes: Buffer;
}

/** What takes a file's place. */
export type Place = 'folder' | 'FIFO' | 'device' | 'broken link';

const HOSTILE: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 0.5, 1e9, -1e9, 2 ** 31, 2 ** 53, 1e308, 5e-324, '', ' ', '0', '1', 'abc', 'nan'],
  ...['../../x', '/dev/zero', '\u0000', '\u202e', '=1+1', '$x$', '<script>', 'é'.repeat(50), 'a'.repeat(100_000)],
  ...[[], {}, [null], [[]], { a: 1 }, [0], ['a'], { __proto__: null, constructor: 1 }],
];

const fraction = fc.noBias(fc.integer({ min: 0, max: 2 ** 30 - 1 })).map((n) => n / 2 ** 30);

const jsonChange = fc.record({
  at: fraction,
  change: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...HOSTILE).map((value) => ({ kind: 'set' as const, value })) },
    { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 2 }).map((value) => ({ kind: 'set' as const, value })) },
    { weight: 2, arbitrary: fc.constant({ kind: 'delete' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'rename' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'twice' as const }) },
    { weight: 2, arbitrary: fc.double({ noNaN: true }).map((factor) => ({ kind: 'scale' as const, factor })) },
    { weight: 1, arbitrary: fc.constantFrom(150, 100_000).map((depth) => ({ kind: 'nest' as const, depth })) },
  ),
});
type JsonChange = typeof jsonChange extends fc.Arbitrary<infer T> ? T : never;

const bytesChange = fc.record({
  at: fraction,
  change: fc.oneof(
    fc.integer({ min: 1, max: 255 }).map((mask) => ({ kind: 'flip' as const, mask })),
    fc.constant({ kind: 'cut' as const }),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => ({ kind: 'insert' as const, bytes })),
    fc.integer({ min: 1, max: 5000 }).map((length) => ({ kind: 'zero' as const, length })),
    fc.integer({ min: 1, max: 500 }).map((length) => ({ kind: 'remove' as const, length })),
    fc
      .constantFrom('', '\n', '{}', 'null', '[]', '<!doctype html>', '\ufeff', 'PK\u0003\u0004')
      .map((text) => ({ kind: 'replace' as const, text })),
  ),
});
type BytesChange = typeof bytesChange extends fc.Arbitrary<infer T> ? T : never;

const linesChange = fc.record({
  at: fraction,
  change: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('delete', 'double', 'swap', 'break', 'join').map((kind) => ({ kind })) },
    { weight: 2, arbitrary: jsonChange.map((json) => ({ kind: 'json' as const, json })) },
  ),
});
type LinesChange = typeof linesChange extends fc.Arbitrary<infer T> ? T : never;

/** Changes a file of one JSON value, one time in four as bytes. */
export function mutateJson(content: Buffer, seed: number): Mutated {
  if (seed % 4 === 0) return mutateBytes(content, seed);
  const changed = changeJson(JSON.parse(content.toString('utf8')), one(jsonChange, seed));
  return { what: changed.what, bytes: Buffer.from(changed.text) };
}

/** Changes a file of JSON lines: lines, a line's JSON, or bytes. */
export function mutateLines(content: Buffer, seed: number): Mutated {
  if (seed % 5 === 0) return mutateBytes(content, seed);
  const lines = content.toString('utf8').split('\n').slice(0, -1);
  const { at, change }: LinesChange = one(linesChange, seed);
  const i = Math.floor(at * lines.length);
  const line = lines[i]!;
  const put = (...now: string[]) => lines.splice(i, 1, ...now);
  let what = `line ${i + 1}: ${change.kind}`;
  if ('json' in change) {
    const changed = changeJson(JSON.parse(line), change.json);
    what = `line ${i + 1}: ${changed.what}`;
    put(changed.text);
  } else if (change.kind === 'delete') put();
  else if (change.kind === 'double') put(line, line);
  else if (change.kind === 'break') put(line.slice(0, line.length / 2), line.slice(line.length / 2));
  else if (change.kind === 'join') put(line + (lines[i + 1] ?? line));
  else lines.splice(i, 2, ...lines.slice(i, i + 2).reverse());
  return { what, bytes: Buffer.from(lines.map((text) => `${text}\n`).join('')) };
}

export function mutateBytes(content: Buffer, seed: number): Mutated {
  const { at, change }: BytesChange = one(bytesChange, seed);
  const i = Math.floor(at * content.length);
  const what = `byte ${i}: ${JSON.stringify(change)}`;
  const bytes = Buffer.from(content);
  const [before, after] = [bytes.subarray(0, i), bytes.subarray(i)];
  if (change.kind === 'cut') return { what, bytes: before };
  if (change.kind === 'replace') return { what, bytes: Buffer.from(change.text) };
  if (change.kind === 'insert') return { what, bytes: Buffer.concat([before, change.bytes, after]) };
  if (change.kind === 'remove') return { what, bytes: Buffer.concat([before, after.subarray(change.length)]) };
  if (change.kind === 'flip') bytes[i] = bytes[i]! ^ change.mask;
  else bytes.fill(0, i, Math.min(bytes.length, i + change.length));
  return { what, bytes };
}

/** Changes one value of a JSON value, chosen evenly among all, however deep. */
function changeJson(value: unknown, { at, change }: JsonChange): { what: string; text: string } {
  const places: { readonly path: string; readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const root = { value };
  const walk = (holder: object, path: string) => {
    for (const [key, inner] of Object.entries(holder)) {
      const here = path === '' ? '' : `${path}.${key}`;
      places.push({ path: here, holder: holder as Record<string, unknown>, key });
      if (typeof inner === 'object' && inner !== null) walk(inner, here === '' ? 'file' : here);
    }
  };
  walk(root, '');
  const { path, holder, key } = places[Math.floor(at * places.length)]!;
  const shown = JSON.stringify('value' in change ? change.value : '')?.slice(0, 40);
  const what = `${path || 'file'}: ${change.kind} ${shown}`;
  if (change.kind === 'nest') {
    holder[key] = 'NESTED';
    const nested = '['.repeat(change.depth) + ']'.repeat(change.depth);
    return { what: `${what} ${change.depth}`, text: JSON.stringify(root.value).replace('"NESTED"', nested) };
  }
  const old = holder[key];
  if (change.kind === 'set') holder[key] = change.value;
  else if (change.kind === 'scale') holder[key] = typeof old === 'number' ? old * change.factor : change.factor;
  else if (change.kind === 'twice' && Array.isArray(holder)) holder.splice(Number(key), 0, old);
  else if (change.kind === 'twice') holder[`${key} `] = old;
  else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else {
    delete holder[key];
    if (change.kind === 'rename') holder[`${key}s`] = old;
  }
  return { what, text: JSON.stringify(root.value) ?? '' };
}
