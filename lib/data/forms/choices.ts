import { parseJson } from '../../json-file';
import { type Fields, isEmpty } from './fields';

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The Hub's columns of an image hold '', null, or a structure of nulls where there is none, else a path or the bytes. */
export function imageOf(row: Fields): { image?: string } {
  const image = row.get('image');
  if (isEmpty(image)) return {};
  if (typeof image === 'string') return { image };
  const path = typeof image === 'object' ? (image as { readonly path?: unknown }).path : undefined;
  return { image: typeof path === 'string' && path !== '' ? path : '(in the row)' };
}

/**
 * Choices as texts: a list, `{text, label}`, letters or numbers with texts, a list of such pairs, or JSON of these (a CSV
 * has no other).
 */
export function choicesOf(row: Fields, field: ChoiceField): readonly string[] {
  const { texts } = labelledChoices(row, field);
  return texts.map((choice: unknown, i) => textOfChoice(row, `${field}[${i}]`, choice));
}

/** The choices of a field, and what the row calls them where it does: 'A', 'B' or '1', '2'. */
function labelledChoices(row: Fields, field: ChoiceField): { texts: readonly unknown[]; labels?: readonly string[] } {
  const value = jsonOf(row, field);
  if (Array.isArray(value)) {
    if (value.length < 2) throw row.refuse(field, 'an array of two choices or more', value);
    return pairedChoices(value) ?? { texts: value };
  }
  if (typeof value !== 'object' || value === null) throw row.refuse(field, 'an array of two choices or more', value);
  const { text, label } = value as { readonly text?: unknown; readonly label?: unknown };
  if (!Array.isArray(text)) return lettered(row, field, value);
  if (text.length < 2) throw row.refuse(field, 'an array of two choices or more', value);
  return Array.isArray(label) && label.length === text.length
    ? { texts: text, labels: label.map(String) }
    : { texts: text };
}

/** A list of {key, value} or {label, text}, as BigBIO and others have it. */
function pairedChoices(list: readonly unknown[]): { texts: readonly unknown[]; labels: readonly string[] } | undefined {
  const pairs = list.map((one) => {
    const { key, label = key, value, text = value } = (one ?? {}) as Readonly<Record<string, unknown>>;
    return label === undefined || text === undefined ? undefined : { label: String(label), text };
  });
  if (!pairs.every((one) => one !== undefined)) return undefined;
  return { texts: pairs.map(({ text }) => text), labels: pairs.map(({ label }) => label) };
}

/** A CSV's cell, or any text, that holds JSON. */
function jsonOf(row: Fields, field: ChoiceField): unknown {
  const value = row.get(field);
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseJson(value);
  } catch {
    throw row.refuse(field, 'a JSON array of choices (as json.dumps writes it, not str)', value);
  }
}

function textOfChoice(row: Fields, field: string, choice: unknown): string {
  if (typeof choice === 'number') return String(choice);
  if (typeof choice !== 'string') throw row.refuse(field, 'a string', choice);
  return choice;
}

/** `{A: 'lung', B: 'heart'}`, in the order of the letters, or of numbers from 0 or 1; a letter without a text is no choice. */
function lettered(row: Fields, field: string, value: object): { texts: readonly unknown[]; labels: readonly string[] } {
  const entries = Object.entries(value)
    .filter(([, text]) => text !== null && text !== undefined)
    .sort(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : 1));
  const labels = entries.map(([label]) => label);
  const first = labels[0] === '0' ? 0 : 1;
  const isNumbered = labels.every((label, i) => label === String(i + first));
  if (!isNumbered && labels.join('').toUpperCase() !== LETTERS.slice(0, labels.length)) {
    throw row.refuse(field, 'choices under the letters A, B and so on, or the numbers 0, 1 or 1, 2 and so on', value);
  }
  if (labels.length < 2) throw row.refuse(field, 'an array of two choices or more', value);
  return { texts: entries.map(([, text]) => text), labels };
}

/**
 * The right choice: its place from 0, its letter, its whole text, or letter and text ('B. heart'). Where the row labels its
 * choices, a number is a label: ARC counts some of its questions' choices from 1.
 *
 * @param from the field that `choices` were read from, where it may label them
 */
