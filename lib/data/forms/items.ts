import { stemOf } from '../reading/records';
import type { EvalItem } from '../rows';
import { type Fields, unknownForm } from './fields';

/** One way in which people write a multiple-choice question. */
export interface ItemForm {
  /** As the user knows it. */
  readonly name: string;
  /** For the error that lists what would be read. */
  readonly wanted: string;
  fits(row: Fields): boolean;
  /** @throws naming the field that is wrong */
  read(row: Fields): EvalItem;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** `task` as the row has it, or the benchmark whose columns these are. */
const taskOf = (row: Fields, benchmark: string): string => (row.has('task') ? row.text('task') : benchmark);

const common = (row: Fields) => ({
  ...row.optionalText('subject'),
  ...imageOf(row),
});

/** The Hub's columns of an image hold '' or null where there is none, else a path or the bytes. */
function imageOf(row: Fields): { image?: string } {
  const image = row.get('image');
  if (image === undefined || image === '') return {};
  if (typeof image === 'string') return { image };
  const path = typeof image === 'object' ? (image as { readonly path?: unknown }).path : undefined;
  return { image: typeof path === 'string' && path !== '' ? path : '(in the row)' };
}

/** Choices as texts: a list, `{text, label}`, letters with texts, or a CSV's JSON. */
function choicesOf(row: Fields, field: 'choices' | 'options'): readonly string[] {
  let value = row.get(field);
  if (typeof value === 'string' && value.trim().startsWith('[')) {
    try {
      value = JSON.parse(value);
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

function textOfChoice(row: Fields, field: string, choice: unknown): string {
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
function answerOf(row: Fields, field: string, choices: readonly string[]): number {
  const wanted = `an integer from 0 to ${choices.length - 1}, a letter or the text of one choice`;
  const place = row.whole(field);
  if (place !== undefined) {
    if (place >= 0 && place < choices.length) return place;
    throw row.refuse(field, place === choices.length ? `${wanted} (places are counted from 0)` : wanted, place);
  }
  const value = row.get(field);
  if (typeof value !== 'string' || value === '') throw row.refuse(field, wanted, value ?? null);
  const byText = choices.flatMap((choice, i) => (choice === value || choice.trim() === value.trim() ? [i] : []));
  const letter = /^\s*\(?([A-Za-z])[).]?\s*$/.exec(value)?.[1]?.toUpperCase();
  const byLetter = letter === undefined ? -1 : LETTERS.indexOf(letter);
  const found = [...new Set([...byText, ...(byLetter >= 0 && byLetter < choices.length ? [byLetter] : [])])];
  if (found.length === 1) return found[0]!;
  throw row.refuse(field, found.length > 1 ? `${wanted}, and mean one choice alone` : wanted, value);
}

const CHOICE_FIELDS = ['choices', 'options'] as const;
const ANSWER_FIELDS = ['answer', 'answer_idx', 'answerKey', 'label', 'correct', 'gold'] as const;
const choiceField = (row: Fields) => CHOICE_FIELDS.find((field) => row.has(field));
const answerField = (row: Fields) => ANSWER_FIELDS.find((field) => row.has(field)) ?? 'answer';
/** The texts of fields `ending0`, `ending1` and so on, as many as there are. */
const numbered = (row: Fields, names: readonly string[]) =>
  names.slice(0, names.findLastIndex((name) => row.has(name)) + 1).map((name) => {
    const value = row.get(name) ?? '';
    return textOfChoice(row, name, value);
  });

const ENDINGS = Array.from(LETTERS, (_, i) => `ending${i}`);
const OPTIONS = ['opa', 'opb', 'opc', 'opd'];

/**
 * The forms, in the order in which they are tried: the Hub's columns of the paper's benchmarks, then any question with
 * choices. A row that names its `task` keeps it; one that does not belongs to the benchmark whose columns it has, else
 * to a task of its file's name.
 */
export const ITEM_FORMS: readonly ItemForm[] = [
  {
    name: 'MedQA (sent1, ending0, label)',
    wanted: 'sent1, ending0 to ending3, label',
    fits: (row) => row.has('sent1', 'ending0', 'label'),
    read: (row) => {
      const choices = numbered(row, ENDINGS);
      return {
        id: row.id(),
        task: taskOf(row, 'medqa'),
        ...common(row),
        question: row.text('sent1'),
        choices,
        answer: answerOf(row, 'label', choices),
      };
    },
  },
  {
    name: 'MedQA (options, answer_idx)',
    wanted: 'question, options by letter, answer_idx',
    fits: (row) => row.has('question', 'options', 'answer_idx', 'meta_info'),
    read: (row) => {
      const choices = choicesOf(row, 'options');
      return {
        id: row.id(),
        task: taskOf(row, 'medqa'),
        question: row.text('question'),
        choices,
        answer: answerOf(row, 'answer_idx', choices),
      };
    },
  },
  {
    name: 'MedMCQA (opa to opd, cop)',
    wanted: 'question, opa to opd, cop',
    fits: (row) => row.has('question', 'opa', 'cop'),
    read: (row) => {
      const choices = numbered(row, OPTIONS);
      if (row.whole('cop') === -1)
        throw row.refuse('cop', 'an answer; -1 marks the test split, whose answers are secret', -1);
      return {
        id: row.id(),
        task: taskOf(row, 'medmcqa'),
        question: row.text('question'),
        choices,
        answer: answerOf(row, 'cop', choices),
      };
    },
  },
  {
    name: 'PubMedQA (context, final_decision)',
    wanted: 'question, context.contexts, final_decision',
    fits: (row) => row.has('final_decision') && (row.has('question') || row.has('QUESTION')),
    read: (row) => {
      const upper = row.has('QUESTION');
      const context = row.get('context');
      const parts = upper
        ? row.get('CONTEXTS')
        : typeof context === 'object'
          ? (context as { readonly contexts?: unknown }).contexts
          : context;
      const lines = typeof parts === 'string' ? [parts] : parts;
      if (!Array.isArray(lines) || lines.some((line) => typeof line !== 'string')) {
        throw row.refuse(upper ? 'CONTEXTS' : 'context.contexts', 'an array of strings', parts);
      }
      const choices = ['yes', 'no', 'maybe'];
      const decision = row.text('final_decision').trim().toLowerCase();
      if (!choices.includes(decision)) throw row.refuse('final_decision', 'yes, no or maybe', decision);
      return {
        id: row.id(row.has('pubid') ? 'pubid' : 'id'),
        task: taskOf(row, 'pubmedqa'),
        question: row.text(upper ? 'QUESTION' : 'question'),
        context: lines.join('\n'),
        choices,
        answer: choices.indexOf(decision),
      };
    },
  },
  {
    name: 'HeadQA (qtext, answers, ra)',
    wanted: 'qtext, answers with aid and atext, ra',
    fits: (row) => row.has('qtext', 'answers', 'ra'),
    read: (row) => {
      const { answers, aids } = headAnswers(row);
      const answer = aids.indexOf(row.whole('ra') ?? Number.NaN);
      if (answer < 0) throw row.refuse('ra', `one of the answers' aid (${aids.join(', ')})`, row.get('ra'));
      const exam = ['name', 'year', 'category', 'qid'].flatMap((field) =>
        row.has(field) ? [String(row.get(field))] : [],
      );
      return {
        id: row.has('id') || exam.length < 2 ? row.id() : exam.join(' '),
        task: taskOf(row, 'headqa'),
        ...imageOf(row),
        question: row.text('qtext'),
        choices: answers,
        answer,
      };
    },
  },
  {
    name: 'MMLU (question, subject, choices, answer)',
    wanted: 'question, subject, choices, answer',
    fits: (row) => row.has('question', 'subject', 'choices', 'answer') && !row.has('task') && !row.has('id'),
    read: (row) => ({ ...itemOf(row), task: 'mmlu' }),
  },
  {
    name: 'question, choices, answer',
    wanted: 'question, choices (or options), answer',
    fits: (row) => choiceField(row) !== undefined || (row.has('task') && row.has('question')),
    read: itemOf,
  },
];

function itemOf(row: Fields): EvalItem {
  const choices = choicesOf(row, choiceField(row) ?? 'choices');
  return {
    id: row.id(),
    task: taskOf(row, stemOf(row.place.file)),
    ...row.optionalText('subject'),
    question: row.text('question'),
    ...row.optionalText('context'),
    choices,
    answer: answerOf(row, answerField(row), choices),
    ...imageOf(row),
  };
}

/** A list of {aid, atext}, or, as Parquet and the `datasets` library have it, {aid: [...], atext: [...]}. */
function headAnswers(row: Fields): { readonly answers: string[]; readonly aids: readonly number[] } {
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

/**
 * A row as an evaluation item, and the form it has.
 *
 * @throws naming the fields found and those wanted, or the field that is wrong
 */
export function readItem(row: Fields): { readonly item: EvalItem; readonly form: string } {
  const form = ITEM_FORMS.find((one) => one.fits(row));
  if (!form) throw unknownForm(row, 'evaluation item', ITEM_FORMS);
  return { item: form.read(row), form: form.name };
}
