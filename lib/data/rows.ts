/** A multiple-choice question of an evaluation set. `answer` indexes `choices` from 0. */
export interface EvalItem {
  readonly id: string;
  readonly task: string;
  readonly subject?: string;
  readonly question: string;
  readonly context?: string;
  readonly choices: readonly string[];
  readonly answer: number;
  /** Where the question's picture lies; a language model does not see it. */
  readonly image?: string;
}

/** An instruction and the response to be learnt. A multiple-choice row may keep its question, choices and answer. */
export interface TrainExample {
  readonly id: string;
  /** Names the set the row comes from; `sources.ts` maps it to a row of table A1. */
  readonly source: string;
  readonly system?: string;
  readonly prompt: string;
  readonly response: string;
  readonly question?: string;
  readonly choices?: readonly string[];
  readonly answer?: number;
}

/** Where a row stands, for the error that names it. */
export interface RowPlace {
  readonly file: string;
  readonly line: number;
}

/**
 * One line of an evaluation file. Fields the type does not name are ignored.
 * @throws when the line is no JSON object, or a field is missing or has the wrong type or range
 */
export function parseEvalItem(text: string, place: RowPlace): EvalItem {
  const row = parseRow(text, place);
  const choices = row.choices();
  return {
    id: row.text('id'),
    task: row.text('task'),
    ...row.optionalText('subject'),
    question: row.text('question'),
    ...row.optionalText('context'),
    choices,
    answer: row.answer(choices),
    ...row.optionalText('image'),
  };
}

/**
 * One line of a training file. Fields the type does not name are ignored.
 * @throws as `parseEvalItem`
 */
export function parseTrainExample(text: string, place: RowPlace): TrainExample {
  const row = parseRow(text, place);
  const choices = row.has('choices') || row.has('answer') ? row.choices() : undefined;
  return {
    id: row.text('id'),
    source: row.text('source'),
    ...row.optionalText('system'),
    prompt: row.text('prompt'),
    response: row.text('response'),
    ...row.optionalText('question'),
    ...(choices ? { choices } : {}),
    ...(choices && row.has('answer') ? { answer: row.answer(choices) } : {}),
  };
}

type Optional<K extends string> = { readonly [P in K]?: string };

interface Row {
  has(field: string): boolean;
  /** @throws when it is not a string with something other than white space */
  text(field: string): string;
  /** `{}` when the field is absent or null. */
  optionalText<K extends string>(field: K): Optional<K>;
  choices(): readonly string[];
  answer(choices: readonly string[]): number;
}

function parseRow(text: string, { file, line }: RowPlace): Row {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`examples: ${file} line ${line}: invalid JSON (${reason}); fix or delete the line`);
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new Error(`examples: ${file} line ${line}: must be a JSON object, got ${show(row)}; fix or delete the line`);
  }
  const fields = row as Readonly<Record<string, unknown>>;
  const name = typeof fields.id === 'string' ? ` (id "${fields.id}")` : '';
  const reject = (field: string, required: string, got: unknown): Error =>
    new Error(
      `examples: ${file} line ${line}${name}: "${field}" must be ${required}, got ${show(got)}; fix or delete the row`,
    );
  const has = (field: string) => fields[field] !== undefined && fields[field] !== null;
  return {
    has,
    text: (field) => {
      const value = fields[field];
      if (typeof value !== 'string' || value.trim() === '') throw reject(field, 'a non-empty string', value);
      return value;
    },
    optionalText: <K extends string>(field: K): Optional<K> => {
      if (!has(field)) return {};
      const value = fields[field];
      if (typeof value !== 'string') throw reject(field, 'a string when present', value);
      return { [field]: value } as Optional<K>;
    },
    choices: () => {
      const value: unknown = fields.choices;
      if (!Array.isArray(value) || value.length < 2) throw reject('choices', 'an array of two choices or more', value);
      for (const [i, choice] of value.entries()) {
        if (typeof choice !== 'string' || choice.trim() === '') {
          throw reject(`choices[${i}]`, 'a non-empty string', choice);
        }
      }
      return value as string[];
    },
    answer: (choices) => {
      const value = fields.answer;
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= choices.length) {
        throw reject('answer', `an integer from 0 to ${choices.length - 1}`, value);
      }
      return value;
    },
  };
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
