import type { RawRow } from '../reading/records';
import type { RowPlace } from '../rows';

/** What is wrong with one row. Rows like it can be left out, and are then counted by `reason`. */
export class RowError extends Error {
  constructor(
    message: string,
    /** Without the row's place and content: '"response" must be a non-empty string'. */
    readonly reason: string,
    /** A text that is needed is there, and blank. */
    readonly blank = false,
  ) {
    super(message);
  }
}

type Optional<K extends string> = { readonly [P in K]?: string };

/** Typed reading of one row's fields; every complaint names file, row and field. */
export interface Fields {
  readonly place: RowPlace;
  readonly names: readonly string[];
  /** Undefined where it is missing or null. */
  get(field: string): unknown;
  has(...fields: readonly string[]): boolean;
  /** @throws when it is not a string with something other than white space; a number is taken as text */
  text(field: string): string;
  /** `{}` when the field is absent or null. */
  optionalText<K extends string>(field: K): Optional<K>;
  /** A whole number, which a CSV holds as text; else undefined. */
  whole(field: string): number | undefined;
  /** The field's text or number, or where the row stands. */
  id(field?: string): string;
  refuse(field: string, required: string, got: unknown): RowError;
}

/**
 * @param renamed what the row's file calls a field, by the field's own name
 * @throws when the row is no object
 */
export function fieldsOf(
  { fields, place, untyped, broken }: RawRow,
  renamed: Readonly<Record<string, string>> = {},
): Fields {
  if (broken) throw new RowError(broken.message, broken.reason);
  const { file, at } = place;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new RowError(
      `examples: ${file} ${at}: must be a JSON object, got ${show(fields)}; fix or delete the line`,
      'must be a JSON object',
    );
  }
  const all = { ...(fields as Readonly<Record<string, unknown>>) };
  for (const [field, theirs] of Object.entries(renamed)) {
    if (!(theirs in all)) continue;
    all[field] = all[theirs];
    if (!(theirs in renamed)) delete all[theirs];
  }
  const name = ['string', 'number'].includes(typeof all.id) ? ` (id "${all.id}")` : '';
  const get = (field: string): unknown => {
    const value = all[field];
    return value === null || (untyped && value === '') ? undefined : value;
  };
  const has = (...names: readonly string[]) => names.every((field) => get(field) !== undefined);
  const refuse = (field: string, required: string, got: unknown) =>
    new RowError(
      `examples: ${file} ${at}${name}: "${field}" must be ${required}, got ${show(got)}; fix or delete the row`,
      `"${field}" must be ${required}`,
      typeof got === 'string' && got.trim() === '',
    );
  return {
    place,
    names: Object.keys(all),
    get,
    has,
    text: (field) => {
      const value = get(field);
      if (typeof value !== 'string' || value.trim() === '') throw refuse(field, 'a non-empty string', all[field]);
      return value;
    },
    optionalText: <K extends string>(field: K): Optional<K> => {
      const value = get(field);
      if (value === undefined) return {};
      if (typeof value !== 'string') throw refuse(field, 'a string when present', value);
      return { [field]: value } as Optional<K>;
    },
    whole: (field) => {
      const value = get(field);
      if (untyped && typeof value === 'string' && /^\s*-?\d+\s*$/.test(value)) return Number(value);
      return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
    },
    id: (field = 'id') => {
      const value = get(field);
      if (value === undefined) return `${file} ${at}`;
      if (typeof value === 'number' && Number.isFinite(value)) return String(value);
      if (typeof value !== 'string' || value.trim() === '') throw refuse(field, 'a non-empty string', value);
      return value;
    },
    refuse,
  };
}

/** A value as an error shows it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? Number(one) : one)) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** The error for a row that has no known form. */
export function unknownForm(row: Fields, what: string, forms: readonly { readonly wanted: string }[]): RowError {
  const { file, at } = row.place;
  const fields = row.names.length > 0 ? `the fields ${row.names.join(', ')}` : 'no field';
  const wanted = forms.map((form) => `  ${form.wanted}`).join('\n');
  return new RowError(
    `examples: ${file} ${at}: no form of ${what} has ${fields}. Known forms:\n${wanted}\n` +
      'Write the rows in one of them, or say under "fields" in the settings what they call a field',
    `no known form of ${what}: ${fields}`,
  );
}