export function answerOf(row: Fields, field: string, choices: readonly string[], from?: ChoiceField): number {
  const wanted = `an integer from 0 to ${choices.length - 1}, a letter or the text of one choice`;
  const labels = from === undefined ? [] : (labelledChoices(row, from).labels ?? []);
  const value = row.get(field);
  const place = row.whole(field);
  const numbered = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  if (/^\d+$/.test(numbered) && labels.includes(numbered)) return labels.indexOf(numbered);
  const areNumbers = labels.length > 0 && labels.every((label) => /^\d+$/.test(label));
  if (areNumbers && typeof value === 'number') {
    throw row.refuse(field, `the label of one choice (${labels.join(', ')}) or its text`, value);
  }
  if (place !== undefined && !areNumbers) {
    if (place >= 0 && place < choices.length) return place;
    throw row.refuse(field, place === choices.length ? `${wanted} (places are counted from 0)` : wanted, place);
  }
  if (typeof value !== 'string' || value === '') throw row.refuse(field, wanted, value);
  const byText = choices.flatMap((choice, i) => (choice === value || choice.trim() === value.trim() ? [i] : []));
  const [, letter, rest = ''] = /^\s*\(?([A-Za-z])(?:[).:]+(?:\s+(.*\S))?)?\s*$/s.exec(value) ?? [];
  const letters = labels.length > 0 ? labels.map((label) => label.toUpperCase()) : [...LETTERS];
  const named = letter === undefined ? -1 : letters.indexOf(letter.toUpperCase());
  const byLetter =
    named >= 0 && named < choices.length && (rest === '' || choices[named]!.trim() === rest) ? [named] : [];
  const found = [...new Set([...byText, ...byLetter])];
  if (found.length === 1) return found[0]!;
  throw row.refuse(field, found.length > 1 ? `${wanted}, and mean one choice alone` : wanted, value);
}

const CHOICE_FIELDS = ['choices', 'options'] as const;
type ChoiceField = (typeof CHOICE_FIELDS)[number];
/** Choices in a column each. */
export const LETTER_COLUMNS: readonly string[] = [...LETTERS.slice(0, 10)];
const ANSWER_FIELDS = ['answer', 'answer_idx', 'answer_index', 'answerKey', 'label', 'correct', 'gold'] as const;
/** Of these, those that can say nothing else than the answer. */
const SURE_FIELDS = ANSWER_FIELDS.slice(0, 4);
export const choiceField = (row: Fields) => CHOICE_FIELDS.find((field) => row.has(field));
export const answerField = (row: Fields) => ANSWER_FIELDS.find((field) => row.has(field)) ?? 'answer';

/**
 * As `answerOf`, of a row that may give its answer twice, as MedQA does by text and by letter, and MMLU-Pro by letter and
 * place. A second one that cannot be read as an answer is not.
 *
 * @throws besides, when the two mean different choices
 */
export function agreedAnswer(row: Fields, field: string, choices: readonly string[], from?: ChoiceField): number {
  const answer = answerOf(row, field, choices, from);
  for (const other of SURE_FIELDS.filter((one) => one !== field && row.has(one))) {
    let second: number;
    try {
      second = answerOf(row, other, choices, from);
    } catch {
      row.leave(other, row.get(other));
      continue;
    }
    if (second !== answer) {
      const said = JSON.stringify(row.get(field));
      throw row.refuse(other, `the same choice as "${field}" (${said}, the choice at ${answer})`, row.get(other));
    }
  }
  return answer;
}

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
  const entries = list as readonly ({ readonly aid?: unknown; readonly atext?: unknown } | null)[];
  return {
    answers: entries.map((one, i) => textOfChoice(row, `answers[${i}].atext`, one?.atext)),
    aids: entries.map((one) => Number(one?.aid)),
  };
}

function zip({ aid, atext }: { readonly aid?: unknown; readonly atext?: unknown }): unknown {
  if (!Array.isArray(aid) || !Array.isArray(atext)) return undefined;
  return aid.map((one: unknown, i) => ({ aid: one, atext: atext[i] as unknown }));
}
