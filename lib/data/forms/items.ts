import { stemOf } from '../reading/records';
import type { EvalItem } from '../rows';
import {
  agreedAnswer,
  answerField,
  answerOf,
  choiceField,
  choicesOf,
  headAnswers,
  imageOf,
  LETTER_COLUMNS,
  LETTERS,
  numbered,
} from './choices';
import type { Fields } from './fields';
import { unknownForm } from './unknown';

/** One way in which people write a multiple-choice question. */
export interface ItemForm {
  /** As the user knows it. */
  readonly name: string;
  /** For the error that lists what would be read. */
  readonly wanted: string;
  /** Fields without which a row is not of this form. */
  readonly needs: readonly string[];
  fits(row: Fields): boolean;
  /** @throws naming the field that is wrong */
  read(row: Fields): EvalItem;
}

/** `task` as the row has it, or the benchmark whose columns these are. */
const taskOf = (row: Fields, benchmark: string): string =>
  row.has('task') ? row.text('task').normalize('NFC') : benchmark;

const common = (row: Fields) => ({
  ...row.optionalText('subject'),
  ...imageOf(row),
});

/** MedQA's fields of choices. */
export const ENDINGS: readonly string[] = Array.from(LETTERS, (_, i) => `ending${i}`);
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
    needs: ['sent1', 'ending0', 'label'],
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
    needs: ['question', 'options', 'answer_idx'],
    fits: (row) => row.has('question', 'options', 'answer_idx', 'meta_info'),
    read: (row) => {
      const choices = choicesOf(row, 'options');
      return {
        id: row.id(),
        task: taskOf(row, 'medqa'),
        question: row.text('question'),
        choices,
        answer: agreedAnswer(row, 'answer_idx', choices, 'options'),
      };
    },
  },
  {
    name: 'MedMCQA (opa to opd, cop)',
    wanted: 'question, opa to opd, cop',
    needs: ['question', 'opa', 'cop'],
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
    needs: ['final_decision'],
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
    needs: ['qtext', 'answers', 'ra'],
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
    needs: ['question', 'subject', 'choices', 'answer'],
    fits: (row) => row.has('question', 'subject', 'choices', 'answer') && !row.has('task') && !row.has('id'),
    read: (row) => ({ ...itemOf(row), task: 'mmlu' }),
  },
  {
    name: 'question, A to D, answer',
    wanted: 'question, A, B, C and so on, answer',
    needs: ['question', 'A', 'B', 'answer'],
    fits: (row) => row.has('question', 'A', 'B') && choiceField(row) === undefined,
    read: (row) => {
      const choices = numbered(row, LETTER_COLUMNS);
      return askedOf(row, choices, agreedAnswer(row, answerField(row), choices));
    },
  },
  {
    name: 'question, choices, answer',
    wanted: 'question, choices (or options), answer',
    needs: ['question', 'choices', 'answer'],
    fits: (row) => choiceField(row) !== undefined || (row.has('task') && row.has('question')),
    read: itemOf,
  },
];

function itemOf(row: Fields): EvalItem {
  const field = choiceField(row) ?? 'choices';
  const choices = choicesOf(row, field);
  return askedOf(row, choices, agreedAnswer(row, answerField(row), choices, field));
}

const askedOf = (row: Fields, choices: readonly string[], answer: number): EvalItem => ({
  id: row.id(),
  task: taskOf(row, stemOf(row.place.file)),
  ...row.optionalText('subject'),
  question: row.text('question'),
  ...row.optionalText('context'),
  choices,
  answer,
  ...imageOf(row),
});

/**
 * A row as an evaluation item, and the form it has.
 *
 * @param before the name of the form that the rows before it in its file have
 * @throws naming the fields found and those wanted, or the field that is wrong
 */
export function readItem(row: Fields, before?: string): { readonly item: EvalItem; readonly form: string } {
  const form = ITEM_FORMS.find((one) => one.fits(row));
  if (!form) {
    const known = ITEM_FORMS.find(({ name }) => name === before);
    throw unknownForm(row, 'evaluation item', ITEM_FORMS, known, pairsOf(row));
  }
  return { item: form.read(row), form: form.name };
}

/** What `--fields` would say if the first list were the choices, the first of the others the question, the last the answer. */
function pairsOf(row: Fields): string | undefined {
  const names = row.names.filter((name) => !['id', 'task', 'subject'].includes(name));
  const choices = names.find((name) => Array.isArray(row.get(name)));
  const [question, ...rest] = names.filter((name) => name !== choices);
  const answer = rest.at(-1);
  if (choices === undefined || question === undefined || answer === undefined) return undefined;
  const pairs = Object.entries({ question, choices, answer }).filter(([field, theirs]) => field !== theirs);
  return pairs.map((pair) => pair.join('=')).join(',');
}
