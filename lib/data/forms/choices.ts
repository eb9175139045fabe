import { parseJson } from '../../json-file';
import type { Fields } from './fields';

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The Hub's columns of an image hold '' or null where there is none, else a path or the bytes. */
export function imageOf(row: Fields): { image?: string } {
  const image = row.get('image');
  if (image === undefined || image === '') return {};
  if (typeof image === 'string') return { image };
  const path = typeof image === 'object' ? (image as { readonly path?: unknown }).path : undefined;
  return { image: typeof path === 'string' && path !== '' ? path : '(in the row)' };
}

/** Choices as texts: a list, `{text, label}`, letters with texts, or a CSV's JSON. */
export function choicesOf(row: Fields, field: 'choices' | 'options'): readonly string[] {
  let value = row.get(field);
  if (typeof value === 'string' && value.trim().startsWith('[')) {
    try {
      value = parseJson(value);
    } catch {
      throw row.refuse(field, 'a JSON array of choices', value);
    }
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { text } = value as { readonly text?: unknown };
    value = Array.isArray(text) ? text : lettered(row, field, value);
  }
  if (!Array.isArray(value) || value.length < 2) throw row.refuse(field, 'an array of two choices or more', value);
  return value.map((choice: unknown, i) => textOfChoice(row, `${field}[${i}]`, choice));
}

export function textOfChoice(row: Fields, field: string, choice: unknown): string {
  if (typeof choice === 'number') return String(choice);
  if (typeof choice !== 'string') throw row.refuse(field, 'a string', choice);
  return choice;
}

/** `{A: 'lung', B: 'heart'}`, in the order of the letters; a letter without a text is no choice. */
function lettered(row: Fields, field: string, value: object): readonly unknown[] {
  const entries = Object.entries(value)
    .filter(([, text]) => text !== null && text !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const letters = entries.map(([letter]) => letter);
  if (letters.join('') !== LETTERS.slice(0, letters.length)) {
    throw row.refuse(field, 'choices under the letters A, B and so on', value);
  }
  return entries.map(([, text]) => text);
}

/** The right choice: its place from 0, its letter, or its whole text. */
export function answerOf(row: Fields, field: string, choices: readonly string[]): number {
  const wanted = `an integer from 0 to ${choices.length - 1}, a letter or the text of one choice`;
  const place = row.whole(field);
  if (place !== undefined) {
    if (place >= 0 && place < choices.length) return place;
    throw row.refuse(field, place === choices.length ? `${wanted} (places are counted from 0)` : wanted, place);
  }
  const value = row.get(field);
  if (typeof value !== 'string' || value === '') throw row.refuse(field, wanted, value);
  const byText = choices.flatMap((choice, i) => (choice === value || choice.trim() === value.trim() ? [i] : []));
  const letter = /^\s*\(?([A-Za-z])[).]?\s*$/.exec(value)?.[1]?.toUpperCase();
  const byLetter = letter === undefined ? -1 : LETTERS.indexOf(letter);
  const found = [...new Set([...byText, ...(byLetter >= 0 && byLetter < choices.length ? [byLetter] : [])])];
  if (found.length === 1) return found[0]!;
  throw row.refuse(field, found.length > 1 ? `${wanted}, and mean one choice alone` : wanted, value);
}

const CHOICE_FIELDS = ['choices', 'options'] as const;
const ANSWER_FIELDS = ['answer', 'answer_idx', 'answerKey', 'label', 'correct', 'gold'] as const;
export const choiceField = (row: Fields) => CHOICE_FIELDS.find((field) => row.has(field));
export const answerField = (row: Fields) => ANSWER_FIELDS.find((field) => row.has(field)) ?? 'answer';
/** The texts of fields `ending0`, `ending1` and so on, as many as there are. */
export const numbered = (row: Fields, names: readonly string[]) =>
  names.slice(0, names.findLastIndex((name) => row.has(name)) + 1).map((name) => {
    const value = row.get(name) ?? '';
    return textOfChoice(row, name, value);
  });

/** A list of {aid, atext}, or, as Parquet and the `datasets` library have it, {aid: [...], atext: [...]}. */
export function headAnswers(row: Fields): { readonly answers: string[]; readonly aids: readonly number[] } {
  const value = row.get('answers');
  const list: unknown = Array.isArray(value)
    ? value
    : zip(value as { readonly aid?: unknown; readonly atext?: unknown });
  if (!Array.isArray(list) || list.length < 2) throw row.refuse('answers', 'a list of aid and atext', value);
  const entries = list as readonly { readonly aid?: unknown; readonly atext?: unknown }[];
  return {
    answers: entries.map((one, i) => textOfChoice(row, `answers[${i}].atext`, one.atext)),
    aids: entries.map((one) => Number(one.aid)),
  };
}

function zip({ aid, atext }: { readonly aid?: unknown; readonly atext?: unknown }): unknown {
  if (!Array.isArray(aid) || !Array.isArray(atext)) return undefined;
  return aid.map((one: unknown, i) => ({ aid: one, atext: atext[i] as unknown }));
}
