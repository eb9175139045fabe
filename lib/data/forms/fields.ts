import { distance } from 'fastest-levenshtein';
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
  /** What the row's file calls them. */
  readonly theirNames: readonly string[];
  /** Undefined where it is missing or null. */
  get(field: string): unknown;
  has(...fields: readonly string[]): boolean;
  /** As `get`, of a field that is only looked at. */
  peek(field: string): unknown;
  /** Whether it is a text with something other than white space. */
  hasText(field: string): boolean;
  /** @throws when it is not a string with something other than white space */
  text(field: string): string;
  /** `{}` when the field is absent or null. */
  optionalText<K extends string>(field: K): Optional<K>;
  /** A whole number, which a CSV holds as text; else undefined. */
  whole(field: string): number | undefined;
  /** The field's text or number, or where the row stands. */
  id(field?: string): string;
  /** What the file calls the fields that hold something and that nobody has read: `has` alone reads none. */
  unread(): readonly string[];
  /** Notes that a part of a field that was read is not: `unread` names it, where it holds something. */
  leave(name: string, value: unknown): void;
  /** The file's names of renamed fields, as the row has them or lacks them. */
  readonly renamed: { readonly found: readonly string[]; readonly lacking: readonly string[] };
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
    const isTalk = Array.isArray(fields) && fields.some((one) => typeof one === 'object' && one !== null);
    const remedy = isTalk ? 'write a conversation as {"messages": [...]}' : 'fix or delete the line';
    throw new RowError(
      `examples: ${file} ${at}: must be a JSON object, got ${show(fields)}; ${remedy}`,
      'must be a JSON object',
    );
  }
  const own = fields as Readonly<Record<string, unknown>>;
  const pairs = Object.entries(renamed).filter(([, theirs]) => theirs in own);
  const taken = new Set(pairs.map(([, theirs]) => theirs));
  /** By the workbook's names; a field that gives its name to another one is out of reach. */
  const all: Readonly<Record<string, unknown>> =
    pairs.length === 0
      ? own
      : Object.fromEntries([
          ...Object.entries(own).filter(([theirs]) => !taken.has(theirs)),
          ...pairs.map(([field, theirs]) => [field, own[theirs]] as const),
        ]);
  const renamedTo = new Map(pairs);
  const hidden = pairs.map(([field]) => field).filter((field) => field in own && !taken.has(field));
  const used = new Set<string>();
  const left = new Set<string>();
  const name = ['string', 'number'].includes(typeof all.id) ? ` (id "${all.id}")` : '';
  const look = (field: string): unknown => {
    const value = all[field];
    return value === null || (untyped && value === '') ? undefined : value;
  };
  const get = (field: string): unknown => {
    used.add(field);
    return look(field);
  };
  const has = (...names: readonly string[]) => names.every((field) => look(field) !== undefined);
  const refuse = (field: string, required: string, got: unknown) => {
    const given = got === undefined && all[field] === null ? null : got;
    const like = given === undefined ? misspelt(field, Object.keys(all)) : undefined;
    const hint = like === undefined ? '' : ` (it has "${like}": misspelt?)`;
    return new RowError(
      `examples: ${file} ${at}${name}: "${field}" must be ${required}, got ${show(given)}${hint}; ` +
        'fix or delete the row, or leave such rows out with --skip-bad-rows',
      `"${field}" must be ${required}`,
      typeof got === 'string' && got.trim() === '',
    );
  };
  return {
    place,
    names: Object.keys(all),
    theirNames: Object.keys(own),
    get,
    has,
    peek: look,
    hasText: (field) => {
      const value = look(field);
      return typeof value === 'string' && value.trim() !== '';
    },
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
      if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw refuse(
          field,
          `a text, or a number that is exact: reading rounds those above ${Number.MAX_SAFE_INTEGER}`,
          value,
        );
      }
      if (typeof value === 'number' && Number.isFinite(value)) return String(value);
      if (typeof value !== 'string' || value.trim() === '') throw refuse(field, 'a non-empty string', value);
      return value;
    },
    unread: () => [
      ...Object.keys(all)
        .filter((field) => !used.has(field) && holdsSomething(look(field)))
        .map((field) => renamedTo.get(field) ?? field),
      ...hidden.filter((field) => holdsSomething(own[field])),
      ...left,
    ],
    leave: (part, value) => {
      if (holdsSomething(value)) left.add(part);
    },
    renamed: { found: [...taken], lacking: Object.values(renamed).filter((theirs) => !taken.has(theirs)) },
    refuse,
  };
}

/** Whether a value says nothing, however deep it lies: Parquet has nothing as a structure of nulls. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === 'string' && value.trim() === '') ||
  (ArrayBuffer.isView(value)
    ? value.byteLength === 0
    : typeof value === 'object' && !(value instanceof Date) && Object.values(value).every(isEmpty));

const holdsSomething = (value: unknown): boolean => value === false || !isEmpty(value);

/** The name among `names` that is a slip of the pen away from `field`, or says more than it: 'question_stem'. */
export function misspelt(field: string, names: readonly string[]): string | undefined {
  const slips = (name: string) => distance(name.toLowerCase(), field.toLowerCase());
  const isLonger = (name: string) =>
    name
      .toLowerCase()
      .split(/[^a-z]/)
      .includes(field.toLowerCase());
  return names
    .filter((name) => name !== field && (slips(name) <= Math.max(1, Math.floor(field.length / 3)) || isLonger(name)))
    .sort((a, b) => slips(a) - slips(b))[0];
}

/** A value as an error shows it. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? Number(one) : one)) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** How many fields a message names. */
const NAMED = 20;

/** Names of fields as an error lists them: a table may have thousands. */
export function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more.toLocaleString('en')} more` : '');
}
