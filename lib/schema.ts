import * as v from 'valibot';
import { parseJson, readTextIfThere } from './json-file';

/**
 * Schemas for the fields of other programs' JSON files. A field that is null counts as absent. Each says the whole of what
 * it requires, so that a message reads: "r" must be a whole number from 1 to 65536, got 0.5.
 */

export const whole = (least: number, most: number) => {
  const wanted = `a whole number from ${least} to ${most}`;
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(least, wanted), v.maxValue(most, wanted));
};

export const count = whole(0, Number.MAX_SAFE_INTEGER);

export const number = v.pipe(v.number('a number'), v.finite('a finite number'));

export const above0 = v.pipe(
  v.number('a positive number'),
  v.finite('a positive number'),
  v.gtValue(0, 'a positive number'),
);

export const range = (least: number, most: number) => {
  const wanted = `a number from ${least} to ${most}`;
  return v.pipe(v.number(wanted), v.minValue(least, wanted), v.maxValue(most, wanted));
};

export const flag = v.boolean('true or false');

export const text = v.string('text');

/** An id of a token: a tokenizer has far fewer. */
export const tokenId = whole(0, 2 ** 31 - 1);

/** One id or several, as `eos_token_id` has them. */
export const tokenIds = v.union(
  [tokenId, v.pipe(v.array(tokenId), v.minLength(1, 'a token id or a list of them'))],
  'a token id or a list of them',
);

export const list = <T extends v.GenericSchema>(item: T) => v.array(item, 'a list');

/** An object of these fields, each of which a file of the workbook's own has; those that a later workbook adds stay. */
export const fields = <T extends v.ObjectEntries>(entries: T) => v.looseObject(entries, 'an object');

const isPlain = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

const plain = (wanted: string) => v.custom<Record<string, unknown>>(isPlain, wanted);

/** Any names, each with such a value. @param wanted 'an object of ranks by layer' */
export const record = <T extends v.GenericSchema>(value: T, wanted: string) =>
  v.pipe(plain(wanted), v.record(v.string(), value));

type Entries = Readonly<Record<string, v.GenericSchema>>;

/**
 * An object of these fields beside any others.
 *
 * @param optional fields that may be missing or null
 * @param required a field that is missing is refused by what its schema requires
 */
export function looseFields<T extends Entries, R extends Entries = Record<never, never>>(
  optional: T,
  required: R = {} as R,
) {
  const blank = Object.fromEntries(Object.keys(required).map((name) => [name, undefined]));
  const may = Object.fromEntries(Object.entries(optional).map(([name, schema]) => [name, v.nullish(schema)])) as {
    [K in keyof T]: v.NullishSchema<T[K], undefined>;
  };
  const all = v.looseObject({ ...may, ...required }, 'an object');
  return v.pipe(
    plain('an object'),
    v.transform((given) => ({ ...blank, ...given })),
    all,
  );
}

/**
 * @param where begins the message: owner and file
 * @param remedy ends it
 * @throws naming the first field that is wrong, what was required and what came
 */
export function checkFields<T extends v.GenericSchema>(
  schema: T,
  json: unknown,
  where: string,
  remedy: string,
): v.InferOutput<T> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = (issue.path ?? []).map(({ key }) => String(key)).join('.') || 'the file';
  // Of a field that is not there, valibot says what the object around it must be.
  const isMissing = issue.type === 'loose_object' && issue.expected !== 'Object';
  const required = isMissing ? 'there' : issue.message;
  const came = issue.type === 'check' ? 'and is not' : `got ${shown(issue.input)}`;
  throw new Error(`${where}: "${field}" must be ${required}, ${came}; ${remedy}`);
}

/**
 * As `checkFields`, of a text that must be JSON.
 *
 * @throws besides, when it is none, or nests deeper than what people write
 */
export function parseFields<T extends v.GenericSchema>(
  schema: T,
  text: string,
  where: string,
  remedy: string,
): v.InferOutput<T> {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new Error(`${where} is damaged (${(error as Error).message}); ${remedy}`);
  }
  return checkFields(schema, json, where, remedy);
}

/** As `parseFields`, of a file; undefined where nothing is there. @throws besides, when it cannot be read */
export async function readFields<T extends v.GenericSchema>(
  schema: T,
  file: string,
  owner: string,
  remedy: string,
): Promise<v.InferOutput<T> | undefined> {
  const text = await readTextIfThere(file, owner);
  return text === undefined ? undefined : parseFields(schema, text, `${owner}: ${file}`, remedy);
}

/** A value as JSON has it, its beginning where it is long. */
export function shown(value: unknown): string {
  const whole = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return whole.length > 200 ? `${whole.slice(0, 200)} and ${whole.length - 200} characters more` : whole;
}

/** As `fields`, of a schema that checks every field of a type. */
export const formOf =
  <T>() =>
  <E extends { readonly [K in keyof T]-?: v.GenericSchema }>(entries: E) =>
    fields(entries);
